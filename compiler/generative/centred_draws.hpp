// Effects that add up to zero, of which a parameter holds all but the last:
//
//   beta = append_row(beta_free, -sum(beta_free));      beta' ~ normal(0, 3);
//   beta ~ normal(0, 3);                                beta_free = (beta' - mean(beta'))[1:(N - 1)];
//
// The density is that of independent normals given that their sum is zero, but for a constant, where location and scale
// are no random numbers: those, less their mean. The density stays as the text has it.
#pragma once

#include "lang/typed.hpp"

namespace sibyl::generative {

// Changes `program.simulation`; adds the variables that hold the draws.
void read_centred_draws(typed::Program& program);

} // namespace sibyl::generative
