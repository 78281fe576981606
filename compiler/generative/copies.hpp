// Values that are nothing but copies of parameters, and are given a distribution, draw the parameters:
//
//   theta[1] = theta1;  theta[2] = theta2;             simplex theta'[k] ~ dirichlet(alpha[k]) for each k;
//   for (k in 1:2) theta[k] ~ dirichlet(alpha[k]);     theta1 = theta'[1];  theta2 = theta'[2];
//
//   for (i in 1:I) { xi[i, 1] = a[i]; xi[i, 2] = b[i]; }
//   for (i in 1:I) xi[i] ~ multi_normal(mu, Sigma);        (likewise of `xi[i] = [a[i], b[i]]';`)
//
// Each parameter is copied once and whole, so that the density of the copies is that of the parameters. A parameter
// with bounds is drawn so only where the distribution draws values of its very type. The density stays as the text has
// it.
#pragma once

#include "lang/typed.hpp"

namespace sibyl::generative {

// Changes `program.simulation`; adds the variables that hold the draws.
void read_copies(typed::Program& program);

} // namespace sibyl::generative
