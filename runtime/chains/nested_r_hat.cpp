#include "runtime/chains/nested_r_hat.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace sibyl {

namespace {

// The standard normal's quantile: Acklam's rational approximation, of relative error 1.2e-9, which is plenty for ranks.
double normal_quantile(double p) {
  constexpr double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                          1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
  constexpr double b[] = {-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01,
                          -1.328068155288572e+01};
  constexpr double c[] = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                          -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
  constexpr double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00};
  constexpr double low = 0.02425;
  if (p > 0.5) return -normal_quantile(1 - p);
  if (p < low) {
    const double q = std::sqrt(-2 * std::log(p));
    return (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
           ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
  }
  const double q = p - 0.5, r = q * q;
  return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
         (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
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
