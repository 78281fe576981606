// Species at sites, some of them never seen.
functions {
  real visited_lpmf(int times, int K, real occupied, real noticed) {
    real lp = log_inv_logit(occupied) + binomial_logit_lpmf(times | K, noticed);
    return times > 0 ? lp : log_sum_exp(lp, log1m_inv_logit(occupied));
  }
}
data {
  int<lower=1> J;
  int<lower=1> K;
  int<lower=1> n;
  array[n, J] int<lower=0, upper=K> X;
  int<lower=n> S;
}
parameters {
  real alpha;
  real beta;
  real<lower=0, upper=1> Omega;
  real<lower=-1, upper=1> rho_uv;
  vector<lower=0>[2] sigma_uv;
  vector[S] uv1;
  vector[S] uv2;
}
model {
  matrix[2, 2] Sigma = quad_form_diag([[1, rho_uv], [rho_uv, 1]], sigma_uv);
  alpha ~ cauchy(0, 2.5);
  beta ~ cauchy(0, 2.5);
  sigma_uv ~ cauchy(0, 2.5);
  0.5 * (rho_uv + 1) ~ beta(2, 2);
  Omega ~ beta(2, 2);
  for (i in 1:S) {
    [uv1[i], uv2[i]]' ~ multi_normal([0, 0]', Sigma);
    if (i <= n) {
      target += log(Omega);
      for (j in 1:J) target += visited_lpmf(X[i, j] | K, uv1[i] + alpha, uv2[i] + beta);
    } else {
      target += log_mix(Omega, J * visited_lpmf(0 | K, uv1[i] + alpha, uv2[i] + beta), 0);
    }
  }
}
