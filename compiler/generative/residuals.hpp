// Residuals of data that are given a distribution draw the data:
//
//   err[t] = y[t] - nu[t];             y[t] = nu[t] + normal_rng(0, sigma);
//   ...                                err[t] = y[t] - nu[t];
//   err ~ normal(0, sigma);
//
//   y - X * beta ~ normal(0, sigma);   for (n in 1:N) y[n] = X[n] * beta + normal_rng(0, sigma);
//
// The datum enters with a factor of one or minus one, so that the densities of residual and datum are the same. The
// density stays as the text has it; the simulation runs the statements that are made here.
#pragma once

#include "lang/typed.hpp"

namespace sibyl::generative {

// Changes `program.simulation`; adds the loop variables that it needs.
void read_residuals(typed::Program& program);

} // namespace sibyl::generative
