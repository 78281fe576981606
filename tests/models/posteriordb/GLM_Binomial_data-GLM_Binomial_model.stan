data {
  int<lower=0> nyears;
  array[nyears] int<lower=0> C;
  array[nyears] int<lower=0> N;
  vector[nyears] year;
}
parameters {
  real alpha;
  real beta1;
  real beta2;
}
transformed parameters {
  vector[nyears] logit_p = alpha + beta1 * year + beta2 * year .* year;
}
model {
  alpha ~ normal(0, 100);
  beta1 ~ normal(0, 100);
  beta2 ~ normal(0, 100);
  C ~ binomial(N, inv_logit(logit_p));
}
generated quantities {
  vector<lower=0, upper=1>[nyears] p = inv_logit(logit_p);
}
