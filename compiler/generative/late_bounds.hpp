// Bounds of parameters that depend on data which are drawn given them:
//
//   real<lower=0, upper=min(y)> shift;   ...   y - shift ~ lognormal(mu, sigma);
//
// The joint density of parameters and data is that of prior and likelihood where the bound holds. It is simulated
// without the bound, and where the data then break it, which the likelihood mostly rules out, the parameter has no
// unconstrained value: the simulation is left out, as whatever is not finite.
#pragma once

#include "lang/typed.hpp"

namespace sibyl::generative {

// Sets `late_lower` and `late_upper` of `program.simulation`, whose statements are there already.
void find_late_bounds(typed::Program& program);

// Whether a bound of the parameter is among them.
bool has_late_bound(const typed::Program& program, typed::VariableId id);

// A prior that itself depends on such data, `shift ~ uniform(0, min(y))`: there is no order to draw them in.
struct LatePrior {
  Span span;
  typed::VariableId parameter = 0, data = 0;
};
std::optional<LatePrior> find_late_prior(const typed::Program& program);

} // namespace sibyl::generative
