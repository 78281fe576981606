#include "runtime/data/draws.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace sibyl {

bool is_extra_column(const std::string& column) { return column.size() > 2 && column.ends_with("__"); }

nlohmann::ordered_json finite_or_null(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

std::vector<std::string> column_names(const std::string& name, const std::vector<std::int64_t>& extents) {
  std::vector<std::string> names;
  std::vector<std::int64_t> index(extents.size(), 0);
  for (std::int64_t i = 0; i < element_count(extents); ++i) {
    std::string column = name;
    for (const std::int64_t subscript : index) column += fmt::format(".{}", subscript + 1);
    names.push_back(std::move(column));
    for (std::size_t d = 0; d < index.size() && ++index[d] == extents[d]; ++d) index[d] = 0;
  }
  return names;
}

std::size_t row_major_position(std::size_t position, const std::vector<std::int64_t>& extents) {
  std::vector<std::size_t> index(extents.size());
  for (std::size_t d = 0; d < extents.size(); ++d) {
    index[d] = position % static_cast<std::size_t>(extents[d]);
    position /= static_cast<std::size_t>(extents[d]);
  }
  std::size_t result = 0;
  for (std::size_t d = 0; d < extents.size(); ++d) result = result * static_cast<std::size_t>(extents[d]) + index[d];
  return result;
}

Tensor variable_draws(const Draws& draws, const DrawsVariable& variable) {
  Tensor tensor{variable.is_integer, {static_cast<std::int64_t>(draws.row_count)}, {}};
  tensor.extents.insert(tensor.extents.end(), variable.extents.begin(), variable.extents.end());
  const auto count = static_cast<std::size_t>(element_count(variable.extents));
  std::vector<std::size_t> place(count);
  for (std::size_t i = 0; i < count; ++i) place[row_major_position(i, variable.extents)] = variable.first_column + i;
  tensor.values.reserve(count * draws.row_count);
  for (std::size_t row = 0; row < draws.row_count; ++row)
    for (const std::size_t column : place) tensor.values.push_back(draws.at(row, column));
  // Integers have no missing values.
  tensor.is_integer &= std::none_of(tensor.values.begin(), tensor.values.end(), [](double v) { return std::isnan(v); });
  return tensor;
}

std::string format_double(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value);
  return {buffer, end.ptr};
}

double sorted_quantile(const std::vector<double>& sorted, double probability) {
  const double position = probability * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  if (below + 1 >= sorted.size()) return sorted.back();
  const double share = position - static_cast<double>(below);
  return share == 0 ? sorted[below] : sorted[below] + share * (sorted[below + 1] - sorted[below]);
}

std::vector<ColumnSummary> summarize(const Draws& draws) {
  std::vector<ColumnSummary> result;
  std::vector<double> values;
  for (std::size_t column = 0; column < draws.columns.size() && draws.row_count > 0; ++column) {
    if (is_extra_column(draws.columns[column])) continue;
    values.clear();
    double sum = 0, squares = 0;
    for (std::size_t row = 0; row < draws.row_count; ++row)
      if (const double value = draws.at(row, column); !std::isnan(value)) {
        values.push_back(value);
        sum += value;
      }
    if (values.empty()) {
      constexpr double nan = std::numeric_limits<double>::quiet_NaN();
      result.push_back({draws.columns[column], nan, nan, nan, nan, nan});
      continue;
    }
    const auto count = static_cast<double>(values.size());
    const double mean = sum / count;
    for (const double value : values) squares += (value - mean) * (value - mean);
    std::sort(values.begin(), values.end());
    const double sd = values.size() > 1 ? std::sqrt(squares / (count - 1)) : 0;
    result.push_back({draws.columns[column], mean, sd, sorted_quantile(values, 0.05), sorted_quantile(values, 0.5),
                      sorted_quantile(values, 0.95)});
  }
  return result;
}

nlohmann::json summary_json(const Draws& draws) {
  nlohmann::json parameters = nlohmann::json::object();
  for (const ColumnSummary& summary : summarize(draws))
    parameters[summary.column] = {{"mean", finite_or_null(summary.mean)},
                                  {"sd", finite_or_null(summary.sd)},
                                  {"q5", finite_or_null(summary.q5)},
                                  {"median", finite_or_null(summary.median)},
                                  {"q95", finite_or_null(summary.q95)}};
  return {{"set", draws.label}, {"parameters", std::move(parameters)}};
}

} // namespace sibyl
