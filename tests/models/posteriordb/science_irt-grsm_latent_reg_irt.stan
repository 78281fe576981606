// Graded answers with the same steps for all items; abilities regressed on standardized covariates.
functions {
  vector closed(vector free) {
    return append_row(free, -sum(free));
  }
}
data {
  int<lower=1> I, J, N;
  array[N] int<lower=1, upper=I> ii;
  array[N] int<lower=1, upper=J> jj;
  array[N] int<lower=0> y;
  int<lower=1> K;
  matrix[J, K] W;
}
transformed data {
  int m = max(y);
  matrix[J, K] Z = W;
  for (k in 2:K) {
    vector[J] column = W[:, k];
    Z[:, k] = (column - mean(column)) / (2 * sd(column));
  }
}
parameters {
  vector<lower=0>[I] alpha;
  vector[I - 1] beta_free;
  vector[m - 1] kappa_free;
  vector[J] theta;
  vector[K] lambda_adj;
}
transformed parameters {
  vector[I] beta = closed(beta_free);
  vector[m] kappa = closed(kappa_free);
}
model {
  alpha ~ lognormal(1, 1);
  append_row(beta, kappa) ~ normal(0, 3);
  lambda_adj ~ student_t(3, 0, 1);
  theta ~ normal(Z * lambda_adj, 1);
  for (n in 1:N) {
    vector[m + 1] logits;
    logits[1] = 0;
    for (s in 1:m) logits[s + 1] = logits[s] + theta[jj[n]] * alpha[ii[n]] - beta[ii[n]] - kappa[s];
    y[n] + 1 ~ categorical_logit(logits);
  }
}
