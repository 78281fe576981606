data {
  int<lower=0> N;
  array[N] int<lower=0, upper=1> switched;
  vector[N] dist;
  vector[N] arsenic;
  vector[N] assoc;
  vector[N] educ;
}
transformed data {
  matrix[N, 5] x;
  x[ : , 1] = (dist - mean(dist)) / 100;
  x[ : , 2] = arsenic - mean(arsenic);
  x[ : , 3] = elt_multiply(x[ : , 1], x[ : , 2]);
  x[ : , 4] = assoc;
  x[ : , 5] = educ / 4;
}
parameters {
  real alpha;
  vector[5] beta;
}
model {
  switched ~ bernoulli_logit_glm(x, alpha, beta);
}
