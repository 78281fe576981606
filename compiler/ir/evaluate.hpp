// What pure operations compute, as plain doubles: the one place for constant folding (and for the reference interpreter
// of the tests). Integers and booleans are held in doubles, exactly.
#pragma once

#include "compiler/ir/ir.hpp"

#include <optional>
#include <vector>

namespace sibyl::ir {

// The value of a pure operation on known operands of these types. Nothing where it has none (integer division by zero)
// or where the C library lacks the function (digamma and kin).
std::optional<double> evaluate(Op op, std::uint32_t id, const std::vector<Type>& types,
                               const std::vector<double>& operands);

// What machine code computes from the known operands, the same in double and (rounded) in float: a value if they decide
// it, nothing where the two or the machine's own functions might give another.
std::optional<double> fold(Op op, std::uint32_t id, const std::vector<Type>& types,
                           const std::vector<std::optional<double>>& operands);

// The number of the operand that the operation returns unchanged (x * 1, x - 0, select on a constant, ...), by
// identities that are exact in IEEE arithmetic. `values` tells which operands are the same value.
std::optional<std::size_t> same_as_operand(Op op, const std::vector<Type>& types,
                                           const std::vector<std::optional<double>>& constants,
                                           const std::vector<ValueId>& values);

} // namespace sibyl::ir
