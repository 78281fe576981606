// A dose that is absorbed at one rate and eliminated as Michaelis and Menten have it.
functions {
  array[] real change(real t, array[] real y, array[] real theta, array[] real x_r, array[] int x_i) {
    real dose = 0;
    if (t > 0) dose = exp(-theta[1] * t) * x_r[1] * theta[1] / x_r[2];
    array[1] real rate = {dose - (theta[3] / x_r[2]) * y[1] / (theta[2] + y[1])};
    return rate;
  }
}
data {
  real t0;
  real D;
  real V;
  int<lower=1> N_t;
  array[N_t] real times;
  array[N_t] real C_hat;
}
transformed data {
  array[1] real C0 = {0.0};
  array[2] real x_r = {D, V};
  array[0] int x_i;
}
parameters {
  real<lower=0> k_a;
  real<lower=0> K_m;
  real<lower=0> V_m;
  real<lower=0> sigma;
}
transformed parameters {
  array[N_t, 1] real C;
  {
    array[3] real theta = {k_a, K_m, V_m};
    C = integrate_ode_bdf(change, C0, t0, times, theta, x_r, x_i);
  }
}
model {
  k_a ~ cauchy(0, 1);
  K_m ~ cauchy(0, 1);
  V_m ~ cauchy(0, 1);
  sigma ~ cauchy(0, 1);
  for (n in 1:N_t) C_hat[n] ~ lognormal(log(C[n, 1]), sigma);
}
