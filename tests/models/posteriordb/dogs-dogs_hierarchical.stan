data {
  int<lower=0> n_dogs;
  int<lower=0> n_trials;
  array[n_dogs, n_trials] int<lower=0, upper=1> y;
}
parameters {
  real<lower=0, upper=1> a;
  real<lower=0, upper=1> b;
}
model {
  for (dog in 1:n_dogs) {
    int shocked = 0;
    for (t in 1:n_trials) {
      y[dog, t] ~ bernoulli(a ^ shocked * b ^ (t - 1 - shocked));
      shocked += y[dog, t];
    }
  }
}
