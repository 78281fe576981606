data {
  int<lower=0> N;
  array[N] int<lower=0, upper=1> switched;
  vector[N] dist, arsenic, educ;
}
transformed data {
  vector[N] d = (dist - mean(dist)) / 100;
  vector[N] a = arsenic - mean(arsenic);
  vector[N] e = (educ - mean(educ)) / 4;
}
parameters {
  real alpha;
  vector[6] beta;
}
model {
  switched ~ bernoulli_logit(alpha + beta[1] * d + beta[2] * a + beta[3] * e + beta[4] * (d .* a) + beta[5] * (d .* e)
                             + beta[6] * (a .* e));
}
