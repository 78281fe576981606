data {
  int<lower=0> I;
  array[I] int<lower=0> n;
  array[I] int<lower=0> N;
  vector[I] x1;
  vector[I] x2;
}
transformed data {
  vector[I] x1x2 = x1 .* x2;
}
parameters {
  real alpha0;
  real alpha1;
  real alpha12;
  real alpha2;
  real<lower=0> tau;
  vector[I] b;
}
transformed parameters {
  real<lower=0> sigma = 1 / sqrt(tau);
}
model {
  alpha0 ~ normal(0, 1e3);
  alpha1 ~ normal(0, 1e3);
  alpha2 ~ normal(0, 1e3);
  alpha12 ~ normal(0, 1e3);
  tau ~ gamma(1e-3, 1e-3);
  b ~ normal(0, sigma);
  n ~ binomial(N, inv_logit(alpha0 + alpha1 * x1 + alpha2 * x2 + alpha12 * x1x2 + b));
}
