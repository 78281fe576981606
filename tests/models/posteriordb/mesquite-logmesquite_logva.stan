data {
  int<lower=0> N;
  vector[N] weight, diam1, diam2, canopy_height, group;
}
parameters {
  vector[4] beta;
  real<lower=0> sigma;
}
model {
  for (n in 1:N) {
    real area = log(diam1[n]) + log(diam2[n]);
    log(weight[n]) ~ normal(beta[1] + beta[2] * (area + log(canopy_height[n])) + beta[3] * area + beta[4] * group[n],
                            sigma);
  }
}
