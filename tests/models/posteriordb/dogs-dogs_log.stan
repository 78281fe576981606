data {
  int<lower=0> n_dogs;
  int<lower=0> n_trials;
  array[n_dogs, n_trials] int<lower=0, upper=1> y;
}
parameters {
  vector[2] beta;
}
transformed parameters {
  matrix[n_dogs, n_trials] p;
  for (j in 1:n_dogs) {
    real avoided = 0;
    real shocked = 0;
    for (t in 1:n_trials) {
      p[j, t] = inv_logit(beta[1] * avoided + beta[2] * shocked);
      avoided += 1 - y[j, t];
      shocked += y[j, t];
    }
  }
}
model {
  beta[1] ~ uniform(-100, 0);
  beta[2] ~ uniform(0, 100);
  for (j in 1:n_dogs) {
    for (t in 1:n_trials) y[j, t] ~ bernoulli(p[j, t]);
  }
}
