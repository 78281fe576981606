// Densities that the text defines are read where they are called:
//
//   real zero_inflated_lpmf(int y, real rate, real zi) {          if (y[n] == 0)
//     if (y == 0)                                                   target += log_sum_exp(bernoulli_lpmf(1 | zi), ...);
//       return log_sum_exp(bernoulli_lpmf(1 | zi), ...);          else
//     return bernoulli_lpmf(0 | zi) + poisson_lpmf(y | rate);       target += bernoulli_lpmf(0 | zi) +
//     poisson_lpmf(y[n] | ...);
//   }
//   ...  target += zero_inflated_lpmf(y[n] | rate[n], zi);
//
// so that the generative reading sees the distributions that they are made of. A function in which no distribution has
// a variable of the call as its outcome stays a call. The density is the same before and after.
#pragma once

#include "lang/typed.hpp"

namespace sibyl::generative {

// Changes `program.model`; adds the functions' local variables to the program's.
void inline_densities(typed::Program& program);

} // namespace sibyl::generative
