data {
  int<lower=0> J, N;
  array[N] int<lower=1, upper=J> county_idx;
  vector[N] floor_measure;
  vector[N] log_radon;
}
parameters {
  real alpha;
  vector[J] beta_raw;
  real mu_beta;
  real<lower=0> sigma_beta;
  real<lower=0> sigma_y;
}
transformed parameters {
  vector[J] slope = mu_beta + sigma_beta * beta_raw;
}
model {
  target += normal_lpdf([alpha, mu_beta] | 0, 10) + std_normal_lpdf([sigma_y, sigma_beta]) + std_normal_lpdf(beta_raw);
  target += normal_lpdf(log_radon | alpha + floor_measure .* slope[county_idx], sigma_y);
}
