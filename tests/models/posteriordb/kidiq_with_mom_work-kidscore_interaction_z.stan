functions {
  vector standardized(data vector x) {
    return (x - mean(x)) / (2 * sd(x));
  }
}
data {
  int<lower=0> N;
  vector[N] kid_score, mom_hs, mom_iq;
}
transformed data {
  vector[N] hs = standardized(mom_hs);
  vector[N] iq = standardized(mom_iq);
}
parameters {
  vector[4] beta;
  real<lower=0> sigma;
}
model {
  kid_score ~ normal(beta[1] + hs * beta[2] + iq .* (beta[3] + hs * beta[4]), sigma);
}
