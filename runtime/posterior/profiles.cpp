#include "runtime/posterior/profiles.hpp"

#include "runtime/frames/small_matrix.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace sibyl {

namespace {

// Steps along a coordinate: the first is so many robust sds of the draws long, each next one longer, so that tails of
// powers are followed, too.
constexpr double first_step = 0.7, growth = 1.3;
constexpr std::size_t most_steps = 12;
// A part's sd along the coordinate, in steps.
constexpr double overlap = 0.8;
// A walk ends where so little is left (of logarithms, below its largest).
constexpr double negligible = 9;
// What the walks may take, in seconds: of a density that is slow, what they found by then is used.
constexpr double most_seconds = 10;
constexpr int most_iterations = 12;
constexpr double negligible_gain = 1e-3; // of the log density, by Newton's next step
constexpr double difference = 1e-4;      // of gradients, in robust sds
// Of the draws, those nearest in one coordinate tell where the others begin.
constexpr double nearest_share = 0.1;

struct Walk {
  std::size_t held = 0; // the coordinate
  double direction = 0; // zero: it stands at the middle
  std::vector<double> point;
  std::vector<double> gradient, curvature; // curvature: minus the Hessian, [row][column]
  double value = 0, damping = 0;
  bool is_going = true, is_converged = false;
};

class Search {
 public:
  Search(TargetDensity& target, std::span<const double> draws, std::span<const double> log_weights)
      : target_(target), n_(target.dimension()), draws_(draws), scale_(n_), middle_(n_) {
    const std::size_t count = log_weights.size();
    std::vector<std::size_t> order(count);
    for (std::size_t p = 0; p < n_; ++p) {
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::sort(order.begin(), order.end(),
                [&](std::size_t a, std::size_t b) { return draws[a * n_ + p] < draws[b * n_ + p]; });
      double reached = 0, quantiles[3] = {};
      constexpr double wanted[3] = {0.16, 0.5, 0.84};
      std::size_t found = 0;
      for (const std::size_t i : order) {
        reached += std::exp(log_weights[i]);
        while (found < 3 && reached >= wanted[found]) quantiles[found++] = draws[i * n_ + p];
      }
      middle_[p] = quantiles[1];
      scale_[p] = (quantiles[2] - quantiles[0]) / 2;
    }
  }

  Profiles run() {
    if (std::any_of(scale_.begin(), scale_.end(), [](double one) { return !(one > 0) || !std::isfinite(one); }))
      return {};
    std::vector<Walk> walks;
    for (std::size_t p = 0; p < n_; ++p) {
      Walk walk;
      walk.held = p;
      walk.point = begin_at(p);
      walks.push_back(std::move(walk));
    }
    climb(walks);
    std::vector<Walk> outward;
    for (const Walk& one : walks) {
      if (!one.is_converged) continue;
      keep(one, first_step);
      for (const double direction : {-1.0, 1.0}) {
        outward.push_back(one);
        outward.back().direction = direction;
      }
    }
    std::vector<double> highest(outward.size(), -std::numeric_limits<double>::infinity());
    double step = first_step;
    for (std::size_t i = 0; i < most_steps && !outward.empty() && !is_late(); ++i, step *= growth) {
      for (Walk& one : outward) move(one, step);
      climb(outward);
      std::vector<Walk> left;
      std::vector<double> left_highest;
      for (std::size_t w = 0; w < outward.size(); ++w) {
        if (!outward[w].is_converged) continue;
        const double mass = keep(outward[w], step * growth);
        highest[w] = std::max(highest[w], mass);
        if (!(mass > highest[w] - negligible)) continue;
        left.push_back(std::move(outward[w]));
        left_highest.push_back(highest[w]);
      }
      outward = std::move(left);
      highest = std::move(left_highest);
    }
    return std::move(result_);
  }

 private:
  bool is_late() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count() > most_seconds;
  }

  std::vector<double> begin_at(std::size_t held) const {
    const std::size_t count = draws_.size() / n_;
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto near = std::max<std::size_t>(1, static_cast<std::size_t>(nearest_share * static_cast<double>(count)));
    std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(near - 1), order.end(),
                     [&](std::size_t a, std::size_t b) {
                       return std::abs(draws_[a * n_ + held] - middle_[held]) <
                              std::abs(draws_[b * n_ + held] - middle_[held]);
                     });
    std::vector<double> point(n_, 0);
    for (std::size_t i = 0; i < near; ++i)
      for (std::size_t p = 0; p < n_; ++p) point[p] += draws_[order[i] * n_ + p] / static_cast<double>(near);
    point[held] = middle_[held];
    return point;
  }

  // The next value of the coordinate, and the others where the curvature says that they go with it.
  void move(Walk& walk, double step) const {
    const double by = walk.direction * step * scale_[walk.held];
    std::vector<double> slope(n_);
    std::vector<double> factor = reduced(walk, 0);
    if (small_matrix::cholesky(factor.data(), n_)) {
      for (std::size_t p = 0; p < n_; ++p)
        slope[p] = p == walk.held ? 0 : -walk.curvature[p * n_ + walk.held];
      small_matrix::solve_lower(factor.data(), slope.data(), n_);
      small_matrix::solve_lower_transposed(factor.data(), slope.data(), n_);
    }
    for (std::size_t p = 0; p < n_; ++p) walk.point[p] += p == walk.held ? by : by * slope[p];
    walk.is_going = true;
    walk.is_converged = false;
    walk.damping = 0;
  }

  // The curvature without the coordinate that is held, in whose place stands a one: as large as before, for one solver.
  std::vector<double> reduced(const Walk& walk, double damping) const {
    std::vector<double> matrix = walk.curvature;
    for (std::size_t p = 0; p < n_; ++p) {
      matrix[p * n_ + walk.held] = matrix[walk.held * n_ + p] = 0;
      matrix[p * n_ + p] += damping / (scale_[p] * scale_[p]);
    }
    matrix[walk.held * n_ + walk.held] = 1;
    return matrix;
  }

  // Newton's method of all walks at once, so that the density has many points to evaluate.
  void climb(std::vector<Walk>& walks) {
    for (int iteration = 0; iteration < most_iterations; ++iteration) {
      if (std::none_of(walks.begin(), walks.end(), [](const Walk& one) { return one.is_going; })) return;
      if (is_late()) break;
      look_around(walks);
      std::vector<double> tried;
      std::vector<std::size_t> of;
      for (std::size_t w = 0; w < walks.size(); ++w)
        if (walks[w].is_going) propose(walks[w], w, tried, of);
      if (of.empty()) continue;
      std::vector<double> values(of.size());
      target_.evaluate(tried, values);
      std::vector<double> best(walks.size(), -std::numeric_limits<double>::infinity());
      std::vector<std::size_t> chosen(walks.size());
      for (std::size_t i = 0; i < of.size(); ++i)
        if (values[i] > best[of[i]]) best[of[i]] = values[i], chosen[of[i]] = i;
      for (std::size_t w = 0; w < walks.size(); ++w) {
        if (!walks[w].is_going) continue;
        if (best[w] >= walks[w].value) {
          walks[w].point.assign(tried.begin() + static_cast<std::ptrdiff_t>(chosen[w] * n_),
                                tried.begin() + static_cast<std::ptrdiff_t>((chosen[w] + 1) * n_));
          walks[w].damping = walks[w].damping < 1e-2 ? 0 : walks[w].damping / 10;
        } else {
          walks[w].damping = std::max(0.1, 10 * walks[w].damping);
        }
      }
    }
    for (Walk& one : walks) one.is_going = false;
  }

  // Values, gradients and curvatures of the walks that are going.
  void look_around(std::vector<Walk>& walks) {
    std::vector<double> points;
    for (const Walk& one : walks) {
      if (!one.is_going) continue;
      points.insert(points.end(), one.point.begin(), one.point.end());
      for (std::size_t p = 0; p < n_; ++p)
        for (const double side : {1.0, -1.0}) {
          points.insert(points.end(), one.point.begin(), one.point.end());
          points[points.size() - n_ + p] += side * difference * scale_[p];
        }
    }
    const std::size_t count = points.size() / n_;
    std::vector<double> values(count), gradients(points.size());
    target_.evaluate(points, values, gradients);
    std::size_t at = 0;
    for (Walk& one : walks) {
      if (!one.is_going) continue;
      one.value = values[at];
      const double* own = gradients.data() + at * n_;
      one.gradient.assign(own, own + n_);
      one.curvature.assign(n_ * n_, 0);
      for (std::size_t p = 0; p < n_; ++p)
        for (std::size_t q = 0; q < n_; ++q) {
          const double rise = own[(1 + 2 * p) * n_ + q] - own[(2 + 2 * p) * n_ + q];
          const double slope = -rise / (2 * difference * scale_[p]);
          one.curvature[p * n_ + q] += slope / 2;
          one.curvature[q * n_ + p] += slope / 2;
        }
      at += 1 + 2 * n_;
      const auto is_finite = [](double value) { return std::isfinite(value); };
      if (!std::isfinite(one.value) || !std::all_of(one.gradient.begin(), one.gradient.end(), is_finite) ||
          !std::all_of(one.curvature.begin(), one.curvature.end(), is_finite))
        one.is_going = false;
    }
  }

  // Newton's step, whole and in parts; or the walk has arrived.
  void propose(Walk& walk, std::size_t number, std::vector<double>& tried, std::vector<std::size_t>& of) const {
    std::vector<double> gradient = walk.gradient;
    gradient[walk.held] = 0;
    std::vector<double> step;
    for (double damping = walk.damping; damping < 1e6; damping = std::max(0.1, 4 * damping)) {
      std::vector<double> factor = reduced(walk, damping);
      if (!small_matrix::cholesky(factor.data(), n_)) continue;
      step = gradient;
      small_matrix::solve_lower(factor.data(), step.data(), n_);
      small_matrix::solve_lower_transposed(factor.data(), step.data(), n_);
      walk.damping = damping;
      break;
    }
    if (step.empty()) {
      walk.is_going = false;
      return;
    }
    const double gain = std::inner_product(step.begin(), step.end(), gradient.begin(), 0.0);
    if (walk.damping == 0 && gain < negligible_gain) {
      walk.is_converged = true;
      walk.is_going = false;
      return;
    }
    for (const double part : {1.0, 0.5, 0.2}) {
      for (std::size_t p = 0; p < n_; ++p) tried.push_back(walk.point[p] + part * step[p]);
      of.push_back(number);
    }
  }

  // Of a walk that has arrived: the conditional normal distribution there, along the coordinate as wide as a step.
  double keep(const Walk& walk, double step) {
    const double sd = overlap * step * scale_[walk.held];
    // Minus the Hessian is the precision of all, but for the coordinate's own: its square is completed so that the
    // coordinate has this sd.
    std::vector<double> cross(n_), factor = reduced(walk, 0);
    if (!small_matrix::cholesky(factor.data(), n_)) return -std::numeric_limits<double>::infinity();
    for (std::size_t p = 0; p < n_; ++p) cross[p] = p == walk.held ? 0 : walk.curvature[p * n_ + walk.held];
    double log_determinant = 0;
    for (std::size_t p = 0; p < n_; ++p) log_determinant += std::log(factor[p * n_ + p]);
    small_matrix::solve_lower(factor.data(), cross.data(), n_);
    std::vector<double> precision = walk.curvature;
    precision[walk.held * n_ + walk.held] =
        std::inner_product(cross.begin(), cross.end(), cross.begin(), 0.0) + 1 / (sd * sd);
    if (!small_matrix::cholesky(precision.data(), n_)) return -std::numeric_limits<double>::infinity();
    FrameBatch part;
    part.count = 1;
    part.dimension = n_;
    part.center = walk.point;
    part.log_determinant = {0};
    for (std::size_t p = 0; p < n_; ++p) part.log_determinant[0] += std::log(precision[p * n_ + p]);
    part.factor = std::move(precision);
    part.objective = {walk.value};
    part.converged = {1};
    result_.parts.append(part);
    const double mass = walk.value + 0.5 * static_cast<double>(n_ - 1) * std::log(2 * std::numbers::pi) -
                        log_determinant + std::log(step * scale_[walk.held]);
    result_.log_mass.push_back(mass);
    return mass;
  }

  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  TargetDensity& target_;
  std::size_t n_;
  std::span<const double> draws_;
  std::vector<double> scale_, middle_;
  Profiles result_;
};

} // namespace

Profiles find_profiles(TargetDensity& target, std::span<const double> draws, std::span<const double> log_weights) {
  return Search(target, draws, log_weights).run();
}

} // namespace sibyl
