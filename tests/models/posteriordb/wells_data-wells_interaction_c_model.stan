data {
  int<lower=0> N;
  array[N] int<lower=0, upper=1> switched;
  vector[N] dist, arsenic;
}
transformed data {
  matrix[N, 3] X;
  for (n in 1:N) {
    X[n, 1] = (dist[n] - mean(dist)) / 100;
    X[n, 2] = arsenic[n] - mean(arsenic);
    X[n, 3] = X[n, 1] * X[n, 2];
  }
}
parameters {
  real alpha;
  vector[3] beta;
}
model {
  for (n in 1:N) switched[n] ~ bernoulli_logit(alpha + X[n] * beta);
}
