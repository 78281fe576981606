// Densities that the text defines, and whose draws it defines too:
//
//   real weird_lpdf(real y, real mu) { ... }
//   real weird_rng(real mu) { ... }
//   ...
//   y[n] ~ weird(mu[n]);                         y[n] = weird_rng(mu[n]);
//
// where the arguments are the density's behind the outcome, and what is drawn has the outcome's type. A density that is
// made of distributions is read as those (inlined_densities.hpp): what remains a call is drawn by the text's own
// function. The density stays as the text has it.
#pragma once

#include "lang/typed.hpp"

namespace sibyl::generative {

// Changes `program.simulation`.
void read_own_draws(typed::Program& program);

} // namespace sibyl::generative
