// Residuals with a distribution draw their data, whose rows are alike.
data {
  int<lower=1> N;
  vector[N] x;
  vector[N] y;
}
parameters {
  real alpha;
  real beta;
  real<lower=0> sigma;
}
model {
  alpha ~ normal(0, 1);
  beta ~ normal(0, 1);
  sigma ~ exponential(1);
  vector[N] residuals = y - alpha - beta * x;
  residuals ~ normal(0, sigma);
}
