data {
  int<lower=0> N;
  vector[N] earn;
  vector[N] height;
}
transformed data {
  vector[N] digits = log(earn) / log(10);
  matrix[N, 1] X = to_matrix(height, N, 1);
}
parameters {
  vector[2] beta;
  real<lower=0> sigma;
}
model {
  digits ~ normal_id_glm(X, beta[1], beta[2:2], sigma);
}
