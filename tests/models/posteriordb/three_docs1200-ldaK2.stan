// Words of documents, each of one of two topics.
data {
  int<lower=2> V;
  int<lower=1> M;
  int<lower=1> N;
  array[N] int<lower=1, upper=V> w;
  array[N] int<lower=1, upper=M> doc;
}
parameters {
  array[M] simplex[2] theta;
  array[2] simplex[V] phi;
}
model {
  theta ~ dirichlet([1, 1]');
  phi ~ dirichlet(ones_vector(V));
  for (n in 1:N) target += log_mix(theta[doc[n], 1], log(phi[1, w[n]]), log(phi[2, w[n]]));
}
