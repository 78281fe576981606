#include "runtime/frames/climb.hpp"

#include "runtime/frames/small_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sibyl {

namespace {

constexpr double negligible_gain = 1e-8; // nats
// Less than this may be hidden by the error of what a solver computes: no reason to look on where steps fail.
constexpr double hidden_gain = 1e-5;
constexpr double longest_step = 5;       // of any parameter, in the prior's standard deviations
constexpr double least_share_of_slope = 1e-4; // that a step has to gain (Armijo's condition)
constexpr int most_trials = 15;               // of a direction
int most_evaluations(std::size_t dimension) { return 80 + 2 * static_cast<int>(dimension); }

double product(const std::vector<double>& x, const std::vector<double>& y) {
  return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
}

} // namespace

Climb::Climb(PriorFrame prior)
    : prior_(std::move(prior)), dimension_(prior_.dimension()), trial_(dimension_), step_(dimension_),
      change_(dimension_), image_(dimension_), theta_(dimension_) {}

void Climb::run(Density& density, std::size_t active, std::vector<double>& points) {
  const std::size_t n = dimension_, width = static_cast<std::size_t>(density.lanes());
  lanes_.assign(width, {});
  std::copy(points.begin(), points.end(), density.points());
  density.evaluate(true);
  for (std::size_t l = 0; l < width; ++l) {
    Lane& lane = lanes_[l];
    lane.value = density.value(static_cast<int>(l));
    for (std::size_t p = 0; p < n; ++p) theta_[p] = points[p * width + l] - prior_.center[p];
    lane.at = theta_;
    small_matrix::multiply_transposed(prior_.factor.data(), lane.at.data(), n);
    lane.gradient.resize(n);
    read(density, l, lane.gradient);
    lane.is_done = l >= active || !std::isfinite(lane.value);
    lane.inverse.assign(n * n, 0);
    for (std::size_t p = 0; p < n; ++p) lane.inverse[p * n + p] = 1;
    if (!lane.is_done) turn(lane);
  }
  const auto is_done = [](const Lane& lane) { return lane.is_done; };
  for (int evaluation = most_evaluations(n); evaluation > 0; --evaluation) {
    if (std::all_of(lanes_.begin(), lanes_.end(), is_done)) break;
    for (std::size_t l = 0; l < width; ++l) {
      const Lane& lane = lanes_[l];
      if (l < active) write(density, l, lane.at, lane.is_done ? 0 : lane.share, lane.direction);
    }
    density.evaluate(true);
    for (std::size_t l = 0; l < width; ++l) {
      if (lanes_[l].is_done) continue;
      read(density, l, trial_);
      try_point(lanes_[l], density.value(static_cast<int>(l)));
    }
  }
  for (std::size_t l = 0; l < active; ++l) {
    if (!std::isfinite(lanes_[l].value)) continue;
    write(density, l, lanes_[l].at, 0, lanes_[l].direction);
    for (std::size_t p = 0; p < n; ++p) points[p * width + l] = density.points()[p * width + l];
  }
}

// The gradient by z = L^T (theta - m) is L^-1 times that by theta.
void Climb::read(const Density& density, std::size_t lane, std::vector<double>& gradient) const {
  const std::size_t width = static_cast<std::size_t>(density.lanes());
  for (std::size_t p = 0; p < dimension_; ++p) gradient[p] = density.gradient()[p * width + lane];
  small_matrix::solve_lower(prior_.factor.data(), gradient.data(), dimension_);
}

void Climb::write(Density& density, std::size_t lane, const std::vector<double>& at, double share,
                  const std::vector<double>& direction) {
  const std::size_t width = static_cast<std::size_t>(density.lanes());
  theta_ = at;
  if (share > 0)
    for (std::size_t p = 0; p < dimension_; ++p) theta_[p] += share * direction[p];
  small_matrix::solve_lower_transposed(prior_.factor.data(), theta_.data(), dimension_);
  for (std::size_t p = 0; p < dimension_; ++p) density.points()[p * width + lane] = prior_.center[p] + theta_[p];
}

void Climb::turn(Lane& lane) {
  const std::size_t n = dimension_;
  lane.direction.assign(n, 0);
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t q = 0; q < n; ++q) lane.direction[p] += lane.inverse[p * n + q] * lane.gradient[q];
  lane.slope = product(lane.direction, lane.gradient);
  lane.trials = 0;
  lane.share = 1;
  if (!(lane.slope > 0) || !std::isfinite(lane.slope)) {
    lane.is_done = true;
    return;
  }
  lane.arrived = lane.knows_scale && 0.5 * lane.slope <= negligible_gain;
  lane.is_done = lane.arrived;
  double longest = 0;
  for (const double part : lane.direction) longest = std::max(longest, std::abs(part));
  // Of the first step nothing but its direction is known.
  const double limit = lane.knows_scale ? longest_step : 0.1;
  if (longest > limit) lane.share = limit / longest;
}

void Climb::try_point(Lane& lane, double value) {
  const double rounding = 1e-12 * (1 + std::abs(lane.value));
  const bool is_finite = std::isfinite(value) && std::all_of(trial_.begin(), trial_.end(),
                                                             [](double part) { return std::isfinite(part); });
  if (!is_finite || value < lane.value + least_share_of_slope * lane.share * lane.slope - rounding) {
    // The parabola through what is known has its top here.
    const double lost = lane.value + lane.share * lane.slope - value;
    const double top = is_finite && lost > 0 ? 0.5 * lane.share * lane.slope / lost : 0.1;
    lane.share *= std::clamp(top, 0.1, 0.5);
    ++lane.trials;
    lane.arrived = lane.knows_scale && lane.trials >= 2 && 0.5 * lane.slope <= hidden_gain;
    lane.is_done = lane.arrived || lane.trials >= most_trials;
    return;
  }
  for (std::size_t p = 0; p < dimension_; ++p) {
    step_[p] = lane.share * lane.direction[p];
    lane.at[p] += step_[p];
    change_[p] = lane.gradient[p] - trial_[p];
  }
  lane.value = value;
  lane.gradient = trial_;
  learn(lane);
  turn(lane);
}

// From the step and the change of the gradient along it (eq. 6.17 and 6.20 of the book).
void Climb::learn(Lane& lane) {
  const std::size_t n = dimension_;
  const double curvature = product(step_, change_);
  if (!(curvature > 1e-12 * std::sqrt(product(step_, step_) * product(change_, change_)))) {
    // Not concave here: the same way, further.
    for (double& part : lane.inverse) part *= 4;
    return;
  }
  if (!lane.knows_scale) {
    const double scale = curvature / product(change_, change_);
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t q = 0; q < n; ++q) lane.inverse[p * n + q] = p == q ? scale : 0;
    lane.knows_scale = true;
  }
  std::fill(image_.begin(), image_.end(), 0.0);
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t q = 0; q < n; ++q) image_[p] += lane.inverse[p * n + q] * change_[q];
  const double weight = (1 + product(change_, image_) / curvature) / curvature;
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t q = 0; q < n; ++q)
      lane.inverse[p * n + q] +=
          weight * step_[p] * step_[q] - (image_[p] * step_[q] + step_[p] * image_[q]) / curvature;
}

} // namespace sibyl
