// Data that are observed through a transformation: `log_y` of the transformed data is drawn in the model, and computed
// from the data `y` of a file. The model then says how log_y arises and nothing of y itself: simulation draws log_y and
// leaves y without values.
#pragma once

#include "compiler/interface/facts.hpp"
#include "lang/typed.hpp"

#include <optional>
#include <set>
#include <vector>

namespace sibyl::generative {

struct ComputedData {
  std::set<typed::VariableId> drawn;      // transformed data with a distribution
  std::set<typed::VariableId> underlying; // data that the model reads only through them
  std::set<typed::VariableId> derived;    // other transformed data computed from underlying data

  // Whether simulation has no value for the variable from the statements of the transformed data.
  bool lacks(typed::VariableId id) const {
    return drawn.contains(id) || underlying.contains(id) || derived.contains(id);
  }
};

// `drawn`: the transformed data that `~` draws. `refusal` is set where a statement of the model or a declaration uses
// what simulation has no value for.
ComputedData find_computed_data(const typed::Program& program, const std::set<typed::VariableId>& drawn,
                                std::optional<Reason>& refusal);

// The transformed data's statements without those that compute what simulation draws or has no value for; their
// declarations stay, without values.
std::vector<typed::StatementPtr> without_computed(const std::vector<typed::StatementPtr>& transformed_data,
                                                  const typed::Program& program, const ComputedData& computed);

} // namespace sibyl::generative
