data {
  int<lower=0> N, J;
  array[N] int<lower=1, upper=J> county_idx;
  vector[N] floor_measure;
  vector[N] log_radon;
}
parameters {
  real<lower=0> sigma_y, sigma_alpha, sigma_beta;
  vector[J] alpha, beta;
  real mu_alpha, mu_beta;
}
model {
  [sigma_y, sigma_alpha, sigma_beta] ~ std_normal();
  [mu_alpha, mu_beta] ~ normal(0, 10);
  for (j in 1:J) {
    alpha[j] ~ normal(mu_alpha, sigma_alpha);
    beta[j] ~ normal(mu_beta, sigma_beta);
  }
  log_radon ~ normal(alpha[county_idx] + beta[county_idx] .* floor_measure, sigma_y);
}
