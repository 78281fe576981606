data {
  int<lower=0> N;
  vector[N] earn;
  vector[N] height;
  vector[N] male;
}
transformed data {
  vector[N] log_earn = log(earn);
}
parameters {
  vector[3] beta;
  real<lower=0> sigma;
}
model {
  target += normal_lpdf(log_earn | beta[1] + beta[2] * log(height) + male * beta[3], sigma);
}
