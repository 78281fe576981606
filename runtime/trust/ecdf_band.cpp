#include "runtime/trust/ecdf_band.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace sibyl {

namespace {

constexpr std::size_t most_points = 100, simulated = 2000;

// P(X <= k) for X binomial(count, p), k = 0 .. count.
std::vector<double> binomial_distribution(std::size_t count, double p) {
  std::vector<double> result(count + 1);
  const auto n = static_cast<double>(count);
  double sum = 0;
  for (std::size_t k = 0; k <= count; ++k) {
    const auto x = static_cast<double>(k);
    sum += std::exp(std::lgamma(n + 1) - std::lgamma(x + 1) - std::lgamma(n - x + 1) + x * std::log(p) +
                    (n - x) * std::log1p(-p));
    result[k] = std::min(sum, 1.0);
  }
  return result;
}

std::vector<std::size_t> counts_below(std::vector<double> values, const std::vector<double>& at) {
  std::sort(values.begin(), values.end());
  std::vector<std::size_t> result;
  for (const double one : at)
    result.push_back(static_cast<std::size_t>(std::upper_bound(values.begin(), values.end(), one) - values.begin()));
  return result;
}

} // namespace

EcdfBand simultaneous_band(std::size_t count, double probability) {
  EcdfBand band;
  if (count == 0) return band;
  const std::size_t points = std::min(count, most_points);
  std::vector<std::vector<double>> distributions;
  for (std::size_t i = 1; i < points; ++i) {
    band.at.push_back(static_cast<double>(i) / static_cast<double>(points));
    distributions.push_back(binomial_distribution(count, band.at.back()));
  }
  // The smallest pointwise tail probability along each simulated ECDF: its quantile is the level that the pointwise
  // intervals need for all of them to hold together.
  std::mt19937_64 random(1);
  std::vector<double> smallest(simulated), values(count);
  for (double& least : smallest) {
    least = 1;
    for (double& value : values) value = static_cast<double>(random() >> 11) * 0x1p-53;
    const std::vector<std::size_t> counts = counts_below(values, band.at);
    for (std::size_t i = 0; i < band.at.size(); ++i) {
      const std::vector<double>& of = distributions[i];
      const double below = of[counts[i]], above = 1 - (counts[i] == 0 ? 0 : of[counts[i] - 1]);
      least = std::min({least, 2 * below, 2 * above});
    }
  }
  std::sort(smallest.begin(), smallest.end());
  const double level = smallest[static_cast<std::size_t>((1 - probability) * static_cast<double>(simulated))];
  const auto n = static_cast<double>(count);
  for (std::size_t i = 0; i < band.at.size(); ++i) {
    const std::vector<double>& of = distributions[i];
    // The smallest and the largest count whose tails are no rarer than the level.
    const auto low = std::lower_bound(of.begin(), of.end(), level / 2) - of.begin();
    const auto high = std::lower_bound(of.begin(), of.end(), 1 - level / 2) - of.begin();
    band.low.push_back(static_cast<double>(low) / n - band.at[i]);
    band.high.push_back(static_cast<double>(high) / n - band.at[i]);
  }
  return band;
}

std::vector<double> ecdf_difference(std::span<const double> values, const EcdfBand& band) {
  std::vector<double> result;
  const std::vector<std::size_t> counts = counts_below({values.begin(), values.end()}, band.at);
  for (std::size_t i = 0; i < counts.size(); ++i)
    result.push_back(static_cast<double>(counts[i]) / static_cast<double>(values.size()) - band.at[i]);
  return result;
}

bool is_inside(std::span<const double> difference, const EcdfBand& band) {
  constexpr double rounding = 1e-12;
  for (std::size_t i = 0; i < difference.size(); ++i)
    if (difference[i] < band.low[i] - rounding || difference[i] > band.high[i] + rounding) return false;
  return true;
}

} // namespace sibyl
