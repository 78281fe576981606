// Answers to questions; abilities regressed on covariates, which are standardized to two standard deviations.
data {
  int<lower=1> I, J, N;
  array[N] int<lower=1, upper=I> ii;
  array[N] int<lower=1, upper=J> jj;
  array[N] int<lower=0, upper=1> y;
  int<lower=1> K;
  matrix[J, K] W;
}
transformed data {
  matrix[J, K] Z = W;
  for (k in 2:K) Z[:, k] = (W[:, k] - mean(W[:, k])) / (2 * sd(W[:, k]));
}
parameters {
  vector<lower=0>[I] alpha;
  vector[I - 1] beta_free;
  vector[J] theta;
  vector[K] lambda_adj;
}
transformed parameters {
  vector[I] beta = append_row(beta_free, -sum(beta_free));
}
model {
  lambda_adj ~ student_t(3, 0, 1);
  theta ~ normal_id_glm(Z, 0, lambda_adj, 1);
  alpha ~ lognormal(1, 1);
  beta ~ normal(0, 3);
  for (n in 1:N) y[n] ~ bernoulli_logit(alpha[ii[n]] * theta[jj[n]] - beta[ii[n]]);
}
