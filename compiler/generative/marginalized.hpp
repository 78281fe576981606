// Densities that sum or integrate something out, read as what they sum over: each has one simulator.
//
//   vector[K] lps = log(theta);                                   z ~ categorical(theta);
//   for (k in 1:K) lps[k] += normal_lpdf(y[n] | mu[k], s[k]);     y[n] ~ normal(mu[z], s[z]);
//   target += log_sum_exp(lps);
//
//   if (y[n] == 0)                                                z ~ bernoulli(theta);
//     target += log_sum_exp(bernoulli_lpmf(1 | theta),            if (z) y[n] = 0;
//       bernoulli_lpmf(0 | theta) + poisson_lpmf(y[n] | l));      else y[n] ~ poisson(l);
//   else target += bernoulli_lpmf(0 | theta) + poisson_lpmf(y[n] | l);
//
//   if (y[n] == U) target += normal_lccdf(U | mu, s);             t ~ normal(mu, s);
//   else y[n] ~ normal(mu, s);                                    y[n] = fmin(t, U);
//
//   for (n in max(y[i]):K)                                        n ~ poisson(lambda);
//     lps[n + 1] = poisson_lpmf(n | lambda)                       y[i] ~ binomial(n, p);
//                  + binomial_lpmf(y[i] | n, p);                  (left out where n is not from max(y[i]) to K)
//   target += log_sum_exp(lps[(max(y[i]) + 1):(K + 1)]);
//
// The density stays as the text has it; the simulation runs the statements that are made here.
#pragma once

#include "lang/typed.hpp"

namespace sibyl::generative {

// Sets `program.simulation`; adds the local variables that it needs.
void read_marginalized(typed::Program& program);

// Whether it is when a diffusion reaches a boundary: `wiener` in any of its forms.
bool is_diffusion(const typed::Distribution& distribution);

} // namespace sibyl::generative
