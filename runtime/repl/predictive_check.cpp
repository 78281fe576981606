#include "runtime/repl/predictive_check.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace sibyl::repl {

namespace {

constexpr std::array<const char*, 7> statistic_names = {"mean", "sd", "min", "25%", "50%", "75%", "max"};
using Statistics = std::array<double, statistic_names.size()>;

Statistics statistics_of(std::vector<double> values) {
  std::ranges::sort(values);
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean,
          values.size() > 1 ? std::sqrt(squares / (n - 1)) : 0,
          values.front(),
          sorted_quantile(values, 0.25),
          sorted_quantile(values, 0.5),
          sorted_quantile(values, 0.75),
          values.back()};
}

// The elements of one data set, by their place.
std::vector<double> elements(const VariableBatch& variable, std::size_t data_set) {
  std::vector<double> result;
  for_each_element(std::span(variable.sizes.data() + data_set * variable.rank(), variable.rank()), variable.capacity,
                   [&](std::size_t, std::size_t padded) { result.push_back(variable.row(data_set)[padded]); });
  return result;
}

VariableCheck check_variable(const VariableFact& fact, const VariableBatch& data, const VariableBatch& predicted,
                             std::size_t count, int bin_count) {
  VariableCheck result;
  result.name = fact.name;
  result.is_integer = fact.is_integer;
  const std::vector<double> all = elements(data, 0);
  const auto without_missing = [&](const std::vector<double>& values) {
    std::vector<double> kept;
    for (std::size_t i = 0; i < values.size() && i < all.size(); ++i)
      if (!std::isnan(all[i])) kept.push_back(values[i]);
    return kept;
  };
  const std::vector<double> observed = without_missing(all);
  if (observed.empty()) return result;
  std::vector<Statistics> replicated;
  std::vector<double> pooled;
  for (std::size_t i = 0; i < count; ++i) {
    const std::vector<double> values = without_missing(elements(predicted, i));
    replicated.push_back(statistics_of(values));
    pooled.insert(pooled.end(), values.begin(), values.end());
  }
  const Statistics seen = statistics_of(observed);
  // A scalar has no spread: its value alone is compared.
  const std::size_t statistics = observed.size() > 1 ? statistic_names.size() : 1;
  for (std::size_t s = 0; s < statistics; ++s) {
    std::vector<double> values;
    for (const Statistics& one : replicated) values.push_back(one[s]);
    std::ranges::sort(values);
    const auto at_most = std::ranges::upper_bound(values, seen[s]) - values.begin();
    const auto at_least = values.end() - std::ranges::lower_bound(values, seen[s]);
    const double tail = 2.0 * static_cast<double>(std::min(at_most, at_least)) / static_cast<double>(values.size());
    result.statistics.push_back(
        {fact.name, observed.size() > 1 ? statistic_names[s] : "value", seen[s],
         std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()),
         sorted_quantile(values, 0.05), sorted_quantile(values, 0.95), std::min(1.0, tail)});
  }
  // Both are seen in full: the data decide nothing about the range that the replicated values need.
  std::vector<double> both = pooled;
  both.insert(both.end(), observed.begin(), observed.end());
  const Bins bins = bin(both, bin_count, fact.is_integer);
  result.observed = bin_like(observed, bins);
  result.replicated = bin_like(pooled, bins);
  return result;
}

} // namespace

std::vector<VariableCheck> check_predictions(const Facts& facts, const DataBatch& data, const Prediction& predicted,
                                             int bin_count) {
  std::vector<VariableCheck> result;
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    if (facts.variables[v].role != Role::observed || !data.variables[v].present) continue;
    VariableCheck one = check_variable(facts.variables[v], data.variables[v], predicted.data.variables[v],
                                       predicted.data.count, bin_count);
    if (!one.statistics.empty()) result.push_back(std::move(one));
  }
  return result;
}

} // namespace sibyl::repl
