// Capture and recapture with data augmentation: each of M individuals exists with probability omega.
data {
  int<lower=0> M;
  int<lower=0> T;
  array[M, T] int<lower=0, upper=1> y;
}
transformed data {
  array[M] int<lower=0> captures;
  for (i in 1:M) captures[i] = sum(y[i]);
}
parameters {
  real<lower=0, upper=1> omega;
  real<lower=0, upper=1> p;
}
model {
  for (i in 1:M) {
    if (captures[i] > 0) {
      target += bernoulli_lpmf(1 | omega) + binomial_lpmf(captures[i] | T, p);
    } else {
      target += log_sum_exp(bernoulli_lpmf(1 | omega) + binomial_lpmf(0 | T, p), bernoulli_lpmf(0 | omega));
    }
  }
}
