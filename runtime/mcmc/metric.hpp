// The Euclidean metric of Hamiltonian Monte Carlo: the inverse mass matrix, an estimate of the posterior's covariance.
#pragma once

#include "runtime/mcmc/random_numbers.hpp"

#include <Eigen/Dense>

#include <cstddef>
#include <cstdint>

namespace sibyl::mcmc {

enum class MetricKind { diagonal, dense };

// Momenta are normal with the inverse of `covariance()` as their covariance.
class Metric {
 public:
  // The unit metric.
  Metric(MetricKind kind, std::size_t dimension);

  MetricKind kind() const { return kind_; }
  // Positive numbers; of a diagonal metric.
  void set_variances(const Eigen::VectorXd& variances) { variances_ = variances; }
  // Symmetric and positive definite; of a dense metric. Throws RuntimeError where it is not positive definite.
  void set_covariance(const Eigen::MatrixXd& covariance);

  const Eigen::VectorXd& variances() const { return variances_; }   // empty: dense
  const Eigen::MatrixXd& covariance() const { return covariance_; } // empty: diagonal

  // The momentum's velocity M^-1 p, of the same size.
  void velocity(const Eigen::VectorXd& momentum, Eigen::VectorXd& result) const;
  void draw_momentum(RandomNumbers& random, Eigen::VectorXd& momentum) const;

 private:
  MetricKind kind_;
  Eigen::VectorXd variances_;
  Eigen::MatrixXd covariance_, factor_; // factor: lower triangular, of the covariance
};

// Mean and (co)variances of points that come one by one (Welford 1962).
class MomentEstimator {
 public:
  MomentEstimator(MetricKind kind, std::size_t dimension);

  void add(const Eigen::VectorXd& point);
  std::size_t count() const { return count_; }
  void restart();
  // The sample (co)variances, shrunk towards a small multiple of the unit matrix as Stan does: n / (n + 5) of them, and
  // 5e-3 / (n + 5). Wants at least two points.
  void write_to(Metric& metric) const;

 private:
  MetricKind kind_;
  std::size_t count_ = 0;
  Eigen::VectorXd mean_, difference_, squares_;
  Eigen::MatrixXd products_;
};

} // namespace sibyl::mcmc
