#include "runtime/mcmc/lbfgs.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <optional>

namespace sibyl::mcmc {

namespace {

constexpr double least_decrease = 1e-4, least_flattening = 0.9; // Nocedal and Wright, section 3.1

struct Pair {
  Eigen::VectorXd step, change; // of the position, of the gradient of the negative log density
  double inverse_product = 0;   // 1 / (step . change)
};

// Minimizes the negative log density along a direction.
class LineSearch {
 public:
  LineSearch(LogDensity& density, const LbfgsPoint& from, const Eigen::VectorXd& direction, int& evaluations)
      : density_(density), from_(from), direction_(direction), evaluations_(evaluations),
        start_value_(-from.log_density), start_slope_(-from.gradient.dot(direction)) {
    point_.position = point_.gradient = from.position;
  }

  // The point reached; none where no step decreases the value.
  std::optional<LbfgsPoint> run(double first_step) {
    if (!(start_slope_ < 0)) return std::nullopt;
    Trial before{0, start_value_, start_slope_};
    double step = first_step;
    for (int i = 0; i < most_trials; ++i) {
      const Trial trial = at(step);
      const bool is_too_high = !(trial.value <= start_value_ + least_decrease * step * start_slope_);
      if (is_too_high || (i > 0 && trial.value >= before.value)) return zoom(before, trial);
      if (std::abs(trial.slope) <= -least_flattening * start_slope_) return point_;
      if (trial.slope >= 0) return zoom(trial, before);
      before = trial;
      step *= 4;
    }
    return decreased(before);
  }

 private:
  static constexpr int most_trials = 40;

  struct Trial {
    double step, value, slope;
  };

  Trial at(double step) {
    point_.position = from_.position + step * direction_;
    point_.log_density = density_.evaluate(point_.position.data(), point_.gradient.data());
    ++evaluations_;
    if (!std::isfinite(point_.log_density) || !point_.gradient.allFinite())
      return {step, std::numeric_limits<double>::infinity(), 0};
    return {step, -point_.log_density, -point_.gradient.dot(direction_)};
  }

  // What is left where the conditions cannot be met: rounding, at the end of a minimization.
  std::optional<LbfgsPoint> decreased(const Trial& low) {
    if (low.step == 0 || !(low.value < start_value_)) return std::nullopt;
    at(low.step);
    return point_;
  }

  std::optional<LbfgsPoint> zoom(Trial low, Trial high) {
    for (int i = 0; i < most_trials; ++i) {
      const double width = high.step - low.step;
      if (std::abs(width) <= 1e-14 * std::abs(high.step)) break;
      // The minimum of the cubic through both values and slopes, kept away from the ends.
      double step = low.step + 0.5 * width;
      if (std::isfinite(high.value)) {
        const double d = low.slope + high.slope - 3 * (low.value - high.value) / (low.step - high.step);
        const double root = std::copysign(std::sqrt(std::max(0.0, d * d - low.slope * high.slope)), width);
        const double cubic = high.step - width * (high.slope + root - d) / (high.slope - low.slope + 2 * root);
        const double share = (cubic - low.step) / width;
        if (share > 0.1 && share < 0.9) step = cubic;
      }
      const Trial trial = at(step);
      const bool is_too_high = !(trial.value <= start_value_ + least_decrease * step * start_slope_);
      if (is_too_high || trial.value >= low.value) {
        high = trial;
        continue;
      }
      if (std::abs(trial.slope) <= -least_flattening * start_slope_) return point_;
      if (trial.slope * width >= 0) high = low;
      low = trial;
    }
    return decreased(low);
  }

  LogDensity& density_;
  const LbfgsPoint& from_;
  const Eigen::VectorXd& direction_;
  int& evaluations_;
  double start_value_, start_slope_;
  LbfgsPoint point_;
};

// The negative log density's Newton direction by the two-loop recursion.
void find_direction(const std::deque<Pair>& pairs, const Eigen::VectorXd& gradient, Eigen::VectorXd& direction) {
  direction = gradient;
  std::vector<double> weights(pairs.size());
  for (std::size_t i = pairs.size(); i-- > 0;) {
    weights[i] = pairs[i].inverse_product * pairs[i].step.dot(direction);
    direction -= weights[i] * pairs[i].change;
  }
  if (!pairs.empty()) direction *= 1 / (pairs.back().inverse_product * pairs.back().change.squaredNorm());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const double product = pairs[i].inverse_product * pairs[i].change.dot(direction);
    direction += (weights[i] - product) * pairs[i].step;
  }
}

constexpr double rounding = std::numeric_limits<double>::epsilon();

// Stan's tests of convergence; "" where none holds. Of a step:
std::string convergence(const LbfgsPoint& before, const LbfgsPoint& after, const LbfgsOptions& options) {
  const double change = std::abs(after.log_density - before.log_density);
  const double size = std::max({std::abs(after.log_density), std::abs(before.log_density), 1.0});
  if (change < options.objective) return "the log density does not change";
  if (change / size < options.relative_objective * rounding)
    return "the log density does not change, relative to its size";
  if ((after.position - before.position).norm() < options.parameters) return "the parameters do not change";
  return "";
}

// Of a point, with the direction in which the search would go on.
std::string convergence(const LbfgsPoint& point, const Eigen::VectorXd& direction, const LbfgsOptions& options) {
  if (point.gradient.norm() < options.gradient) return "the gradient vanishes";
  const double gain = std::abs(point.gradient.dot(direction)) / std::max(std::abs(point.log_density), 1.0);
  if (gain < options.relative_gradient * rounding) return "the gradient vanishes, relative to the log density";
  return "";
}

} // namespace

LbfgsResult maximize(LogDensity& density, const Eigen::VectorXd& start, const LbfgsOptions& options,
                     const LbfgsObserver& observer) {
  LbfgsResult result;
  LbfgsPoint& current = result.best;
  current.position = current.gradient = start;
  current.log_density = density.evaluate(start.data(), current.gradient.data());
  result.evaluations = 1;
  if (observer) observer(current);
  std::deque<Pair> pairs;
  Eigen::VectorXd direction;
  while (result.iterations < options.max_iterations) {
    if (options.interrupted && *options.interrupted) {
      result.was_interrupted = true;
      result.reason = "interrupted";
      return result;
    }
    find_direction(pairs, current.gradient, direction);
    result.reason = convergence(current, direction, options);
    if (!result.reason.empty()) {
      result.converged = true;
      return result;
    }
    const double first_step = pairs.empty() ? std::min(1.0, 1 / current.gradient.norm()) : 1;
    std::optional<LbfgsPoint> next = LineSearch(density, current, direction, result.evaluations).run(first_step);
    if (!next) {
      if (pairs.empty()) {
        result.reason = "no step along the gradient increases the log density: it may have jumps";
        return result;
      }
      pairs.clear(); // what was learned of the curvature may be what is wrong
      continue;
    }
    ++result.iterations;
    Pair pair{next->position - current.position, current.gradient - next->gradient};
    const double product = pair.step.dot(pair.change);
    result.reason = convergence(current, *next, options);
    current = std::move(*next);
    if (observer) observer(current);
    if (!result.reason.empty()) {
      result.converged = true;
      return result;
    }
    if (product > 1e-12 * pair.change.squaredNorm()) {
      pair.inverse_product = 1 / product;
      pairs.push_back(std::move(pair));
      if (pairs.size() > static_cast<std::size_t>(options.history)) pairs.pop_front();
    }
  }
  result.reason = "the largest number of iterations is reached";
  return result;
}

} // namespace sibyl::mcmc
