data {
  int<lower=0> N;
  vector[N] earn;
  vector[N] height;
}
parameters {
  vector[2] beta;
  real<lower=0> sigma;
}
model {
  for (n in 1:N) earn[n] ~ normal(dot_product(beta, [1, height[n]]), sigma);
}
