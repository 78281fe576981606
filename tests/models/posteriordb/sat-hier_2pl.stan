data {
  int<lower=1> I, J, N;
  array[N] int<lower=1, upper=I> ii;
  array[N] int<lower=1, upper=J> jj;
  array[N] int<lower=0, upper=1> y;
}
parameters {
  vector[J] theta;
  vector[I] xi1;
  vector[I] xi2;
  vector[2] mu;
  vector<lower=0>[2] tau;
  cholesky_factor_corr[2] L_Omega;
}
model {
  array[I] vector[2] pairs;
  for (i in 1:I) pairs[i] = [xi1[i], xi2[i]]';
  pairs ~ multi_normal_cholesky(mu, diag_pre_multiply(tau, L_Omega));
  L_Omega ~ lkj_corr_cholesky(4);
  mu ~ normal(0, [1, 5]');
  tau ~ exponential(0.1);
  theta ~ std_normal();
  y ~ bernoulli_logit(exp(xi1[ii]) .* (theta[jj] - xi2[ii]));
}
