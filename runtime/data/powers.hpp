// The powers of prior and likelihood that `train --sensitivity` makes data of a text (lang/powers.hpp): one where a
// data set says nothing of them.
#pragma once

#include "compiler/interface/facts.hpp"
#include "lang/powers.hpp"

#include <algorithm>

namespace sibyl {

inline bool is_power(const VariableFact& variable) {
  return variable.role == Role::design && variable.has_design_distribution && variable.dimensions.empty() &&
         !variable.is_integer && (variable.name == prior_power_name || variable.name == likelihood_power_name);
}

inline bool has_powers(const Facts& facts) {
  return std::any_of(facts.variables.begin(), facts.variables.end(), is_power);
}

} // namespace sibyl
