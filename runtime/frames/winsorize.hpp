// Heavy tails pulled in, so that means and standard deviations say something of the bulk: a Cauchy prior has neither.
#pragma once

#include <algorithm>
#include <vector>

namespace sibyl {

// Of a normal distribution: quartile distance / standard deviation.
inline constexpr double quartile_distance_of_normal = 1.349;

// Pulls what lies further than six robust standard deviations from the median to that distance. Nothing is done where
// half of the values are the same.
inline void winsorize(std::vector<double>& values) {
  if (values.empty()) return;
  constexpr double reach = 6;
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  const double median = sorted[sorted.size() / 2];
  const double spread = (sorted[sorted.size() * 3 / 4] - sorted[sorted.size() / 4]) / quartile_distance_of_normal;
  if (!(spread > 0)) return;
  for (double& value : values) value = std::clamp(value, median - reach * spread, median + reach * spread);
}

} // namespace sibyl
