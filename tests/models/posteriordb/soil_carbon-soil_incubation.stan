// Carbon of soil in two pools that feed each other, and what has evolved from them.
functions {
  array[] real two_pools(real t, array[] real C, array[] real theta, array[] real x_r, array[] int x_i) {
    array[2] real rate;
    rate[1] = -theta[1] * C[1] + theta[4] * theta[2] * C[2];
    rate[2] = -theta[2] * C[2] + theta[3] * theta[1] * C[1];
    return rate;
  }
  array[] real evolved(int N_t, real t0, array[] real ts, real gamma, real totalC_t0, real k1, real k2, real alpha21,
                       real alpha12, data array[] real x_r, data array[] int x_i) {
    array[2] real start = {gamma * totalC_t0, (1 - gamma) * totalC_t0};
    array[4] real theta = {k1, k2, alpha21, alpha12};
    array[N_t, 2] real pools = integrate_ode_rk45(two_pools, start, t0, ts, theta, x_r, x_i);
    array[N_t] real result;
    for (t in 1:N_t) result[t] = totalC_t0 - sum(pools[t]);
    return result;
  }
}
data {
  real<lower=0> totalC_t0;
  real t0;
  int<lower=0> N_t;
  array[N_t] real<lower=t0> ts;
  array[N_t] real<lower=0> eCO2mean;
}
transformed data {
  array[0] real x_r;
  array[0] int x_i;
}
parameters {
  real<lower=0> k1;
  real<lower=0> k2;
  real<lower=0> alpha21;
  real<lower=0> alpha12;
  real<lower=0, upper=1> gamma;
  real<lower=0> sigma;
}
transformed parameters {
  array[N_t] real eCO2_hat = evolved(N_t, t0, ts, gamma, totalC_t0, k1, k2, alpha21, alpha12, x_r, x_i);
}
model {
  gamma ~ beta(10, 1);
  k1 ~ normal(0, 1);
  k2 ~ normal(0, 1);
  alpha21 ~ normal(0, 1);
  alpha12 ~ normal(0, 1);
  sigma ~ cauchy(0, 1);
  for (t in 1:N_t) eCO2mean[t] ~ normal(eCO2_hat[t], sigma);
}
