#include "runtime/criticism/residual_pulls.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>

namespace sibyl {

namespace {

// Of one variable, evenly: more cost time and tell little that these do not.
constexpr std::size_t most_elements = 1000;
// Statistics beyond so many sds of their replications pull no further; a regression on some hundred replications is not
// to be trusted there.
constexpr double furthest_statistic = 3;
// Of the regression, in replications that say nothing.
constexpr double ridge = 10;

struct Standard {
  double mean = 0, sd = 0;
  double of(double value) const { return (value - mean) / sd; }
};

// Of value(r) for each r below `count`.
template <typename Value>
Standard standard(std::size_t count, const Value& value) {
  Standard result;
  const auto n = static_cast<double>(count);
  for (std::size_t r = 0; r < count; ++r) result.mean += value(r) / n;
  for (std::size_t r = 0; r < count; ++r) result.sd += (value(r) - result.mean) * (value(r) - result.mean) / n;
  result.sd = std::sqrt(result.sd);
  return result;
}

} // namespace

void ResidualPulls::add(std::span<const double> observed, std::span<const double> replicated,
                        std::span<const double> points) {
  const std::size_t n = products_.size() / 2, elements = observed.size();
  const std::size_t count = elements == 0 ? 0 : replicated.size() / elements;
  if (count < 3 || points.size() < count * n) return;
  std::vector<double> z(count * n);
  for (std::size_t j = 0; j < n; ++j) {
    const Standard of_point = standard(count, [&](std::size_t r) { return points[r * n + j]; });
    for (std::size_t r = 0; r < count; ++r)
      z[r * n + j] = of_point.sd > 0 ? of_point.of(points[r * n + j]) / static_cast<double>(count) : 0;
  }
  const std::size_t taken = std::min(elements, most_elements);
  std::vector<double> with_residual(n), with_square(n);
  for (std::size_t t = 0; t < taken; ++t) {
    const std::size_t i = t * elements / taken;
    const Standard value = standard(count, [&](std::size_t r) { return replicated[r * elements + i]; });
    const double residual = value.of(observed[i]);
    if (!(value.sd > 0) || !std::isfinite(residual)) continue;
    with_residual.assign(n, 0);
    with_square.assign(n, 0);
    for (std::size_t r = 0; r < count; ++r) {
      const double one = value.of(replicated[r * elements + i]);
      for (std::size_t j = 0; j < n; ++j) {
        with_residual[j] += one * z[r * n + j];
        with_square[j] += (one * one - 1) * z[r * n + j];
      }
    }
    for (std::size_t j = 0; j < n; ++j) {
      products_[j] += residual * with_residual[j];
      squares_[j] += with_residual[j] * with_residual[j];
      products_[n + j] += (residual * residual - 1) * with_square[j];
      squares_[n + j] += with_square[j] * with_square[j];
    }
  }
}

std::vector<double> ResidualPulls::result() const {
  std::vector<double> result(products_.size());
  for (std::size_t j = 0; j < result.size(); ++j)
    if (const double pull = products_[j] / std::sqrt(squares_[j]); std::isfinite(pull)) result[j] = pull;
  return result;
}

std::vector<double> pulls_of_statistics(std::span<const PredictedStatistic> statistics, std::span<const double> points,
                                        std::size_t parameters) {
  const std::size_t n = parameters, count = n == 0 ? 0 : points.size() / n;
  std::vector<double> result(n);
  if (count < 3) return result;
  Eigen::MatrixXd values(static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(statistics.size()));
  Eigen::VectorXd at(static_cast<Eigen::Index>(statistics.size()));
  Eigen::Index used = 0;
  for (const PredictedStatistic& one : statistics) {
    if (one.replicated.size() != count || std::isnan(one.observed)) continue;
    const Standard of = standard(count, [&](std::size_t r) { return one.replicated[r]; });
    if (!(of.sd > 1e-9 * std::abs(of.mean)) || !std::isfinite(of.sd)) continue;
    at[used] = std::clamp(of.of(one.observed), -furthest_statistic, furthest_statistic);
    for (std::size_t r = 0; r < count; ++r)
      values(static_cast<Eigen::Index>(r), used) =
          std::clamp(of.of(one.replicated[r]), -furthest_statistic, furthest_statistic);
    ++used;
  }
  if (used == 0) return result;
  const auto matrix = values.leftCols(used);
  Eigen::MatrixXd gram = matrix.transpose() * matrix;
  gram.diagonal().array() += ridge;
  const Eigen::VectorXd weights = matrix * gram.llt().solve(at.head(used));
  for (std::size_t j = 0; j < n; ++j) {
    const Standard of = standard(count, [&](std::size_t r) { return points[r * n + j]; });
    if (!(of.sd > 0)) continue;
    double pull = 0;
    for (std::size_t r = 0; r < count; ++r) pull += weights[static_cast<Eigen::Index>(r)] * of.of(points[r * n + j]);
    if (std::isfinite(pull)) result[j] = pull;
  }
  return result;
}

} // namespace sibyl
