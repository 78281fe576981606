#include "runtime/posterior/exact_draws.hpp"

#include "lang/errors.hpp"
#include "runtime/chains/adaptive_hmc.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>

namespace sibyl {

namespace {

// Fewer effective draws are no sample to work with, whatever the weights' tail.
constexpr double least_effective_size = 400;
constexpr std::size_t most_factor = 16;
// All chains' states after warm-up take at most so many numbers.
constexpr std::size_t most_stored = 20000000;
// What the first try, with long steps, has of the budget, and how many of its trajectories may lose their energy.
constexpr std::size_t quick_steps = 600;
constexpr double quick_divergent = 0.003;

// Different draws with probabilities that follow the weights: the largest of log weight plus a Gumbel variable (Kool,
// van Hoof and Welling 2019). Those without weight come last.
std::vector<std::size_t> choose_starts(const ImportanceWeights& weights, std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::pair<double, std::size_t>> keys;
  for (std::size_t i = 0; i < weights.log_weights.size(); ++i) {
    const double uniform = (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53;
    keys.emplace_back(weights.log_weights[i] - std::log(-std::log(uniform)), i);
  }
  count = std::min(count, keys.size());
  std::partial_sort(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(count), keys.end(), std::greater<>());
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < count; ++i) starts.push_back(keys[i].second);
  return starts;
}

} // namespace

bool can_resample(const ImportanceWeights& weights, std::size_t count) {
  return weights.are_good() &&
         weights.effective_size >= std::max(least_effective_size, 0.5 * static_cast<double>(count));
}

std::size_t draws_to_resample(const ImportanceWeights& weights, std::size_t count) {
  const double share = weights.effective_size / static_cast<double>(weights.log_weights.size());
  const double wanted = std::max(least_effective_size, static_cast<double>(count)) / share;
  return static_cast<std::size_t>(
      std::min(std::ceil(wanted), static_cast<double>(most_factor * std::max(count, least_weighted_draws))));
}

ExactDraws draw_exactly(const WeightedDraws& amortized, TargetDensity& target, std::size_t count, std::uint64_t seed,
                        bool may_resample, bool has_heavy_tail, double seconds,
                        const std::atomic<std::int32_t>* interrupted) {
  const std::size_t n = target.dimension();
  ExactDraws result;
  result.outcome.k_hat = amortized.weights.k_hat;
  result.outcome.densities = amortized.weights.log_weights.size();
  const bool can = may_resample && can_resample(amortized.weights, count);
  const auto take_resampled = [&] {
    result.outcome.method = ExactMethod::importance_sampling;
    result.unconstrained.clear();
    for (const std::size_t i : resample(amortized.weights, count, seed)) {
      const auto draw = amortized.unconstrained.begin() + static_cast<std::ptrdiff_t>(i * n);
      result.unconstrained.insert(result.unconstrained.end(), draw, draw + static_cast<std::ptrdiff_t>(n));
    }
  };
  if (can && !has_heavy_tail) {
    take_resampled();
    result.outcome.is_exact = true;
    return result;
  }
  const LogDensityFunction density = [&](std::span<const double> points, std::span<double> values,
                                         std::span<double> gradients) { target.evaluate(points, values, gradients); };
  HmcOptions options;
  options.draws = count;
  options.seed = seed;
  if (interrupted) options.interrupted = [interrupted] { return *interrupted != 0; };
  const std::size_t chains = options.groups * options.chains_in_group;
  const std::size_t budget = std::clamp<std::size_t>(most_stored / (chains * n), 200, options.most_steps);
  const std::vector<std::size_t> starts = choose_starts(amortized.weights, options.groups, seed);
  // Short steps are for posteriors with narrow necks: they cost several times as much.
  const auto start = std::chrono::steady_clock::now();
  HmcResult best;
  best.r_hat = std::numeric_limits<double>::infinity();
  for (const double acceptance : {0.8, 0.95}) {
    options.acceptance = acceptance;
    options.most_steps = acceptance < 0.9 ? std::min(budget, quick_steps) : budget;
    options.seconds = seconds - std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    HmcResult found = run_adaptive_hmc(density, n, amortized.unconstrained, starts, options);
    if (found.was_interrupted) throw RuntimeError("interrupted");
    result.outcome.steps += found.steps;
    result.outcome.gradients += found.gradients;
    result.outcome.is_out_of_time = found.is_out_of_time;
    const bool is_good = found.r_hat < options.good_r_hat && found.divergent <= quick_divergent;
    // What a second try that ran out of time has is no better for its shorter steps.
    if (best.draws.empty() || !found.is_out_of_time) best = std::move(found);
    if (is_good || best.rounded || best.is_out_of_time || result.outcome.is_out_of_time) break;
  }
  result.outcome.method = ExactMethod::hmc;
  result.outcome.r_hat = best.r_hat;
  result.outcome.divergent = best.divergent;
  result.outcome.seconds = seconds;
  // R-hat of few steps says little.
  const double good_r_hat = best.is_out_of_time ? options.good_r_hat : largest_good_r_hat;
  result.outcome.rounded = best.rounded;
  result.outcome.is_exact = !best.rounded && best.r_hat <= good_r_hat && best.divergent <= most_divergent;
  result.unconstrained = std::move(best.draws);
  if (can && !result.outcome.is_exact) take_resampled();
  return result;
}

} // namespace sibyl
