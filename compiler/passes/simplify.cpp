#include "compiler/passes/simplify.hpp"

namespace sibyl::ir {

const std::vector<SimplificationStep>& simplification() {
  static const std::vector<SimplificationStep> steps{
      {"share_values", share_values},
      {"drop_proven_checks", drop_proven_checks},
      {"hoist_invariants", hoist_invariants},
      {"share_values", share_values}, // what several loops had in common
      {"drop_overwritten_stores", drop_overwritten_stores},
      {"drop_dead_code", drop_dead_code},
  };
  return steps;
}

void simplify(Function& function) {
  for (const SimplificationStep& step : simplification()) step.run(function);
}

} // namespace sibyl::ir
