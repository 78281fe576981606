#include "runtime/inputs/missing_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sibyl {

namespace {

std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

} // namespace

void drop_values(const Facts& facts, DataBatch& batch, std::span<const std::uint64_t> indices, double share,
                 std::uint64_t seed) {
  if (share <= 0) return;
  const auto limit = static_cast<std::uint64_t>(std::min(share, 1.0) * 0x1p53);
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    VariableBatch& variable = batch.variables[v];
    if (facts.variables[v].role != Role::observed || !variable.present) continue;
    for (std::size_t i = 0; i < batch.count; ++i) {
      const std::span sizes(variable.sizes.data() + i * variable.rank(), variable.rank());
      const std::uint64_t key = mix(mix(mix(seed) ^ indices[i]) ^ v);
      for_each_element(sizes, variable.capacity, [&](std::size_t compact, std::size_t padded) {
        if (mix(key ^ compact) >> 11 < limit) variable.row(i)[padded] = std::numeric_limits<double>::quiet_NaN();
      });
    }
  }
}

bool has_missing_values(const Facts& facts, const DataBatch& batch, std::size_t data_set) {
  bool result = false;
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    const VariableBatch& variable = batch.variables[v];
    if (facts.variables[v].role != Role::observed || !variable.present) continue;
    for_each_element(std::span(variable.sizes.data() + data_set * variable.rank(), variable.rank()), variable.capacity,
                     [&](std::size_t, std::size_t padded) { result |= std::isnan(variable.row(data_set)[padded]); });
  }
  return result;
}

namespace {

// Of data sets that miss values at random so few are called unusual, for each way that is looked at.
constexpr double unusual = 1e-3;

// That of `count` values at least `missing` are.
double chance_of_count(std::size_t count, std::size_t missing, double share) {
  if (missing == 0) return 1;
  double chance = 0;
  for (std::size_t k = missing; k <= count; ++k) {
    const auto n = static_cast<double>(count), m = static_cast<double>(k);
    chance += std::exp(std::lgamma(n + 1) - std::lgamma(m + 1) - std::lgamma(n - m + 1) + m * std::log(share) +
                       (n - m) * std::log1p(-share));
  }
  return chance;
}

// The expected number of rows of at least `length` missing values among `count`, which bounds the chance of one.
double chance_of_row(std::size_t count, std::size_t length, double share) {
  if (length == 0) return 1;
  const double all = std::pow(share, static_cast<double>(length));
  return all * (1 + (1 - share) * static_cast<double>(count - length));
}

} // namespace

std::vector<std::string> describe_unusual_missing(const Facts& facts, const DataBatch& batch, std::size_t data_set,
                                                  double share) {
  std::vector<std::string> result;
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    const VariableBatch& variable = batch.variables[v];
    if (facts.variables[v].role != Role::observed || !variable.present) continue;
    std::size_t count = 0, missing = 0, row = 0, longest = 0;
    for_each_element(std::span(variable.sizes.data() + data_set * variable.rank(), variable.rank()), variable.capacity,
                     [&](std::size_t, std::size_t padded) {
                       const bool is_missing = std::isnan(variable.row(data_set)[padded]);
                       ++count;
                       missing += is_missing;
                       row = is_missing ? row + 1 : 0;
                       longest = std::max(longest, row);
                     });
    const std::string& name = facts.variables[v].name;
    if (chance_of_count(count, missing, share) < unusual)
      result.push_back(fmt::format("`{}` misses {} of {} values, and training dropped {:.2g}% at random", name, missing,
                                   count, 100 * share));
    else if (longest > 1 && chance_of_row(count, longest, share) < unusual)
      result.push_back(fmt::format("`{}` misses {} values in a row, and training dropped {:.2g}% at random", name,
                                   longest, 100 * share));
  }
  return result;
}

DataBatch complete_for_transform(const Facts& facts, DataBatch batch) {
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    VariableBatch& variable = batch.variables[v];
    if (facts.variables[v].role != Role::observed || !variable.present) continue;
    for (std::size_t i = 0; i < batch.count; ++i) {
      double* row = variable.row(i);
      const std::span sizes(variable.sizes.data() + i * variable.rank(), variable.rank());
      double replacement = facts.variables[v].constant_lower.value_or(facts.variables[v].constant_upper.value_or(0));
      for_each_element(sizes, variable.capacity, [&](std::size_t, std::size_t padded) {
        if (!std::isnan(row[padded])) replacement = row[padded];
      });
      for_each_element(sizes, variable.capacity, [&](std::size_t, std::size_t padded) {
        if (std::isnan(row[padded])) row[padded] = replacement;
      });
    }
  }
  return batch;
}

} // namespace sibyl
