// The reference semantics of the intermediate representation, for tests: runs a function for ONE lane, in double, one
// instruction after the other, with every index and size checked. Slow and obviously right.
#pragma once

#include "compiler/ir/ir.hpp"

#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace sibyl::test {

struct Tensor {
  std::vector<std::int32_t> sizes; // empty: a scalar
  std::vector<double> values;      // row-major
};

struct Report { // of a failed check, a reject, or a print
  std::uint32_t message = 0;
  std::vector<double> values;
};

// What a call reads and writes.
struct Call {
  const ir::Model* model = nullptr; // whose callees the function calls
  std::map<std::uint32_t, Tensor> variables; // by index into the facts; outputs are added
  std::vector<double> unconstrained;         // in or out
  bool include_jacobian = true;
  double log_density = 0;
  std::vector<double> gradient;
  std::optional<Report> failure;
  std::vector<Report> printed;
  std::uint64_t executed = 0; // instructions
  std::size_t tape_left = 0;  // pushed and never popped
  // A draw's value by its site and how often the enclosing loops (outermost first) have iterated before.
  std::function<double(ir::Op, std::uint32_t site, const std::vector<std::int64_t>& iterations)> draw;
};

// Throws InternalError where the function does what it must not: an index out of range, a pop of the wrong type.
void interpret(const ir::Function& function, Call& call);

} // namespace sibyl::test
