data {
  int<lower=0> M;
  int<lower=0> T;
  array[M, T] int<lower=0, upper=1> y;
}
parameters {
  real<lower=0, upper=1> omega;
  vector<lower=0, upper=1>[T] mean_p;
  real gamma;
  real<lower=0, upper=3> sigma;
  vector[M] eps_raw;
}
model {
  row_vector[T] by_occasion = logit(mean_p)';
  gamma ~ normal(0, 10);
  eps_raw ~ std_normal();
  for (i in 1:M) {
    row_vector[T] eta = by_occasion + sigma * eps_raw[i];
    for (t in 2:T) eta[t] += gamma * y[i, t - 1];
    if (max(y[i]) == 0)
      target += log_mix(omega, bernoulli_logit_lpmf(y[i] | eta), 0);
    else
      target += log(omega) + bernoulli_logit_lpmf(y[i] | eta);
  }
}
