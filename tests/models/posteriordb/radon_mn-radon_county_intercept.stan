data {
  int<lower=0> N, J;
  array[N] int<lower=1, upper=J> county_idx;
  vector[N] floor_measure;
  vector[N] log_radon;
}
parameters {
  vector[J] alpha;
  real beta;
  real<lower=0> sigma_y;
}
model {
  sigma_y ~ std_normal();
  append_row(alpha, beta) ~ normal(0, 10);
  log_radon ~ normal(alpha[county_idx] + beta * floor_measure, sigma_y);
}
