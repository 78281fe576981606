// The exact posterior of the linear regression of examples/01_linear_regression: conjugate given sigma, one integral
// over sigma. The reference that amortized posteriors are compared with.
//
// y = intercept + slope x + sigma e, (intercept, slope) ~ normal((2, 0), diag(3, 1)), sigma ~ gamma(1, 1).
#pragma once

#include <Eigen/Dense>

#include <cmath>
#include <numbers>
#include <vector>

namespace sibyl::test {

struct ExactRegression {
  static constexpr double prior_mean[2] = {2, 0};
  static constexpr double prior_sd[2] = {3, 1};

  Eigen::VectorXd x, y;

  // log p(y | sigma), the coefficients integrated out: y ~ normal(X m, sigma^2 I + X S X').
  double log_marginal_given_sigma(double sigma) const {
    const Eigen::Index n = y.size();
    Eigen::MatrixXd design(n, 2);
    design << Eigen::VectorXd::Ones(n), x;
    const Eigen::Vector2d variance(prior_sd[0] * prior_sd[0], prior_sd[1] * prior_sd[1]);
    // Woodbury: only 2 x 2 systems, so that tiny and huge sigma stay accurate.
    const Eigen::VectorXd residual = y - design * Eigen::Vector2d(prior_mean[0], prior_mean[1]);
    const double s2 = sigma * sigma;
    const Eigen::Matrix2d precision =
        design.transpose() * design / s2 + Eigen::Matrix2d(variance.cwiseInverse().asDiagonal());
    const Eigen::Vector2d projected = design.transpose() * residual / s2;
    const Eigen::LLT<Eigen::Matrix2d> factor(precision);
    const Eigen::Vector2d solution = factor.solve(projected);
    // |residual|^2 / s2 - projected' solution, without cancellation: the residual of the ridge fit plus the prior's
    // share.
    const double quadratic = (residual - design * solution).squaredNorm() / s2 +
                             solution.dot(variance.cwiseInverse().asDiagonal() * solution);
    const double log_determinant = static_cast<double>(n) * std::log(s2) + std::log(variance.prod()) +
                                   2 * std::log(factor.matrixLLT().diagonal().prod());
    return -0.5 * (static_cast<double>(n) * std::log(2 * std::numbers::pi) + log_determinant + quadratic);
  }

  // log p(y): gamma(1, 1) over sigma, by the trapezoidal rule in log sigma (doubly exponentially convergent).
  double log_evidence() const {
    const int points = 4000;
    const double first = std::log(1e-9), last = std::log(60.0), step = (last - first) / points;
    std::vector<double> terms(points + 1);
    double largest = -INFINITY;
    for (int i = 0; i <= points; ++i) {
      const double log_sigma = first + i * step, sigma = std::exp(log_sigma);
      terms[i] = log_marginal_given_sigma(sigma) - sigma + log_sigma;
      largest = std::max(largest, terms[i]);
    }
    double sum = 0;
    for (double term : terms) sum += std::exp(term - largest);
    return largest + std::log(sum * step);
  }

  // log p(intercept, slope, sigma | y).
  double log_posterior(double intercept, double slope, double sigma) const {
    auto log_normal = [](double value, double mean, double sd) {
      const double z = (value - mean) / sd;
      return -0.5 * z * z - std::log(sd) - 0.5 * std::log(2 * std::numbers::pi);
    };
    double log_joint =
        log_normal(intercept, prior_mean[0], prior_sd[0]) + log_normal(slope, prior_mean[1], prior_sd[1]) - sigma;
    for (Eigen::Index i = 0; i < y.size(); ++i) log_joint += log_normal(y[i], intercept + slope * x[i], sigma);
    return log_joint - log_evidence();
  }
};

} // namespace sibyl::test
