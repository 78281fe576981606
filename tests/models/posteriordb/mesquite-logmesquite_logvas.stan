data {
  int<lower=0> N;
  vector[N] weight, diam1, diam2, canopy_height, total_height, density, group;
}
transformed data {
  vector[N] y = log(weight);
  matrix[N, 7] X;
  X[:, 1] = ones_vector(N);
  X[:, 3] = log(diam1 .* diam2);
  X[:, 2] = X[:, 3] + log(canopy_height);
  X[:, 4] = log(diam1) - log(diam2);
  X[:, 5:6] = log(append_col(total_height, density));
  X[:, 7] = group;
}
parameters {
  vector[7] beta;
  real<lower=0> sigma;
}
model {
  target += normal_id_glm_lpdf(y | X, 0, beta, sigma);
}
