data {
  int<lower=1> T;
  int<lower=1> K;
  array[T] real y;
}
parameters {
  simplex[K] pi1;
  array[K] simplex[K] A;
  ordered[K] mu;
  array[K] real<lower=0> sigma;
}
model {
  // What Stan's text adds for the first value is the density in all states at once.
  vector[K] alpha = log(pi1) + normal_lpdf(rep_vector(y[1], K) | mu, sigma);
  for (t in 2:T) {
    vector[K] before = alpha;
    for (j in 1:K) {
      vector[K] from;
      for (i in 1:K) from[i] = before[i] + log(A[i][j]);
      alpha[j] = log_sum_exp(from) + normal_lpdf(y[t] | mu[j], sigma[j]);
    }
  }
  target += log_sum_exp(alpha);
}
