// Elements of an ordered parameter that have distributions of their own are drawn until they are in order:
//
//   ordered[2] mu;                  for (attempt in 1:1000) { mu'[1] ~ normal(3, 1);  mu'[2] ~ normal(10, 1);
//   ...                                                       if (mu'[2] > mu'[1]) break; }
//   mu[1] ~ normal(3, 1);           mu = mu';
//   mu[2] ~ normal(10, 1);
//
// which is the density that the text has, where the distributions depend on nothing random: it leaves out the chance of
// that order, a constant then. Of one distribution for all elements the type itself knows what they become
// (stdlib/transforms/). The density stays as the text has it.
#pragma once

#include "lang/typed.hpp"

namespace sibyl::generative {

// Changes `program.simulation`; adds the variables that hold the draws.
void read_conditioned_draws(typed::Program& program);

} // namespace sibyl::generative
