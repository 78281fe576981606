// Two hidden states behind speed and distance.
data {
  int<lower=1> K;
  int<lower=1> N;
  array[N] real u;
  array[N] real v;
  matrix<lower=0>[K, K] alpha;
  real<lower=0> tau;
  real<lower=0> rho;
}
parameters {
  simplex[K] theta1;
  simplex[K] theta2;
  ordered[K] phi;
  ordered[K] lambda;
}
model {
  vector[K] state;
  matrix[K, K] step = log([theta1', theta2']);
  theta1 ~ dirichlet(alpha[1]');
  theta2 ~ dirichlet(alpha[2]');
  phi ~ normal([0, 3]', 1);
  lambda ~ normal([0, 3]', 1);
  for (k in 1:K) state[k] = normal_lpdf(u[1] | phi[k], tau) + normal_lpdf(v[1] | lambda[k], rho);
  for (t in 2:N) {
    vector[K] next;
    for (k in 1:K) {
      next[k] = log_sum_exp(state + step[:, k]);
      next[k] += normal_lpdf(u[t] | phi[k], tau) + normal_lpdf(v[t] | lambda[k], rho);
    }
    state = next;
  }
  target += log_sum_exp(state);
}
