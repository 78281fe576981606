#include "runtime/trust/importance.hpp"

#include "lang/errors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace sibyl {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t least_tail = 5;
// Ratios that differ by less are the same but for rounding: there is no tail to speak of.
constexpr double negligible_difference = 1e-9;
// The prior of k that the paper adds to the fit: as much as ten exceedances with a k of one half.
constexpr double prior_weight = 10, prior_k = 0.5;

double quantile(const ParetoTail& tail, double probability) {
  const double rest = -std::log1p(-probability);
  return tail.sigma * (std::abs(tail.k) < 1e-12 ? rest : std::expm1(tail.k * rest) / tail.k);
}

} // namespace

double log_sum_exp(std::span<const double> logs) {
  double largest = -infinity;
  for (const double one : logs) largest = std::max(largest, one);
  if (!std::isfinite(largest)) return largest;
  double sum = 0;
  for (const double one : logs) sum += std::exp(one - largest);
  return largest + std::log(sum);
}

ParetoTail fit_pareto_tail(std::span<const double> exceedances) {
  const std::size_t n = exceedances.size();
  if (n < least_tail) throw InternalError("too few exceedances for a Pareto tail");
  const auto count = static_cast<double>(n);
  // A profile likelihood of b = -k / sigma, averaged over a grid that follows the data (Zhang and Stephens, section 3).
  const std::size_t grid_size = 30 + static_cast<std::size_t>(std::sqrt(count));
  const double quartile = exceedances[static_cast<std::size_t>(count / 4 + 0.5) - 1];
  const auto mean_log = [&](double b) {
    double sum = 0;
    for (const double x : exceedances) sum += std::log1p(-b * x);
    return sum / count;
  };
  std::vector<double> grid(grid_size), profile(grid_size);
  for (std::size_t i = 0; i < grid_size; ++i) {
    const double step = 1 - std::sqrt(static_cast<double>(grid_size) / (static_cast<double>(i) + 0.5));
    grid[i] = step / (3 * quartile) + 1 / exceedances.back();
    const double k = mean_log(grid[i]);
    profile[i] = count * (std::log(-grid[i] / k) - k - 1);
  }
  const double total = log_sum_exp(profile);
  double b = 0;
  for (std::size_t i = 0; i < grid_size; ++i) b += grid[i] * std::exp(profile[i] - total);
  ParetoTail tail;
  tail.k = mean_log(b);
  tail.sigma = -tail.k / b;
  tail.k = (count * tail.k + prior_weight * prior_k) / (count + prior_weight);
  return tail;
}

double largest_good_k_hat_of(std::size_t draws) {
  return std::min(1 - 1 / std::log10(std::max(2.0, static_cast<double>(draws))), largest_good_k_hat);
}

ImportanceWeights smooth_importance_weights(std::span<const double> log_ratios) {
  ImportanceWeights result;
  const std::size_t count = log_ratios.size();
  std::vector<std::size_t> order; // of those with a weight, by increasing ratio
  for (std::size_t i = 0; i < count; ++i)
    if (std::isfinite(log_ratios[i])) order.push_back(i);
  result.without = count - order.size();
  result.log_weights.assign(count, -infinity);
  result.k_hat = infinity;
  result.log_mean = -infinity;
  result.log_mean_error = infinity;
  if (order.empty()) return result;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return log_ratios[a] < log_ratios[b]; });
  const double largest = log_ratios[order.back()];
  for (const std::size_t i : order) result.log_weights[i] = log_ratios[i] - largest;

  const double wanted = std::min(0.2 * static_cast<double>(count), 3 * std::sqrt(static_cast<double>(count)));
  const std::size_t tail_size = std::min(order.size() - 1, static_cast<std::size_t>(std::ceil(wanted)));
  const double threshold =
      std::max(result.log_weights[order[order.size() - 1 - tail_size]], std::log(std::numeric_limits<double>::min()));
  std::vector<std::size_t> above;
  std::vector<double> exceedances;
  for (const std::size_t i : order)
    if (result.log_weights[i] > threshold) {
      above.push_back(i);
      exceedances.push_back(std::exp(result.log_weights[i]) - std::exp(threshold));
    }
  if (order.size() > least_tail && -threshold < negligible_difference) {
    result.k_hat = 0;
  } else if (above.size() >= least_tail) {
    const ParetoTail tail = fit_pareto_tail(exceedances);
    if (std::isfinite(tail.k) && std::isfinite(tail.sigma)) {
      result.k_hat = tail.k;
      // The tail's order statistics become their expectations, none larger than the largest ratio was.
      for (std::size_t i = 0; i < above.size(); ++i) {
        const double probability = (static_cast<double>(i) + 0.5) / static_cast<double>(above.size());
        result.log_weights[above[i]] = std::min(0.0, std::log(quantile(tail, probability) + std::exp(threshold)));
      }
    }
  }

  const double total = log_sum_exp(result.log_weights);
  double squares = 0, variance = 0;
  for (double& one : result.log_weights) {
    one -= total;
    const double weight = std::exp(one);
    squares += weight * weight;
    variance += std::pow(weight - 1 / static_cast<double>(count), 2);
  }
  result.effective_size = 1 / squares;
  result.log_mean = largest + total - std::log(static_cast<double>(count));
  // Of a logarithm, by the delta method.
  result.log_mean_error =
      count > 1 ? std::sqrt(variance * static_cast<double>(count) / static_cast<double>(count - 1)) : infinity;
  return result;
}

std::vector<std::size_t> resample(const ImportanceWeights& weights, std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  std::vector<std::size_t> chosen;
  chosen.reserve(count);
  double reached = 0;
  std::size_t last = 0;
  const double start = uniform();
  for (std::size_t i = 0; i < weights.log_weights.size(); ++i) {
    const double weight = std::exp(weights.log_weights[i]);
    if (weight <= 0) continue;
    reached += weight * static_cast<double>(count);
    last = i;
    while (chosen.size() < count && static_cast<double>(chosen.size()) + start < reached) chosen.push_back(i);
  }
  chosen.resize(count, last); // what rounding may leave
  for (std::size_t i = count; i > 1; --i)
    std::swap(chosen[i - 1], chosen[static_cast<std::size_t>(uniform() * static_cast<double>(i))]);
  return chosen;
}

} // namespace sibyl
