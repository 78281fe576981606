// Reads the signatures of operations.hpp: whether operands fit an operation, and the type of what it gives.
#pragma once

#include "compiler/ir/ir.hpp"

#include <string>
#include <vector>

namespace sibyl::ir {

// What a signature leaves to the instruction.
struct SignatureContext {
  Type element = Type::none; // of the cell or the array
  Type own = Type::none;     // of the instruction
  std::size_t repeats = 1;   // the array's rank, the function's number of arguments
};

struct Fit {
  Type result = Type::none;
  std::string mismatch; // "operand 1 has the wrong type"; empty where the operands fit
};

Fit fit(Op op, const std::vector<Type>& operands, const SignatureContext& context);

} // namespace sibyl::ir
