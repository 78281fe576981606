// Columns that are not the model's, behind those that are.
#pragma once

#include "runtime/data/draws.hpp"

#include <string>
#include <utility>
#include <vector>

namespace sibyl::mcmc {

// Each column has a value for each row; its name ends in `__`.
inline void append_columns(Draws& draws, const std::vector<std::pair<std::string, std::vector<double>>>& columns) {
  const std::size_t before = draws.columns.size();
  std::vector<double> values;
  values.reserve(draws.row_count * (before + columns.size()));
  for (std::size_t row = 0; row < draws.row_count; ++row) {
    const auto begin = draws.values.begin() + static_cast<std::ptrdiff_t>(row * before);
    values.insert(values.end(), begin, begin + static_cast<std::ptrdiff_t>(before));
    for (const auto& column : columns) values.push_back(column.second[row]);
  }
  for (const auto& column : columns) draws.columns.push_back(column.first);
  draws.values = std::move(values);
}

} // namespace sibyl::mcmc
