#include "runtime/inputs/missing_values.hpp"

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
