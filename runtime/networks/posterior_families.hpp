// The registry of posterior families: distributions of z given the summaries.
//
// A family is a struct with its `info`, `sizes`, and static templates over a backend
//   context(b, config, summary, conditions)          what is computed once for a data set
//   loss(b, config, z, context)                      a column, whose mean training minimizes (may draw random numbers)
//   validation_loss(b, config, z, context)           a column by whose mean trainings are compared; only where that is
//                                                    not the loss
//   sample(b, config, base, context, log_density)    draws from rows of standard normal numbers, and their log density
//   as
//                                                    a column where the pointer is not null
//   log_density(b, config, z, context)               of given points, as a column
// Where a context has one row, it serves all rows of the other argument.
#pragma once

#include "lang/errors.hpp"
#include "runtime/networks/families/flow_matching.hpp"
#include "runtime/networks/families/mean_flow.hpp"
#include "runtime/networks/families/spline_flow.hpp"

#include <array>
#include <tuple>

namespace sibyl::networks {

// One line each; the first is the default.
using PosteriorFamilies = std::tuple<SplineFlow, FlowMatching, MeanFlow>;

template <typename... Family>
constexpr std::array<PosteriorFamilyInfo, sizeof...(Family)> family_infos_of(std::tuple<Family...>*) {
  return {Family::info...};
}
inline constexpr auto posterior_family_infos = family_infos_of(static_cast<PosteriorFamilies*>(nullptr));

template <typename Visit, typename... Family>
void visit_family(std::tuple<Family...>*, std::string_view name, Visit& visit) {
  if (!((name == Family::info.name ? (visit(Family{}), true) : false) || ...))
    throw InternalError("there is no posterior family " + std::string(name));
}

// visit(Family{}) for the family of that name. The catalogue checks names that come from outside.
template <typename Visit>
void visit_family(std::string_view name, Visit&& visit) {
  visit_family(static_cast<PosteriorFamilies*>(nullptr), name, visit);
}

} // namespace sibyl::networks
