data {
  int<lower=0> N;
  vector[N] weight, diam1, diam2, canopy_height, total_height, group;
}
transformed data {
  vector[N] area = log(diam1 .* diam2);
}
parameters {
  vector[6] beta;
  real<lower=0> sigma;
}
transformed parameters {
  vector[N] mu = beta[1] + beta[2] * (area + log(canopy_height)) + beta[3] * area + beta[4] * log(diam1 ./ diam2)
                 + beta[5] * log(total_height) + beta[6] * group;
}
model {
  log(weight) ~ normal(mu, sigma);
}
