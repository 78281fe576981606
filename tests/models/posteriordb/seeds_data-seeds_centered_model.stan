data {
  int<lower=0> I;
  array[I] int<lower=0> n, N;
  vector[I] x1, x2;
}
parameters {
  real alpha0, alpha1, alpha12, alpha2;
  vector[I] c;
  real<lower=0> sigma;
}
model {
  [alpha0, alpha1, alpha2, alpha12] ~ std_normal();
  sigma ~ cauchy(0, 1);
  c ~ normal(0, sigma);
  n ~ binomial_logit(N, alpha0 + alpha1 * x1 + alpha2 * x2 + alpha12 * (x1 .* x2) + c - mean(c));
}
