#include "runtime/frames/laplace_frame.hpp"

#include "lang/errors.hpp"
#include "runtime/frames/small_matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace sibyl {

namespace {

// A run has converged where a full Newton step would gain at most this many nats.
constexpr double negligible_gain = 1e-7;
// Another start's mode counts as another only where it is better by more than the runs' own accuracy.
constexpr double distinct_gain = 1e-5;
constexpr int max_trials = 12;
// No parameter moves by more of the prior's standard deviations in one step: where the density is nearly flat, or cut
// off, a full Newton step ends where nothing can be computed, or only for very long (solvers of differential
// equations).
constexpr double longest_step = 5;

} // namespace

LaplaceFrames::LaplaceFrames(std::shared_ptr<const CompiledModel> model, PriorFrame prior,
                             std::vector<double> candidates, LaplaceOptions options)
    : density_(std::move(model), options.lanes), prior_(std::move(prior)), candidates_(prior_.center),
      options_(options), dimension_(prior_.dimension()), width_(static_cast<std::size_t>(density_.lanes())),
      climb_(prior_), variational_(dimension_) {
  candidates_.insert(candidates_.end(), candidates.begin(), candidates.end());
  const std::size_t n = dimension_;
  starts_.resize(width_);
  point_.resize(n * width_);
  gradient_.resize(n * width_);
  value_.resize(width_);
  damping_.resize(width_);
  done_.resize(width_);
  converged_.resize(width_);
  pending_.resize(width_);
  lane_factor_.resize(width_ * n * n);
  matrix_.resize(n * n);
  step_.resize(n);
}

FrameBatch LaplaceFrames::find(const DataBatch& batch, std::size_t first, std::size_t count) {
  FrameBatch frames = prior_.repeat(count);
  std::fill(frames.converged.begin(), frames.converged.end(), 0);
  std::fill(frames.objective.begin(), frames.objective.end(), -std::numeric_limits<double>::infinity());
  std::vector<std::size_t> which;
  for (std::size_t done = 0; done < count; done += width_) {
    if (options_.interrupted && *options_.interrupted) throw RuntimeError("interrupted");
    active_ = std::min(width_, count - done);
    which.resize(active_);
    std::iota(which.begin(), which.end(), first + done);
    density_.bind(batch, which, true);
    for (int lane = 0; lane < static_cast<int>(active_); ++lane) {
      if (!density_.usable(lane)) continue; // its sizes may mean nothing
      if (extents_.empty()) extents_ = density_.parameter_extents(lane);
      require_same_parameters(density_.model().facts(), extents_, density_.parameter_extents(lane));
    }
    if (density_.parameter_count() != dimension_)
      throw UserError(fmt::format("the data sets have {} unconstrained parameters, the sampler was trained for {}",
                                  density_.parameter_count(), dimension_));
    if (options_.kind != FrameKind::variational) find_modes(done, frames);
    if (options_.kind == FrameKind::laplace) continue;
    variational_.improve(density_, active_, done, options_.kind == FrameKind::refined, frames);
    set_objectives(done, frames);
  }
  for (std::size_t i = 0; i < frames.count; ++i)
    if (!frames.converged[i] || !std::isfinite(frames.objective[i])) frames.objective[i] = 0;
  return frames;
}

FrameBatch LaplaceFrames::find_from(const DataBatch& batch, std::size_t data_set, std::span<const double> points) {
  const std::size_t n = dimension_, count = points.size() / n;
  FrameBatch all = prior_.repeat(count);
  std::fill(all.converged.begin(), all.converged.end(), 0);
  std::fill(all.objective.begin(), all.objective.end(), -std::numeric_limits<double>::infinity());
  active_ = width_;
  density_.bind(batch, std::vector<std::size_t>(width_, data_set));
  for (std::size_t first = 0; first < count; first += width_) {
    if (options_.interrupted && *options_.interrupted) throw RuntimeError("interrupted");
    active_ = std::min(width_, count - first);
    for (std::size_t lane = 0; lane < width_; ++lane)
      for (std::size_t p = 0; p < n; ++p)
        point_[p * width_ + lane] = points[(first + std::min(lane, active_ - 1)) * n + p];
    climb_.run(density_, active_, point_);
    for (std::size_t lane = 0; lane < width_; ++lane) done_[lane] = lane >= active_;
    newton();
    keep_best(first, all);
  }
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < count; ++i)
    if (all.converged[i]) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return all.objective[a] > all.objective[b]; });
  FrameBatch distinct;
  distinct.dimension = n;
  std::vector<double> z(n);
  for (const std::size_t i : order) {
    const double* center = all.center.data() + i * n;
    const auto is_near = [&](std::size_t mode) {
      distinct.to_frame(mode, center, z.data());
      return std::all_of(z.begin(), z.end(), [](double one) { return std::abs(one) < 1; });
    };
    bool is_known = false;
    for (std::size_t mode = 0; mode < distinct.count && !is_known; ++mode) is_known = is_near(mode);
    if (is_known) continue;
    FrameBatch one = prior_.repeat(1);
    one.center.assign(center, center + n);
    one.factor.assign(all.factor.begin() + static_cast<std::ptrdiff_t>(i * n * n),
                      all.factor.begin() + static_cast<std::ptrdiff_t>((i + 1) * n * n));
    one.log_determinant[0] = all.log_determinant[i];
    one.objective[0] = all.objective[i];
    one.converged[0] = 1;
    distinct.append(one);
  }
  return distinct;
}

void LaplaceFrames::find_modes(std::size_t first_set, FrameBatch& frames) {
  choose_starts();
  for (std::size_t start = 0; start < starts_[0].size(); ++start) {
    for (std::size_t lane = 0; lane < width_; ++lane)
      for (std::size_t p = 0; p < dimension_; ++p)
        point_[p * width_ + lane] = candidates_[starts_[std::min(lane, active_ - 1)][start] * dimension_ + p];
    climb_.run(density_, active_, point_);
    for (std::size_t lane = 0; lane < width_; ++lane)
      done_[lane] = lane >= active_ ||
                    // The mode that is known already, or one that is no better.
                    (climb_.arrived(lane) && climb_.value(lane) < frames.objective[first_set + lane] + distinct_gain);
    newton();
    keep_best(first_set, frames);
  }
}

// The log densities at the centers.
void LaplaceFrames::set_objectives(std::size_t first_set, FrameBatch& frames) {
  for (std::size_t lane = 0; lane < width_; ++lane)
    for (std::size_t p = 0; p < dimension_; ++p)
      density_.points()[p * width_ + lane] =
          frames.center[(first_set + std::min(lane, active_ - 1)) * dimension_ + p];
  density_.evaluate(false);
  for (std::size_t lane = 0; lane < active_; ++lane)
    frames.objective[first_set + lane] = density_.value(static_cast<int>(lane));
}

void LaplaceFrames::choose_starts() {
  const std::size_t count = candidates_.size() / dimension_;
  std::vector<double> values(count * width_);
  for (std::size_t candidate = 0; candidate < count; ++candidate) {
    for (std::size_t p = 0; p < dimension_; ++p)
      std::fill_n(density_.points() + p * width_, width_, candidates_[candidate * dimension_ + p]);
    density_.evaluate(false);
    for (std::size_t lane = 0; lane < width_; ++lane)
      values[candidate * width_ + lane] = density_.value(static_cast<int>(lane));
  }
  // The best candidates first, the prior mean (candidate 0) last unless it is among them.
  const std::size_t starts = std::min(count, static_cast<std::size_t>(std::max(1, options_.starts)));
  for (std::size_t lane = 0; lane < active_; ++lane) {
    std::vector<std::size_t>& chosen = starts_[lane];
    chosen.resize(count);
    std::iota(chosen.begin(), chosen.end(), std::size_t{0});
    std::partial_sort(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(starts), chosen.end(),
                      [&](std::size_t a, std::size_t b) {
                        const double left = values[a * width_ + lane], right = values[b * width_ + lane];
                        return left != right ? left > right : a < b;
                      });
    chosen.resize(starts);
    if (starts > 1 && std::find(chosen.begin(), chosen.end(), 0) == chosen.end()) chosen.back() = 0;
  }
}

void LaplaceFrames::newton() {
  const std::size_t n = dimension_;
  std::fill(converged_.begin(), converged_.end(), 0);
  if (std::all_of(done_.begin(), done_.end(), [](char done) { return done; })) return;
  std::copy(point_.begin(), point_.end(), density_.points());
  density_.evaluate(true);
  std::copy_n(density_.gradient(), n * width_, gradient_.begin());
  for (std::size_t lane = 0; lane < width_; ++lane) {
    value_[lane] = density_.value(static_cast<int>(lane));
    damping_[lane] = 0;
    done_[lane] = done_[lane] || !std::isfinite(value_[lane]);
  }
  for (int iteration = 0; iteration < options_.max_iterations; ++iteration) {
    if (std::all_of(done_.begin(), done_.end(), [](char done) { return done; })) return;
    std::copy(point_.begin(), point_.end(), density_.points());
    density_.hessian(hessian_);
    for (std::size_t lane = 0; lane < width_; ++lane)
      if (!done_[lane] && finish(lane)) done_[lane] = converged_[lane] = 1;
    for (std::size_t lane = 0; lane < width_; ++lane) pending_[lane] = !done_[lane];

    const auto is_pending = [](char pending) { return pending; };
    for (int trial = 0; trial < max_trials && std::any_of(pending_.begin(), pending_.end(), is_pending); ++trial) {
      std::copy(point_.begin(), point_.end(), density_.points());
      for (std::size_t lane = 0; lane < width_; ++lane)
        if (pending_[lane]) propose(lane);
      density_.evaluate(true);
      for (std::size_t lane = 0; lane < width_; ++lane) {
        if (!pending_[lane]) continue;
        const double value = density_.value(static_cast<int>(lane));
        const double rounding = 1e-12 * (1 + std::abs(value_[lane]));
        if (!(value >= value_[lane] - rounding)) {
          damping_[lane] = std::max(1e-3, 8 * damping_[lane]);
          continue;
        }
        pending_[lane] = 0;
        value_[lane] = value;
        damping_[lane] = damping_[lane] > 1e-4 ? damping_[lane] / 10 : 0;
        for (std::size_t p = 0; p < n; ++p) {
          point_[p * width_ + lane] = density_.points()[p * width_ + lane];
          gradient_[p * width_ + lane] = density_.gradient()[p * width_ + lane];
        }
      }
    }
    for (std::size_t lane = 0; lane < width_; ++lane)
      if (pending_[lane]) done_[lane] = 1; // no step improves: stuck where the density is not smooth
  }
}

bool LaplaceFrames::finish(std::size_t lane) {
  const std::size_t n = dimension_;
  for (std::size_t i = 0; i < n * n; ++i) matrix_[i] = -hessian_[i * width_ + lane];
  if (!small_matrix::cholesky(matrix_.data(), n)) return false;
  for (std::size_t p = 0; p < n; ++p) step_[p] = gradient_[p * width_ + lane];
  small_matrix::solve_lower(matrix_.data(), step_.data(), n);
  double gain = 0;
  for (const double part : step_) gain += 0.5 * part * part;
  if (!(gain <= negligible_gain)) return false;
  small_matrix::solve_lower_transposed(matrix_.data(), step_.data(), n);
  for (std::size_t p = 0; p < n; ++p) point_[p * width_ + lane] += step_[p];
  value_[lane] += gain;
  std::copy(matrix_.begin(), matrix_.end(), lane_factor_.begin() + static_cast<std::ptrdiff_t>(lane * n * n));
  return true;
}

void LaplaceFrames::propose(std::size_t lane) {
  const std::size_t n = dimension_;
  for (int attempt = 0; attempt < 60; ++attempt) {
    for (std::size_t i = 0; i < n * n; ++i) matrix_[i] = -hessian_[i * width_ + lane];
    for (std::size_t p = 0; p < n; ++p)
      // The prior's precision gives the scale where the curvature itself is nil.
      matrix_[p * n + p] +=
          damping_[lane] * std::max(std::abs(matrix_[p * n + p]), prior_.factor[p * n + p] * prior_.factor[p * n + p]);
    if (small_matrix::cholesky(matrix_.data(), n)) break;
    damping_[lane] = std::max(1e-2, 4 * damping_[lane]);
  }
  for (std::size_t p = 0; p < n; ++p) step_[p] = gradient_[p * width_ + lane];
  small_matrix::solve_lower(matrix_.data(), step_.data(), n);
  small_matrix::solve_lower_transposed(matrix_.data(), step_.data(), n);
  double longest = 0;
  for (std::size_t p = 0; p < n; ++p) {
    double of_prior = 0; // this coordinate of the step, in the prior's frame
    for (std::size_t q = p; q < n; ++q) of_prior += prior_.factor[q * n + p] * step_[q];
    longest = std::max(longest, std::abs(of_prior));
  }
  const double share = longest > longest_step ? longest_step / longest : 1;
  for (std::size_t p = 0; p < n; ++p)
    density_.points()[p * width_ + lane] = point_[p * width_ + lane] + share * step_[p];
}

void LaplaceFrames::keep_best(std::size_t first_set, FrameBatch& frames) const {
  const std::size_t n = dimension_;
  for (std::size_t lane = 0; lane < active_; ++lane) {
    const std::size_t set = first_set + lane;
    if (!converged_[lane] || !(value_[lane] > frames.objective[set] + distinct_gain)) continue;
    frames.converged[set] = 1;
    frames.objective[set] = value_[lane];
    double log_determinant = 0;
    for (std::size_t p = 0; p < n; ++p) {
      frames.center[set * n + p] = point_[p * width_ + lane];
      log_determinant += std::log(lane_factor_[lane * n * n + p * n + p]);
    }
    frames.log_determinant[set] = log_determinant;
    std::copy_n(lane_factor_.begin() + static_cast<std::ptrdiff_t>(lane * n * n), n * n,
                frames.factor.begin() + static_cast<std::ptrdiff_t>(set * n * n));
  }
}

} // namespace sibyl
