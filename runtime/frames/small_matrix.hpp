// Cholesky factors of small dense matrices, row-major: frames have as many dimensions as a model has parameters.
#pragma once

#include <cmath>
#include <cstddef>

namespace sibyl::small_matrix {

// Overwrites the lower triangle of a symmetric matrix by L with L L^T = a, and zeroes what is above. False where the
// matrix is not positive definite (or not finite); it is then spoilt.
inline bool cholesky(double* a, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i * n + j];
      for (std::size_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      if (i != j) {
        a[i * n + j] = sum / a[j * n + j];
        a[j * n + i] = 0;
      } else {
        if (!(sum > 0) || !std::isfinite(sum)) return false;
        a[i * n + i] = std::sqrt(sum);
      }
    }
  return true;
}

// x := L^-1 x.
inline void solve_lower(const double* l, double* x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) x[i] -= l[i * n + k] * x[k];
    x[i] /= l[i * n + i];
  }
}

// x := L^-T x.
inline void solve_lower_transposed(const double* l, double* x, std::size_t n) {
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) x[i] -= l[k * n + i] * x[k];
    x[i] /= l[i * n + i];
  }
}

// x := L^T x.
inline void multiply_transposed(const double* l, double* x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::size_t k = i; k < n; ++k) sum += l[k * n + i] * x[k];
    x[i] = sum;
  }
}

} // namespace sibyl::small_matrix
