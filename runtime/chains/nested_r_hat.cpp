#include "runtime/chains/nested_r_hat.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace sibyl {

namespace {

// The quantile function of the standard normal: a rational approximation (Abramowitz and Stegun 26.2.23) as the start
// of Halley's method, which leaves the rounding of erfc alone.
double normal_quantile(double probability) {
  const bool is_upper = probability > 0.5;
  const double tail = is_upper ? 1 - probability : probability, t = std::sqrt(-2 * std::log(tail));
  double x = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
  for (int step = 0; step < 2; ++step) {
    const double error = 0.5 * std::erfc(-x / std::numbers::sqrt2) - tail;
    const double ratio = error * std::sqrt(2 * std::numbers::pi) * std::exp(0.5 * x * x);
    x -= ratio / (1 + 0.5 * x * ratio);
  }
  return is_upper ? -x : x;
}

} // namespace

double nested_r_hat(std::span<const double> values, std::size_t chain_count, std::size_t chains_in_group) {
  const std::size_t steps = values.size() / chain_count, groups = chain_count / chains_in_group;
  const auto count = static_cast<double>(steps), members = static_cast<double>(chains_in_group);
  double grand_mean = 0, within = 0, between = 0;
  std::vector<double> group_means(groups);
  for (std::size_t group = 0; group < groups; ++group) {
    std::vector<double> means(chains_in_group);
    double chain_variance = 0;
    for (std::size_t m = 0; m < chains_in_group; ++m) {
      const std::size_t chain = group * chains_in_group + m;
      for (std::size_t step = 0; step < steps; ++step) means[m] += values[step * chain_count + chain] / count;
      for (std::size_t step = 0; step < steps; ++step)
        if (steps > 1) chain_variance += std::pow(values[step * chain_count + chain] - means[m], 2) / (count - 1);
    }
    const double mean = std::accumulate(means.begin(), means.end(), 0.0) / members;
    double mean_variance = 0;
    for (const double one : means)
      if (chains_in_group > 1) mean_variance += std::pow(one - mean, 2) / (members - 1);
    within += (mean_variance + chain_variance / members) / static_cast<double>(groups);
    group_means[group] = mean;
    grand_mean += mean / static_cast<double>(groups);
  }
  for (const double mean : group_means) between += std::pow(mean - grand_mean, 2) / static_cast<double>(groups - 1);
  if (!std::isfinite(between) || !std::isfinite(within)) return std::numeric_limits<double>::infinity();
  if (between == 0) return 1;
  return std::sqrt(1 + between / within);
}

std::vector<double> normal_scores(std::span<const double> values) {
  const std::size_t count = values.size();
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> scores(count);
  for (std::size_t first = 0; first < count;) {
    std::size_t end = first + 1;
    while (end < count && values[order[end]] == values[order[first]]) ++end;
    const double rank = 0.5 * static_cast<double>(first + 1 + end); // the mean rank of what is tied
    const double score = normal_quantile((rank - 0.375) / (static_cast<double>(count) + 0.25));
    for (; first < end; ++first) scores[order[first]] = score;
  }
  return scores;
}

} // namespace sibyl
