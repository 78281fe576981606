// Captures of an augmented population, each occasion with a chance of its own: whether a row is a member is a latent.
data {
  int<lower=0> M;
  int<lower=0> T;
  array[M, T] int<lower=0, upper=1> y;
}
parameters {
  real<lower=0, upper=1> omega;
  vector<lower=0, upper=1>[T] p;
}
model {
  for (i in 1:M) {
    int member;
    member ~ bernoulli(omega);
    for (t in 1:T) y[i, t] ~ bernoulli(member == 1 ? p[t] : 0);
  }
}
