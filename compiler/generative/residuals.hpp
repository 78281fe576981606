// Residuals of data that are given a distribution draw the data:
//
//   err[t] = y[t] - nu[t];             y[t] = nu[t] + normal_rng(0, sigma);
//   ...                                err[t] = y[t] - nu[t];
//   err ~ normal(0, sigma);
//
//   y - X * beta ~ normal(0, sigma);   for (n in 1:N) y[n] = X[n] * beta + normal_rng(0, sigma);
//
//   (rho + 1) / 2 ~ beta(2, 2);        rho = 2 * beta_rng(2, 2) - 1;
//   log(y) ~ normal(mu, sigma);        y = exp(normal_rng(mu, sigma));
//
// The datum, or the parameter that nothing else draws, enters with a factor that is not random, so that the densities
// of left side and datum are the same but for a constant; data, whose own scale is no random number, through a function
// too. The density stays as the text has it; the simulation runs the statements that are made here.
#pragma once

#include "lang/typed.hpp"

namespace sibyl::generative {

// Changes `program.simulation`; adds the loop variables that it needs.
void read_residuals(typed::Program& program);

} // namespace sibyl::generative
