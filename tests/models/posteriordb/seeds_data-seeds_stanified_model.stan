data {
  int<lower=0> I;
  array[I] int<lower=0> n, N;
  vector[I] x1, x2;
}
parameters {
  real alpha0, alpha1, alpha12, alpha2;
  vector[I] b;
  real<lower=0> sigma;
}
model {
  alpha0 ~ std_normal();
  alpha1 ~ std_normal();
  alpha12 ~ std_normal();
  alpha2 ~ std_normal();
  sigma ~ student_t(1, 0, 1);
  b ~ normal(0, sigma);
  for (i in 1:I) n[i] ~ binomial_logit(N[i], alpha0 + b[i] + x1[i] * (alpha1 + x2[i] * alpha12) + x2[i] * alpha2);
}
