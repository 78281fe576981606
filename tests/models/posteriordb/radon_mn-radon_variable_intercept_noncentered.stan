data {
  int<lower=0> J, N;
  array[N] int<lower=1, upper=J> county_idx;
  vector[N] floor_measure;
  vector[N] log_radon;
}
parameters {
  vector[J] alpha_raw;
  real beta;
  real mu_alpha;
  real<lower=0> sigma_alpha;
  real<lower=0> sigma_y;
}
model {
  alpha_raw ~ std_normal();
  [sigma_alpha, sigma_y] ~ std_normal();
  beta ~ normal(0, 10);
  mu_alpha ~ normal(0, 10);
  log_radon ~ normal(mu_alpha + sigma_alpha * alpha_raw[county_idx] + beta * floor_measure, sigma_y);
}
