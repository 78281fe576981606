#include "runtime/mcmc/metric.hpp"

#include "lang/errors.hpp"

namespace sibyl::mcmc {

Metric::Metric(MetricKind kind, std::size_t dimension) : kind_(kind) {
  const auto n = static_cast<Eigen::Index>(dimension);
  if (kind == MetricKind::diagonal) variances_ = Eigen::VectorXd::Ones(n);
  else covariance_ = factor_ = Eigen::MatrixXd::Identity(n, n);
}

void Metric::set_covariance(const Eigen::MatrixXd& covariance) {
  const Eigen::LLT<Eigen::MatrixXd> decomposition(covariance);
  if (decomposition.info() != Eigen::Success)
    throw RuntimeError("the draws' covariance is not positive definite, so that it is no metric: the posterior may be "
                       "improper, or its parameters of scales that differ by many orders of magnitude");
  covariance_ = covariance;
  factor_ = decomposition.matrixL();
}

void Metric::velocity(const Eigen::VectorXd& momentum, Eigen::VectorXd& result) const {
  if (kind_ == MetricKind::diagonal) result = variances_.cwiseProduct(momentum);
  else result.noalias() = covariance_ * momentum;
}

void Metric::draw_momentum(RandomNumbers& random, Eigen::VectorXd& momentum) const {
  for (double& one : momentum) one = random.normal();
  if (kind_ == MetricKind::diagonal) momentum.array() /= variances_.array().sqrt();
  else factor_.triangularView<Eigen::Lower>().transpose().solveInPlace(momentum);
}

MomentEstimator::MomentEstimator(MetricKind kind, std::size_t dimension) : kind_(kind) {
  const auto n = static_cast<Eigen::Index>(dimension);
  mean_ = difference_ = squares_ = Eigen::VectorXd::Zero(n);
  if (kind == MetricKind::dense) products_ = Eigen::MatrixXd::Zero(n, n);
}

void MomentEstimator::add(const Eigen::VectorXd& point) {
  ++count_;
  difference_ = point - mean_;
  mean_ += difference_ / static_cast<double>(count_);
  if (kind_ == MetricKind::diagonal) squares_ += difference_.cwiseProduct(point - mean_);
  else products_.noalias() += (point - mean_) * difference_.transpose();
}

void MomentEstimator::restart() {
  count_ = 0;
  mean_.setZero();
  squares_.setZero();
  products_.setZero();
}

void MomentEstimator::write_to(Metric& metric) const {
  const auto count = static_cast<double>(count_);
  const double weight = count / (count + 5) / (count - 1), floor = 1e-3 * 5 / (count + 5);
  if (kind_ == MetricKind::diagonal) {
    metric.set_variances((weight * squares_.array() + floor).matrix());
    return;
  }
  Eigen::MatrixXd covariance = weight * products_;
  covariance = (0.5 * (covariance + covariance.transpose())).eval();
  covariance.diagonal().array() += floor;
  metric.set_covariance(covariance);
}

} // namespace sibyl::mcmc
