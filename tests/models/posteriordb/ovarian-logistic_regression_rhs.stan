// The regularized horseshoe.
data {
  int<lower=0> n, d;
  array[n] int<lower=0, upper=1> y;
  matrix[n, d] x;
  real<lower=0> scale_icept, scale_global;
  real<lower=1> nu_global, nu_local;
  real<lower=0> slab_scale, slab_df;
}
parameters {
  real beta0;
  vector[d] z;
  real<lower=0> tau;
  vector<lower=0>[d] lambda;
  real<lower=0> caux;
}
transformed parameters {
  real c2 = square(slab_scale) * caux;
  vector[d] beta = tau * z .* lambda .* sqrt(c2 ./ (c2 + square(tau * lambda)));
}
model {
  beta0 ~ normal(0, scale_icept);
  caux ~ inv_gamma(slab_df / 2, slab_df / 2);
  tau ~ student_t(nu_global, 0, 2 * scale_global);
  lambda ~ student_t(nu_local, 0, 1);
  z ~ std_normal();
  y ~ bernoulli_logit(beta0 + x * beta);
}
