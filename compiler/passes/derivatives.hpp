// The derivative of every operation, each one rule.
#pragma once

#include "compiler/ir/build.hpp"

#include <functional>

namespace sibyl::ir {

// Whether the result varies smoothly with an operand: not comparisons, rounding, the condition of a `select`.
bool is_differentiable(const Instruction& instruction, std::size_t operand);

// Which values the rule below reads, given the operands that are wanted.
struct RuleNeeds {
  std::vector<bool> operands;
  bool result = false;
};
RuleNeeds needs_of_rule(const Instruction& instruction, const std::vector<bool>& wanted);

// Where a rule is applied: the values of the operands and of the result, the adjoint of the result.
struct RulePlace {
  std::vector<ValueId> operands;
  ValueId result = none;
  ValueId adjoint = none;
  // The adjoint is perhaps zero because a `select` took the other side: then nothing flows, even where the derivative
  // is infinite (0 * infinity would be NaN).
  bool guarded = false;
};

// Emits the contribution to the adjoint of each operand wanted, and tells it.
void differentiate(Builder& builder, const Instruction& instruction, const RulePlace& place,
                   const std::vector<bool>& wanted, const std::function<void(std::size_t, ValueId)>& contribute);

} // namespace sibyl::ir
