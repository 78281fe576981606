#include "runtime/model/finite.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace sibyl {

namespace {

bool is_representable(double value) { return std::isfinite(static_cast<float>(value)); }

std::string value_text(double value) {
  return std::isnan(value) ? "nan" : std::isfinite(value) ? fmt::format("{:.3g}", value) : value > 0 ? "inf" : "-inf";
}

std::optional<NotFinite> find_parameter(const Facts& facts, const ParameterSpace& space,
                                        std::span<const double> unconstrained) {
  const auto bad = std::find_if_not(unconstrained.begin(), unconstrained.end(), is_representable);
  if (bad == unconstrained.end()) return std::nullopt;
  const ParameterBlock& block = block_at(space, static_cast<std::size_t>(bad - unconstrained.begin()));
  return NotFinite{static_cast<std::size_t>(facts.find(block.name)),
                   fmt::format("`{}` on the unconstrained scale is {}", block.name, value_text(*bad))};
}

} // namespace

std::optional<NotFinite> find_not_finite(const Facts& facts, const DataBatch& batch, std::size_t data_set,
                                         const ParameterSpace& space, std::span<const double> unconstrained) {
  if (auto found = find_parameter(facts, space, unconstrained)) return found;
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    const VariableFact& fact = facts.variables[v];
    const VariableBatch& variable = batch.variables[v];
    // What the user gave as design is as he wants it: an infinite bound, say.
    const bool is_drawn = fact.role == Role::observed || fact.has_design_distribution;
    if (!variable.present || !is_drawn) continue;
    const std::span sizes(variable.sizes.data() + data_set * variable.rank(), variable.rank());
    const std::vector<std::int64_t> extents(sizes.begin(), sizes.end());
    const double* row = variable.row(data_set);
    std::optional<NotFinite> found;
    for_each_element(sizes, variable.capacity, [&](std::size_t compact, std::size_t padded) {
      if (!found && !std::isfinite(row[padded]))
        found = {v, fmt::format("`{}` is {}", element_name(fact.name, compact, extents), value_text(row[padded]))};
    });
    if (found) return found;
  }
  return std::nullopt;
}

} // namespace sibyl
