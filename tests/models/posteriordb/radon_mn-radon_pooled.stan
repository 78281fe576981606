data {
  int<lower=0> N;
  vector[N] floor_measure;
  vector[N] log_radon;
}
parameters {
  real alpha, beta;
  real<lower=0> sigma_y;
}
model {
  alpha ~ normal(0, 10);
  beta ~ normal(0, 10);
  sigma_y ~ std_normal();
  for (n in 1:N) log_radon[n] ~ normal(fma(beta, floor_measure[n], alpha), sigma_y);
}
