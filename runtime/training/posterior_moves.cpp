#include "runtime/training/posterior_moves.hpp"

#include "runtime/frames/small_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sibyl {

namespace {

constexpr std::size_t most_for_scales = 1000;
constexpr double aimed_acceptance = 0.5; // between the 0.40 of many dimensions and what few do best with
// Steps vary by up to this factor either way, so that posteriors much narrower or wider than most move as well.
constexpr double step_spread = 4;

// log(1 + e^x).
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

} // namespace

PosteriorMoves::PosteriorMoves(std::shared_ptr<const CompiledModel> model,
                               std::shared_ptr<const SimulatedPosteriors> posteriors, std::span<const float> z,
                               std::uint64_t seed)
    : density_(std::move(model)), posteriors_(std::move(posteriors)), dimension_(posteriors_->frames.dimension),
      width_(static_cast<std::size_t>(density_.lanes())), z_(z.begin(), z.end()), scales_(dimension_, 1),
      random_(seed) {
  here_.resize(width_ * dimension_);
  lane_z_.resize(width_ * dimension_);
  theta_.resize(dimension_);
  choose_scales();
}

// At draws of the posterior the mean square of the gradient is the mean curvature (Fisher's information): its inverse
// root is how wide posteriors are along each axis. The steepest tenth is left out, which may be without a mean.
void PosteriorMoves::choose_scales() {
  const std::size_t count = std::min(posteriors_->frames.count, most_for_scales);
  std::vector<std::vector<double>> squares(dimension_);
  std::vector<std::size_t> which;
  std::vector<double> values, gradients;
  for (std::size_t first = 0; first < count; first += width_) {
    which.resize(std::min(width_, count - first));
    std::iota(which.begin(), which.end(), first);
    for (std::size_t lane = 0; lane < which.size(); ++lane)
      std::copy_n(z_.data() + which[lane] * dimension_, dimension_, lane_z_.data() + lane * dimension_);
    bind(which);
    evaluate(which, values, gradients);
    for (std::size_t lane = 0; lane < which.size(); ++lane)
      for (std::size_t p = 0; p < dimension_; ++p)
        if (const double slope = gradients[lane * dimension_ + p]; std::isfinite(values[lane]) && std::isfinite(slope))
          squares[p].push_back(slope * slope);
  }
  for (std::size_t p = 0; p < dimension_; ++p) {
    std::sort(squares[p].begin(), squares[p].end());
    squares[p].resize(squares[p].size() - squares[p].size() / 10);
    const double sum = std::accumulate(squares[p].begin(), squares[p].end(), 0.0);
    if (sum > 0) scales_[p] = std::sqrt(static_cast<double>(squares[p].size()) / sum);
  }
}

// Lanes without a data set of their own repeat the last one.
void PosteriorMoves::bind(std::span<const std::size_t> which) {
  std::vector<std::size_t> bound(which.begin(), which.end());
  bound.resize(width_, which.back());
  density_.bind(*posteriors_->data, bound);
}

void PosteriorMoves::evaluate(std::span<const std::size_t> which, std::vector<double>& values,
                              std::vector<double>& gradients) {
  values.resize(which.size());
  gradients.resize(which.size() * dimension_);
  for (std::size_t lane = 0; lane < width_; ++lane) {
    const std::size_t from = std::min(lane, which.size() - 1);
    posteriors_->frames.from_frame(which[from], lane_z_.data() + from * dimension_, theta_.data());
    for (std::size_t p = 0; p < dimension_; ++p) density_.points()[p * width_ + lane] = theta_[p];
  }
  density_.evaluate(true);
  for (std::size_t lane = 0; lane < which.size(); ++lane) {
    values[lane] = density_.value(static_cast<int>(lane));
    double* gradient = gradients.data() + lane * dimension_;
    for (std::size_t p = 0; p < dimension_; ++p) gradient[p] = density_.gradient()[p * width_ + lane];
    // theta = m + L^-T z.
    const double* factor = posteriors_->frames.factor.data() + which[lane] * dimension_ * dimension_;
    small_matrix::solve_lower(factor, gradient, dimension_);
  }
}

void PosteriorMoves::move(std::span<const std::size_t> which, int moves) {
  const std::int64_t tried = tried_, accepted = accepted_;
  for (std::size_t first = 0; first < which.size(); first += width_)
    move_lanes(which.subspan(first, std::min(width_, which.size() - first)), moves);
  if (tried_ == tried) return;
  const double acceptance = static_cast<double>(accepted_ - accepted) / static_cast<double>(tried_ - tried);
  rounds_ += 1;
  log_step_ += (acceptance - aimed_acceptance) * 2 / std::sqrt(rounds_);
}

void PosteriorMoves::move_lanes(std::span<const std::size_t> which, int moves) {
  const std::size_t n = dimension_;
  std::vector<double> values, gradients, new_values, new_gradients;
  for (std::size_t lane = 0; lane < which.size(); ++lane)
    std::copy_n(z_.data() + which[lane] * n, n, here_.data() + lane * n);
  lane_z_ = here_;
  bind(which);
  evaluate(which, values, gradients);
  for (int m = 0; m < moves; ++m) {
    for (std::size_t lane = 0; lane < which.size(); ++lane) {
      const double step = std::exp(log_step_ + std::log(step_spread) * (2 * uniform_(random_) - 1));
      for (std::size_t p = lane * n; p < (lane + 1) * n; ++p) {
        const double by = step * scales_[p - lane * n] * normal_(random_);
        const bool is_forward = std::log(uniform_(random_)) < -softplus(-by * gradients[p]);
        lane_z_[p] = here_[p] + (is_forward ? by : -by);
      }
    }
    evaluate(which, new_values, new_gradients);
    for (std::size_t lane = 0; lane < which.size(); ++lane) {
      double log_ratio = new_values[lane] - values[lane];
      for (std::size_t p = lane * n; p < (lane + 1) * n; ++p) {
        const double by = lane_z_[p] - here_[p];
        log_ratio += softplus(-by * gradients[p]) - softplus(by * new_gradients[p]);
      }
      ++tried_;
      // Where the density is not known at the start, no comparison means anything; what is no number is no better.
      if (!std::isfinite(values[lane]) || !(std::log(uniform_(random_)) < log_ratio)) continue;
      ++accepted_;
      values[lane] = new_values[lane];
      std::copy_n(new_gradients.data() + lane * n, n, gradients.data() + lane * n);
      std::copy_n(lane_z_.data() + lane * n, n, here_.data() + lane * n);
    }
  }
  for (std::size_t lane = 0; lane < which.size(); ++lane)
    std::copy_n(here_.data() + lane * n, n, z_.data() + which[lane] * n);
}

} // namespace sibyl
