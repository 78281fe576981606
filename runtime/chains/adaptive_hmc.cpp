#include "runtime/chains/adaptive_hmc.hpp"

#include "runtime/chains/nested_r_hat.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <random>

namespace sibyl {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>; // [point][parameter]
using Eigen::Index;
using Eigen::VectorXd;

constexpr double infinity = std::numeric_limits<double>::infinity();
// An energy error beyond which a trajectory has left the level set for good, as Stan has it.
constexpr double divergence = 1000;
// So many of the latest steps tell the covariance.
constexpr std::size_t metric_window = 60;
// Relative differences of numbers that are some hundred roundings of a double.
constexpr double rounding = 1e-13;
// Above this dimension the metric is diagonal: a covariance would take more states than there are.
constexpr Index largest_dense_metric = 200;

// theta = center + factor * x; momenta are standard normal in x.
struct Metric {
  VectorXd center;
  Eigen::MatrixXd factor; // lower triangular

  Matrix to_theta(const Matrix& x) const { return (x * factor.transpose()).rowwise() + center.transpose(); }
  Matrix from_theta(const Matrix& theta) const {
    const Matrix centered = theta.rowwise() - center.transpose();
    return factor.triangularView<Eigen::Lower>().solve(centered.transpose()).transpose();
  }
};

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Of rows that may have heavy tails: values are pulled in to four robust standard deviations first.
Metric estimate_metric(const Matrix& points) {
  const Index n = points.cols(), count = points.rows();
  Metric metric{VectorXd(n), {}};
  VectorXd scale(n);
  Matrix standardized(count, n);
  for (Index p = 0; p < n; ++p) {
    std::vector<double> values;
    for (Index i = 0; i < count; ++i)
      if (std::isfinite(points(i, p))) values.push_back(points(i, p));
    if (values.empty()) values.push_back(0);
    const double center = median(values);
    for (double& one : values) one = std::abs(one - center);
    double spread = 1.4826 * median(values);
    if (!(spread > 0)) spread = 1e-3 * (1 + std::abs(center));
    for (Index i = 0; i < count; ++i) {
      const double z = (points(i, p) - center) / spread;
      standardized(i, p) = std::isfinite(z) ? std::clamp(z, -4.0, 4.0) : 0.0;
    }
    const double shift = standardized.col(p).mean();
    standardized.col(p).array() -= shift;
    metric.center[p] = center + spread * shift;
    scale[p] = spread;
  }
  const auto size = static_cast<double>(count);
  Eigen::MatrixXd covariance(n, n);
  if (n > largest_dense_metric) {
    covariance.setZero();
    covariance.diagonal() = standardized.colwise().squaredNorm().transpose() / size;
  } else {
    covariance = standardized.transpose() * standardized / size;
  }
  // Shrunk a little, so that it is a covariance even where there are fewer states than parameters.
  const double shrinkage = static_cast<double>(n) / (static_cast<double>(n) + size) + 1e-6;
  const VectorXd diagonal = covariance.diagonal().cwiseMax(1e-6);
  covariance *= 1 - shrinkage;
  covariance.diagonal() += shrinkage * diagonal;
  metric.factor = scale.asDiagonal() * Eigen::MatrixXd(covariance.llt().matrixL());
  return metric;
}

// The van der Corput sequence in base 2: uniform numbers that leave no gaps.
double van_der_corput(std::size_t index) {
  double result = 0, part = 0.5;
  for (; index > 0; index /= 2, part /= 2) result += part * static_cast<double>(index % 2);
  return result;
}

// Nesterov's dual averaging as in Hoffman and Gelman 2014, section 3.2.
class StepSize {
 public:
  explicit StepSize(double aim) : aim_(aim) {}
  void restart(double step) {
    anchor_ = std::log(10 * step);
    log_step_ = std::log(step);
    log_average_ = log_step_;
    error_ = 0;
    count_ = 0;
  }
  void update(double acceptance) {
    ++count_;
    error_ += (aim_ - acceptance - error_) / (count_ + 10);
    log_step_ = anchor_ - std::sqrt(count_) / 0.05 * error_;
    const double weight = std::pow(count_, -0.75);
    log_average_ = weight * log_step_ + (1 - weight) * log_average_;
  }
  double current() const { return std::exp(log_step_); }
  double average() const { return std::exp(log_average_); }

 private:
  double aim_, anchor_ = 0, log_step_ = 0, log_average_ = 0, error_ = 0, count_ = 0;
};

class Chains {
 public:
  // `must_stop` is asked between leapfrog steps.
  Chains(const LogDensityFunction& target, std::size_t dimension, const HmcOptions& options,
         std::function<bool()> must_stop)
      : target_(target), options_(options), must_stop_(std::move(must_stop)), n_(static_cast<Index>(dimension)),
        count_(static_cast<Index>(options.groups * options.chains_in_group)), random_(options.seed) {}

  // False where the density is not finite at any of the starts.
  bool start(const Matrix& points, std::span<const std::size_t> starts) {
    metric_ = estimate_metric(points);
    std::vector<std::size_t> usable;
    Matrix at(static_cast<Index>(starts.size()), n_), gradient(at.rows(), n_);
    VectorXd values(at.rows());
    for (std::size_t i = 0; i < starts.size(); ++i)
      at.row(static_cast<Index>(i)) = points.row(static_cast<Index>(starts[i]));
    evaluate(at, values, gradient);
    for (std::size_t i = 0; i < starts.size(); ++i)
      if (is_usable(values, gradient, static_cast<Index>(i))) usable.push_back(starts[i]);
    if (usable.empty()) return false;
    theta_.resize(count_, n_);
    for (Index chain = 0; chain < count_; ++chain) {
      const std::size_t group = static_cast<std::size_t>(chain) / options_.chains_in_group;
      theta_.row(chain) = points.row(static_cast<Index>(usable[group % usable.size()]));
    }
    value_.resize(count_);
    gradient_.resize(count_, n_);
    evaluate(theta_, value_, gradient_);
    return true;
  }

  std::size_t gradients() const { return gradients_; }
  void use_metric(Metric metric) { metric_ = std::move(metric); }
  const Matrix& theta() const { return theta_; }
  const VectorXd& value() const { return value_; }

  struct Step {
    double acceptance = 0; // the mean over chains
    double slope = 0;      // of the ChEES criterion by the logarithm of the trajectory
    std::size_t divergent = 0;
  };

  // Nothing where it had to stop: the chains are where they were.
  std::optional<Step> step(double step_size, double length) {
    const auto leapfrogs =
        std::clamp<std::size_t>(static_cast<std::size_t>(std::ceil(length / step_size)), 1, options_.most_leapfrogs);
    Matrix momentum(count_, n_);
    for (Index i = 0; i < momentum.size(); ++i) momentum.data()[i] = normal_(random_);
    const VectorXd energy = -value_ + 0.5 * momentum.rowwise().squaredNorm();
    const Matrix from = metric_.from_theta(theta_);
    Matrix x = from, theta = theta_, gradient = gradient_;
    VectorXd value = value_;
    momentum += 0.5 * step_size * gradient * metric_.factor;
    for (std::size_t i = 0; i < leapfrogs; ++i) {
      if (must_stop_()) return std::nullopt;
      x += step_size * momentum;
      theta = metric_.to_theta(x);
      evaluate(theta, value, gradient);
      momentum += (i + 1 < leapfrogs ? 1 : 0.5) * step_size * gradient * metric_.factor;
    }
    Step result;
    VectorXd acceptance(count_);
    for (Index chain = 0; chain < count_; ++chain) {
      const double lost = -value[chain] + 0.5 * momentum.row(chain).squaredNorm() - energy[chain];
      const bool is_finite = std::isfinite(lost) && gradient.row(chain).allFinite();
      acceptance[chain] = is_finite ? std::exp(std::min(0.0, -lost)) : 0;
      result.divergent += !is_finite || lost > divergence;
    }
    result.acceptance = acceptance.mean();
    result.slope = chees_slope(from, x, momentum, acceptance, static_cast<double>(leapfrogs) * step_size);
    for (Index chain = 0; chain < count_; ++chain) {
      if (!(uniform_(random_) < acceptance[chain])) continue;
      theta_.row(chain) = theta.row(chain);
      gradient_.row(chain) = gradient.row(chain);
      value_[chain] = value[chain];
    }
    return result;
  }

 private:
  static bool is_usable(const VectorXd& values, const Matrix& gradient, Index point) {
    return std::isfinite(values[point]) && gradient.row(point).allFinite();
  }

  void evaluate(const Matrix& theta, VectorXd& values, Matrix& gradient) {
    target_(std::span(theta.data(), static_cast<std::size_t>(theta.size())),
            std::span(values.data(), static_cast<std::size_t>(values.size())),
            std::span(gradient.data(), static_cast<std::size_t>(gradient.size())));
    gradients_ += static_cast<std::size_t>(theta.rows());
    // Where there is no density a trajectory goes straight on; it is not accepted there.
    for (Index point = 0; point < theta.rows(); ++point)
      if (!is_usable(values, gradient, point)) {
        values[point] = -infinity;
        gradient.row(point).setZero();
      }
  }

  // The change of the expected squared jump by the trajectory's length (eq. 8 of the paper): chains weighted by their
  // acceptance.
  double chees_slope(const Matrix& from, const Matrix& to, const Matrix& momentum, const VectorXd& acceptance,
                     double length) const {
    VectorXd weight = acceptance;
    for (Index chain = 0; chain < count_; ++chain)
      if (!to.row(chain).allFinite() || !momentum.row(chain).allFinite()) weight[chain] = 0;
    const double total = weight.sum();
    if (!(total > 0)) return 0;
    VectorXd mean_to = VectorXd::Zero(n_);
    for (Index chain = 0; chain < count_; ++chain)
      if (weight[chain] > 0) mean_to += weight[chain] / total * to.row(chain).transpose();
    const VectorXd mean_from = from.colwise().mean().transpose();
    double sum = 0;
    for (Index chain = 0; chain < count_; ++chain) {
      if (!(weight[chain] > 0)) continue;
      const VectorXd end = to.row(chain).transpose() - mean_to, begin = from.row(chain).transpose() - mean_from;
      sum += weight[chain] * (end.squaredNorm() - begin.squaredNorm()) * end.dot(momentum.row(chain).transpose());
    }
    return length * sum / total;
  }

  const LogDensityFunction& target_;
  const HmcOptions& options_;
  std::function<bool()> must_stop_;
  Index n_, count_;
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  std::uniform_real_distribution<double> uniform_;
  Metric metric_;
  Matrix theta_, gradient_;
  VectorXd value_;
  std::size_t gradients_ = 0;
};

// The states of all chains, step after step.
class Trace {
 public:
  void add(const Chains& chains) {
    thetas_.push_back(chains.theta());
    values_.push_back(chains.value());
  }
  std::size_t size() const { return thetas_.size(); }
  void clear() { thetas_.clear(), values_.clear(); }

  // The states of the last steps as rows.
  Matrix latest(std::size_t steps) const {
    steps = std::min(steps, size());
    const Index chains = thetas_.front().rows();
    Matrix all(static_cast<Index>(steps) * chains, thetas_.front().cols());
    for (std::size_t i = 0; i < steps; ++i)
      all.middleRows(static_cast<Index>(i) * chains, chains) = thetas_[size() - steps + i];
    return all;
  }

  // The first parameter whose latest states differ by rounding alone, though the chains move.
  std::optional<std::size_t> rounded_parameter(std::size_t steps) const {
    if (size() < steps) return std::nullopt;
    const Matrix &last = thetas_.back(), &first = thetas_[size() - steps];
    Index moved = 0;
    for (Index chain = 0; chain < last.rows(); ++chain) moved += last.row(chain) != first.row(chain);
    if (2 * moved < last.rows()) return std::nullopt;
    const Matrix states = latest(steps);
    for (Index p = 0; p < states.cols(); ++p) {
      std::vector<double> values(states.col(p).begin(), states.col(p).end());
      const double center = median(values);
      for (double& one : values) one = std::abs(one - center);
      if (std::isfinite(center) && center != 0 && median(values) < rounding * std::abs(center))
        return static_cast<std::size_t>(p);
    }
    return std::nullopt;
  }

  double largest_r_hat(std::size_t from, std::size_t chains_in_group) const {
    const auto chains = static_cast<std::size_t>(thetas_.front().rows());
    double largest = 0;
    std::vector<double> values((size() - from) * chains);
    const auto look = [&] {
      largest = std::max(largest, nested_r_hat(normal_scores(values), chains, chains_in_group));
    };
    for (Index p = 0; p < thetas_.front().cols(); ++p) {
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = thetas_[from + i / chains](static_cast<Index>(i % chains), p);
      look();
    }
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = values_[from + i / chains][static_cast<Index>(i % chains)];
    look();
    return largest;
  }

  // From a step on, [chain][step][parameter].
  std::vector<double> states(std::size_t from) const {
    std::vector<double> result;
    for (Index chain = 0; chain < thetas_.front().rows(); ++chain)
      for (std::size_t step = from; step < size(); ++step) {
        const auto row = thetas_[step].row(chain);
        result.insert(result.end(), row.begin(), row.end());
      }
    return result;
  }

  // So many states spread evenly over chains and steps.
  std::vector<double> draws(std::size_t from, std::size_t count) const {
    const auto chains = static_cast<std::size_t>(thetas_.front().rows());
    const std::size_t all = (size() - from) * chains;
    std::vector<double> result;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = i * all / count;
      const auto row = thetas_[from + at / chains].row(static_cast<Index>(at % chains));
      result.insert(result.end(), row.begin(), row.end());
    }
    return result;
  }

 private:
  std::vector<Matrix> thetas_;
  std::vector<VectorXd> values_;
};

} // namespace

HmcResult run_adaptive_hmc(const LogDensityFunction& target, std::size_t dimension, std::span<const double> points,
                           std::span<const std::size_t> starts, const HmcOptions& options) {
  HmcResult result;
  result.r_hat = infinity;
  const auto start = std::chrono::steady_clock::now();
  Chains chains(target, dimension, options, [&] {
    result.was_interrupted = options.interrupted && options.interrupted();
    result.is_out_of_time =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > options.seconds;
    return result.was_interrupted || result.is_out_of_time;
  });
  const Eigen::Map<const Matrix> given(points.data(), static_cast<Index>(points.size() / dimension),
                                       static_cast<Index>(dimension));
  if (!chains.start(given, starts)) return result;

  StepSize step_size(options.acceptance);
  step_size.restart(0.1);
  double log_length = 0;    // of trajectories, in the metric's units
  double second_moment = 0; // of the slope: Adam without momentum, as the paper has it
  Trace trace;
  // The metric is measured anew after each of these shares of the warm-up, from what ran since the last.
  const std::size_t renewals[] = {options.warmup / 8, options.warmup / 4, options.warmup / 2};
  const std::size_t adapting_length = options.warmup / 8;
  const auto stop_where_rounded = [&] {
    result.rounded = trace.rounded_parameter(std::min(metric_window, options.warmup / 8));
    if (!result.rounded) return false;
    result.gradients = chains.gradients();
    result.draws = trace.draws(trace.size() - std::min(trace.size(), metric_window), options.draws);
    return true;
  };
  for (std::size_t i = 0; i < options.warmup; ++i) {
    if (std::find(std::begin(renewals), std::end(renewals), i) != std::end(renewals) && trace.size() > 0) {
      if (stop_where_rounded()) return result;
      chains.use_metric(estimate_metric(trace.latest(metric_window)));
      trace.clear();
      step_size.restart(step_size.average());
    }
    const double length = 2 * van_der_corput(i + 1) * std::exp(log_length);
    const std::optional<Chains::Step> step = chains.step(step_size.current(), length);
    if (!step) {
      result.gradients = chains.gradients();
      return result;
    }
    step_size.update(step->acceptance);
    if (i >= adapting_length && std::isfinite(step->slope)) {
      second_moment = 0.95 * second_moment + 0.05 * step->slope * step->slope;
      const auto taken = static_cast<double>(i - adapting_length + 1);
      const double size = std::sqrt(second_moment / (1 - std::pow(0.95, taken))) + 1e-300;
      log_length = std::clamp(log_length + 0.05 * step->slope / size, std::log(0.3), std::log(30.0));
    }
    trace.add(chains);
  }

  if (trace.size() > 0 && stop_where_rounded()) return result;
  trace.clear();
  result.step_size = step_size.average();
  result.trajectory = std::exp(log_length);
  const std::size_t chain_count = options.groups * options.chains_in_group;
  // As many states as draws are wanted, and enough that the groups' agreement can be seen.
  const std::size_t least = std::max<std::size_t>(50, (options.draws + chain_count - 1) / chain_count);
  std::size_t next_look = least, divergent = 0;
  // What the chains still remember of their starts is given up: the latter half counts, once it is long enough.
  const auto first_kept = [&] { return trace.size() - std::max(std::min(least, trace.size()), trace.size() / 2); };
  double accepted = 0;
  while (result.steps < std::max(least, options.most_steps)) {
    const double length = 2 * van_der_corput(result.steps + 1) * result.trajectory;
    const std::optional<Chains::Step> step = chains.step(result.step_size, length);
    if (!step) break;
    accepted += step->acceptance;
    divergent += step->divergent;
    trace.add(chains);
    if (++result.steps < next_look) continue;
    if (stop_where_rounded()) return result;
    result.r_hat = trace.largest_r_hat(first_kept(), options.chains_in_group);
    if (result.r_hat < options.good_r_hat) break;
    next_look = result.steps + std::max<std::size_t>(50, result.steps / 4);
  }
  result.gradients = chains.gradients();
  if (result.steps == 0) return result;
  if (result.steps < next_look) result.r_hat = trace.largest_r_hat(first_kept(), options.chains_in_group);
  result.acceptance = accepted / static_cast<double>(result.steps);
  result.divergent = static_cast<double>(divergent) / static_cast<double>(result.steps * chain_count);
  result.draws = trace.draws(first_kept(), options.draws);
  if (options.keep_states) result.states = trace.states(first_kept());
  return result;
}

} // namespace sibyl
