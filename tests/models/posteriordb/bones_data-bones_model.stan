data {
  int<lower=0> nChild;
  int<lower=0> nInd;
  array[nInd, 4] real gamma;
  array[nInd] real delta;
  array[nInd] int<lower=0> ncat;
  array[nChild, nInd] int grade; // -1 where it is missing
}
parameters {
  array[nChild] real theta;
}
model {
  theta ~ normal(0, 36);
  for (i in 1:nChild) {
    for (j in 1:nInd) {
      if (grade[i, j] != -1)
        grade[i, j] ~ ordered_logistic(delta[j] * theta[i], delta[j] * to_vector(gamma[j, 1:(ncat[j] - 1)]));
    }
  }
}
