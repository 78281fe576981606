// Captures of an augmented population, the chance of which is another after a capture.
data {
  int<lower=0> M;
  int<lower=0> T;
  array[M, T] int<lower=0, upper=1> y;
}
parameters {
  real<lower=0, upper=1> omega;
  real<lower=0, upper=1> p;
  real<lower=0, upper=1> c;
}
model {
  for (i in 1:M) {
    real seen = bernoulli_lpmf(y[i, 1] | p);
    for (t in 2:T) seen += bernoulli_lpmf(y[i, t] | y[i, t - 1] == 1 ? c : p);
    if (sum(y[i]) == 0)
      target += log_mix(omega, seen, 0);
    else
      target += log(omega) + seen;
  }
}
