// Captures of an augmented population whose members differ.
data {
  int<lower=0> M;
  int<lower=0> T;
  array[M] int<lower=0, upper=T> y;
}
parameters {
  real<lower=0, upper=1> omega;
  real<lower=0, upper=1> mean_p;
  real<lower=0, upper=5> sigma;
  vector[M] eps_raw;
}
model {
  eps_raw ~ std_normal();
  for (i in 1:M) {
    real eta = logit(mean_p) + sigma * eps_raw[i];
    if (y[i] == 0)
      target += log_mix(omega, binomial_logit_lpmf(0 | T, eta), 0);
    else {
      1 ~ bernoulli(omega);
      y[i] ~ binomial_logit(T, eta);
    }
  }
}
