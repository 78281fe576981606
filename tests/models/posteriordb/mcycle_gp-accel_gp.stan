// Accelerations: a Gaussian process for the mean and one for the logarithm of the scale, each in a basis.
functions {
  vector amplitudes(array[] vector frequency, real sd_gp, real scale) {
    vector[size(frequency)] half;
    for (m in 1:size(frequency))
      half[m] = sd_gp * sqrt(sqrt(2 * pi()) * scale) * exp(-0.25 * square(scale * frequency[m, 1]));
    return half;
  }
}
data {
  int<lower=1> N;
  vector[N] Y;
  int<lower=1> Kgp_1, Dgp_1, NBgp_1;
  matrix[N, NBgp_1] Xgp_1;
  array[NBgp_1] vector[Dgp_1] slambda_1;
  int<lower=1> Kgp_sigma_1, Dgp_sigma_1, NBgp_sigma_1;
  matrix[N, NBgp_sigma_1] Xgp_sigma_1;
  array[NBgp_sigma_1] vector[Dgp_sigma_1] slambda_sigma_1;
  int prior_only;
}
parameters {
  real Intercept;
  real<lower=0> sdgp_1;
  real<lower=0> lscale_1;
  vector[NBgp_1] zgp_1;
  real Intercept_sigma;
  real<lower=0> sdgp_sigma_1;
  real<lower=0> lscale_sigma_1;
  vector[NBgp_sigma_1] zgp_sigma_1;
}
model {
  Intercept ~ student_t(3, -13, 36);
  Intercept_sigma ~ student_t(3, 0, 10);
  sdgp_1 ~ student_t(3, 0, 36) T[0, ];
  sdgp_sigma_1 ~ student_t(3, 0, 36) T[0, ];
  [lscale_1, lscale_sigma_1] ~ inv_gamma(1.124909, 0.0177);
  zgp_1 ~ std_normal();
  zgp_sigma_1 ~ std_normal();
  if (prior_only == 0)
    Y ~ normal(Intercept + Xgp_1 * (zgp_1 .* amplitudes(slambda_1, sdgp_1, lscale_1)),
               exp(Intercept_sigma
                   + Xgp_sigma_1 * (zgp_sigma_1 .* amplitudes(slambda_sigma_1, sdgp_sigma_1, lscale_sigma_1))));
}
