data {
  int<lower=0> N;
  vector[N] kid_score;
  array[N] int mom_work;
}
transformed data {
  matrix[N, 3] x = rep_matrix(0, N, 3);
  for (n in 1:N) {
    if (mom_work[n] > 1) x[n, mom_work[n] - 1] = 1;
  }
}
parameters {
  vector[4] beta;
  real<lower=0> sigma;
}
model {
  kid_score ~ normal_id_glm(x, beta[1], tail(beta, 3), sigma);
}
