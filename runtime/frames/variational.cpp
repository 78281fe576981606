#include "runtime/frames/variational.hpp"

#include "runtime/frames/small_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

namespace sibyl {

namespace {

constexpr int most_steps = 50;
constexpr double damping = 0.6;       // share of the way that a step goes at most
constexpr double longest_change = 3;  // of the precision in one step, in units of what it is: to 8.5 times at most
constexpr double longest_move = 2;    // of the mean in one step, in standard deviations
// Of the mean and the precision, likewise: the network learns the rest. What still moves by more than the second at the
// end has not been found.
constexpr double negligible_move = 0.02, tolerable_move = 0.5;

// Rows of a random rotation; the same for the same dimension.
std::vector<double> random_axes(std::size_t n) {
  std::mt19937_64 random(0x7a11);
  // By hand (Box and Muller 1958): those of one standard library are not those of another, and a page in the browser
  // has to find the frames that its network was trained with.
  const auto uniform = [&] { return (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53; };
  const auto normal = [&] {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  };
  std::vector<double> axes(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    double* axis = axes.data() + i * n;
    double length = 0;
    for (std::size_t p = 0; p < n; ++p) axis[p] = normal();
    for (std::size_t j = 0; j < i; ++j) {
      const double* other = axes.data() + j * n;
      double product = 0;
      for (std::size_t p = 0; p < n; ++p) product += axis[p] * other[p];
      for (std::size_t p = 0; p < n; ++p) axis[p] -= product * other[p];
    }
    for (std::size_t p = 0; p < n; ++p) length += axis[p] * axis[p];
    for (std::size_t p = 0; p < n; ++p) axis[p] /= std::sqrt(length);
  }
  return axes;
}

// In absolute value, of a symmetric matrix, about: by the power method.
double largest_eigenvalue(const std::vector<double>& matrix, std::size_t n) {
  std::vector<double> vector(n, 1 / std::sqrt(static_cast<double>(n))), image(n);
  double length = 0;
  for (int turn = 0; turn < 12; ++turn) {
    double squares = 0;
    for (std::size_t p = 0; p < n; ++p) {
      image[p] = 0;
      for (std::size_t q = 0; q < n; ++q) image[p] += matrix[p * n + q] * vector[q];
      squares += image[p] * image[p];
    }
    length = std::sqrt(squares);
    if (!(length > 0)) return length;
    for (std::size_t p = 0; p < n; ++p) vector[p] = image[p] / length;
  }
  return length;
}

} // namespace

VariationalFrames::VariationalFrames(std::size_t dimension)
    : dimension_(dimension), axes_(random_axes(dimension)), change_(dimension * dimension),
      factor_(dimension * dimension), offset_(dimension), z_(dimension), gradient_(dimension) {}

void VariationalFrames::improve(Density& density, std::size_t active, std::size_t first, bool only_converged,
                                FrameBatch& frames) {
  const std::size_t n = dimension_;
  const auto begin = [&](auto& values, std::size_t size) {
    return values.begin() + static_cast<std::ptrdiff_t>(first * size);
  };
  kept_center_.assign(begin(frames.center, n), begin(frames.center, n) + static_cast<std::ptrdiff_t>(active * n));
  kept_factor_.assign(begin(frames.factor, n * n),
                      begin(frames.factor, n * n) + static_cast<std::ptrdiff_t>(active * n * n));
  kept_determinant_.assign(begin(frames.log_determinant, 1),
                           begin(frames.log_determinant, 1) + static_cast<std::ptrdiff_t>(active));
  states_.assign(active, State::going);
  for (std::size_t lane = 0; lane < active; ++lane)
    if (!density.usable(static_cast<int>(lane)) || (only_converged && !frames.converged[first + lane]))
      states_[lane] = State::failed;
  const auto is_done = [](State state) { return state == State::found || state == State::failed; };
  for (int turn = 0; turn < most_steps && !std::all_of(states_.begin(), states_.end(), is_done); ++turn) {
    look_around(density, first, frames);
    for (std::size_t lane = 0; lane < active; ++lane) {
      if (is_done(states_[lane])) continue;
      const std::size_t set = first + lane;
      if (states_[lane] == State::too_wide) {
        for (std::size_t i = 0; i < n * n; ++i) frames.factor[set * n * n + i] *= 2;
        frames.log_determinant[set] += static_cast<double>(n) * std::numbers::ln2;
        continue;
      }
      const double moved = step(lane, set, frames);
      if (!std::isfinite(moved)) states_[lane] = State::failed;
      else if (moved < negligible_move || (moved < tolerable_move && turn + 1 == most_steps))
        states_[lane] = State::found;
    }
  }
  for (std::size_t lane = 0; lane < active; ++lane) {
    const std::size_t set = first + lane;
    if (states_[lane] == State::found) {
      frames.converged[set] = 1;
      continue;
    }
    std::copy_n(kept_center_.data() + lane * n, n, frames.center.data() + set * n);
    std::copy_n(kept_factor_.data() + lane * n * n, n * n, frames.factor.data() + set * n * n);
    frames.log_determinant[set] = kept_determinant_[lane];
  }
}

void VariationalFrames::look_around(Density& density, std::size_t first, const FrameBatch& frames) {
  const std::size_t n = dimension_, width = static_cast<std::size_t>(density.lanes()), active = states_.size();
  const double distance = std::sqrt(static_cast<double>(n));
  mean_.assign(active * n, 0);
  slopes_.assign(active * n * n, 0);
  for (State& state : states_)
    if (state == State::too_wide) state = State::going;
  for (std::size_t axis = 0; axis < n; ++axis)
    for (const double side : {distance, -distance}) {
      for (std::size_t p = 0; p < n; ++p) z_[p] = side * axes_[axis * n + p];
      for (std::size_t lane = 0; lane < width; ++lane) {
        frames.from_frame(first + std::min(lane, active - 1), z_.data(), offset_.data());
        for (std::size_t p = 0; p < n; ++p) density.points()[p * width + lane] = offset_[p];
      }
      density.evaluate(true);
      for (std::size_t lane = 0; lane < active; ++lane) {
        if (states_[lane] != State::going) continue;
        bool is_finite = std::isfinite(density.value(static_cast<int>(lane)));
        for (std::size_t p = 0; p < n; ++p) {
          gradient_[p] = density.gradient()[p * width + lane];
          is_finite = is_finite && std::isfinite(gradient_[p]);
        }
        if (!is_finite) {
          states_[lane] = State::too_wide;
          continue;
        }
        small_matrix::solve_lower(frames.factor.data() + (first + lane) * n * n, gradient_.data(), n);
        for (std::size_t p = 0; p < n; ++p) {
          mean_[lane * n + p] += gradient_[p] / static_cast<double>(2 * n);
          slopes_[(lane * n + axis) * n + p] += gradient_[p] / (2 * side);
        }
      }
    }
}

double VariationalFrames::step(std::size_t lane, std::size_t set, FrameBatch& frames) {
  const std::size_t n = dimension_;
  const double* mean = mean_.data() + lane * n;
  const double* slopes = slopes_.data() + lane * n * n;
  // By how much the precision is to change: minus the expected Hessian in the frame, made symmetric, less what it is.
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t q = 0; q < n; ++q) change_[p * n + q] = p == q ? -1 : 0;
  for (std::size_t axis = 0; axis < n; ++axis)
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t q = 0; q < n; ++q)
        change_[p * n + q] -=
            0.5 * (slopes[axis * n + p] * axes_[axis * n + q] + slopes[axis * n + q] * axes_[axis * n + p]);
  // A step of second order keeps it positive definite whatever the Hessian (Lin et al. 2020).
  const double share = std::min(damping, longest_change / largest_eigenvalue(change_, n));
  if (!std::isfinite(share)) return NAN;
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t q = 0; q <= p; ++q) {
      double square = 0;
      for (std::size_t k = 0; k < n; ++k) square += change_[p * n + k] * change_[k * n + q];
      factor_[p * n + q] = (p == q ? 1 : 0) + share * change_[p * n + q] + 0.5 * share * share * square;
    }
  if (!small_matrix::cholesky(factor_.data(), n)) return NAN;
  for (std::size_t p = 0; p < n; ++p) offset_[p] = share * mean[p];
  small_matrix::solve_lower(factor_.data(), offset_.data(), n);
  small_matrix::solve_lower_transposed(factor_.data(), offset_.data(), n);
  double length = 0, turned = 0;
  for (std::size_t p = 0; p < n; ++p) length += offset_[p] * offset_[p];
  length = std::sqrt(length);
  if (!std::isfinite(length)) return NAN;
  if (length > longest_move)
    for (double& part : offset_) part *= longest_move / length;
  for (std::size_t p = 0; p < n; ++p) turned = std::max(turned, std::abs(std::log(factor_[p * n + p])));
  double* factor = frames.factor.data() + set * n * n;
  double* center = frames.center.data() + set * n;
  std::copy(offset_.begin(), offset_.end(), z_.begin());
  small_matrix::solve_lower_transposed(factor, z_.data(), n);
  for (std::size_t p = 0; p < n; ++p) center[p] += z_[p];
  // L := L C, both lower triangular.
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t q = 0; q <= p; ++q) {
      double sum = 0;
      for (std::size_t k = q; k <= p; ++k) sum += factor[p * n + k] * factor_[k * n + q];
      factor[p * n + q] = sum;
    }
  double log_determinant = 0;
  for (std::size_t p = 0; p < n; ++p) log_determinant += std::log(factor[p * n + p]);
  frames.log_determinant[set] = log_determinant;
  return std::max(length, turned) / share;
}

} // namespace sibyl
