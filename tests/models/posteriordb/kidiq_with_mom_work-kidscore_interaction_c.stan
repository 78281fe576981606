data {
  int<lower=0> N;
  vector[N] kid_score, mom_hs, mom_iq;
}
transformed data {
  vector[N] hs = mom_hs - mean(mom_hs);
  vector[N] iq = mom_iq - mean(mom_iq);
  matrix[N, 4] X = [rep_row_vector(1, N), hs', iq', (hs .* iq)']';
}
parameters {
  vector[4] beta;
  real<lower=0> sigma;
}
model {
  kid_score ~ normal(X * beta, sigma);
}
