data {
  int<lower=1> n;
  vector[n] y, x, w;
}
transformed data {
  real middle = mean(y);
  real reach = 3 * sd(y);
}
parameters {
  vector<lower=middle - reach, upper=middle + reach>[n] mu;
  vector[n] seasonal;
  real beta, lambda;
  positive_ordered[3] sigma;
}
model {
  mu[2:n] ~ normal(mu[1:(n - 1)], sigma[2]);
  for (t in 12:n) sum(seasonal[(t - 11):t]) ~ normal(0, sigma[1]);
  y ~ normal(mu + seasonal + beta * x + lambda * w, sigma[3]);
  target += student_t_lpdf(sigma | 4, 0, 1);
}
