#include "runtime/mcmc/adaptation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sibyl::mcmc {

namespace {

// Hoffman and Gelman 2014, section 3.2.1, and Stan's defaults.
constexpr double shrinkage = 0.05, relaxation = 0.75, delay = 10;

constexpr std::size_t first_phase = 75, first_window = 25, last_phase = 50;
constexpr std::size_t least_iterations = 20; // for a metric

} // namespace

void StepSizeAdaptation::restart(double step_size) {
  start_ = std::log(10 * step_size);
  gap_ = mean_log_ = 0;
  count_ = 0;
}

double StepSizeAdaptation::update(double acceptance) {
  const auto count = static_cast<double>(++count_);
  const double weight = 1 / (count + delay);
  gap_ = (1 - weight) * gap_ + weight * (target_ - std::min(1.0, acceptance));
  const double log_step = start_ - gap_ * std::sqrt(count) / shrinkage;
  const double mean_weight = std::pow(count, -relaxation);
  mean_log_ = (1 - mean_weight) * mean_log_ + mean_weight * log_step;
  return std::exp(log_step);
}

double StepSizeAdaptation::final_step_size() const {
  return count_ > 0 ? std::exp(mean_log_) : std::numeric_limits<double>::quiet_NaN();
}

WarmupWindows::WarmupWindows(std::size_t iterations) {
  if (iterations < least_iterations) return;
  first_slow_ = first_phase;
  behind_slow_ = iterations - std::min(iterations, last_phase);
  window_ = first_window;
  if (first_phase + first_window + last_phase > iterations) {
    first_slow_ = static_cast<std::size_t>(0.15 * static_cast<double>(iterations));
    behind_slow_ = iterations - static_cast<std::size_t>(0.1 * static_cast<double>(iterations));
    window_ = behind_slow_ - first_slow_;
  }
  window_end_ = first_slow_ + window_ - 1;
}

void WarmupWindows::open_next_window() {
  const std::size_t last = behind_slow_ - 1;
  if (window_end_ == last) return;
  window_ *= 2;
  const std::size_t begin = window_end_ + 1;
  window_end_ = begin + window_ - 1;
  // One that would leave less than the next its length takes all that is left.
  if (window_end_ + 2 * window_ >= last + 1) window_end_ = last;
}

} // namespace sibyl::mcmc
