data {
  int<lower=0> N;
  vector[N] weight, diam1, diam2, canopy_height, total_height, density, group;
}
transformed data {
  matrix[N, 6] X = [log(diam1)', log(diam2)', log(canopy_height)', log(total_height)', log(density)', group']';
}
parameters {
  vector[7] beta;
  real<lower=0> sigma;
}
model {
  log(weight) ~ normal(beta[1] + X * tail(beta, 6), sigma);
}
