data {
  int<lower=0> N;
  vector[N] earn;
  vector[N] height;
  vector[N] male;
}
transformed data {
  matrix[N, 3] X = append_col(append_col(rep_vector(1, N), height), male);
}
parameters {
  vector[3] beta;
  real<lower=0> sigma;
}
model {
  log(earn) ~ normal(X * beta, sigma);
}
