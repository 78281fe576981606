data {
  int<lower=1> N;
  vector[N] Y;
  int Ks;
  matrix[N, Ks] Xs;
  int knots_1;
  matrix[N, knots_1] Zs_1_1;
  int Ks_sigma;
  matrix[N, Ks_sigma] Xs_sigma;
  int knots_sigma_1;
  matrix[N, knots_sigma_1] Zs_sigma_1_1;
  int prior_only;
}
parameters {
  real Intercept;
  vector[Ks] bs;
  vector[knots_1] zs_1_1;
  real<lower=0> sds_1_1;
  real Intercept_sigma;
  vector[Ks_sigma] bs_sigma;
  vector[knots_sigma_1] zs_sigma_1_1;
  real<lower=0> sds_sigma_1_1;
}
model {
  Intercept ~ student_t(3, -13, 36);
  Intercept_sigma ~ student_t(3, 0, 10);
  target += student_t_lpdf({sds_1_1, sds_sigma_1_1} | 3, 0, 36) + 2 * log(2);
  append_row(zs_1_1, zs_sigma_1_1) ~ std_normal();
  if (!prior_only)
    target += normal_lpdf(Y | Intercept + Xs * bs + sds_1_1 * (Zs_1_1 * zs_1_1),
                          exp(Intercept_sigma + Xs_sigma * bs_sigma + sds_sigma_1_1 * (Zs_sigma_1_1 * zs_sigma_1_1)));
}
