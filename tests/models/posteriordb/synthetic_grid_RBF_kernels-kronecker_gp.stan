// A Gaussian process on a grid: the covariance is a Kronecker product, read through the eigenvalues of its factors.
data {
  int<lower=1> n1;
  int<lower=1> n2;
  vector[n2] x1;
  matrix[n2, n1] y;
}
parameters {
  real<lower=0> var1;
  real<lower=0> bw1;
  cholesky_factor_corr[n2] L;
  real<lower=0.00001> sigma1;
}
model {
  matrix[n1, n1] K;
  tuple(matrix[n1, n1], vector[n1]) of_K;
  tuple(matrix[n2, n2], vector[n2]) of_R = eigendecompose_sym(tcrossprod(L));
  matrix[n2, n1] rotated;
  matrix[n2, n1] variances;
  for (i in 1:n1) {
    K[i, i] = var1 + 1e-5;
    for (j in 1:(i - 1)) {
      K[i, j] = var1 * exp(-bw1 * square(x1[i] - x1[j]));
      K[j, i] = K[i, j];
    }
  }
  of_K = eigendecompose_sym(K);
  variances = of_R.2 * of_K.2' + sigma1;
  rotated = of_R.1' * y * of_K.1;
  target += -0.5 * sum(square(rotated) ./ variances) - 0.5 * sum(log(variances));

  [var1, sigma1] ~ lognormal(0, 1);
  bw1 ~ cauchy(0, 2.5);
  L ~ lkj_corr_cholesky(2);
}
