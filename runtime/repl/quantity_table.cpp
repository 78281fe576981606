#include "runtime/repl/quantity_table.hpp"

#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sibyl::repl {

namespace {

constexpr int sparkline_width = 24;

std::vector<std::string> row_of(const Quantity& quantity) {
  std::vector<double> sorted;
  for (const double value : quantity.values)
    if (!std::isnan(value)) sorted.push_back(value);
  std::ranges::sort(sorted);
  const auto n = static_cast<double>(sorted.size());
  const double mean = std::accumulate(sorted.begin(), sorted.end(), 0.0) / n;
  double squares = 0;
  for (const double value : sorted) squares += (value - mean) * (value - mean);
  std::vector<std::string> row = {quantity.name};
  if (sorted.empty()) return {quantity.name, "-", "-", "-", "-", "-"};
  for (const double value : {mean, std::sqrt(squares / std::max(1.0, n - 1)), sorted_quantile(sorted, 0.05),
                             sorted_quantile(sorted, 0.5), sorted_quantile(sorted, 0.95)})
    row.push_back(cli::format_number(value));
  return row;
}

} // namespace

std::string quantity_table(const std::string& title, const std::vector<Quantity>& quantities, const PlotStyle& style) {
  std::vector<std::vector<std::string>> rows;
  for (const Quantity& one : quantities) rows.push_back(row_of(one));
  const std::string table = cli::format_table({title, "mean", "sd", "5%", "50%", "95%"}, rows, 1);
  std::string text;
  std::size_t begin = 0, line = 0;
  std::size_t width = 0;
  for (std::size_t at = 0, end; (end = table.find('\n', at)) != table.npos; at = end + 1)
    width = std::max(width, end - at);
  for (std::size_t end; (end = table.find('\n', begin)) != table.npos; begin = end + 1, ++line) {
    text += table.substr(begin, end - begin);
    if (line > 0) {
      const Quantity& quantity = quantities[line - 1];
      const Bins bins = bin(quantity.values, sparkline_width, quantity.is_integer);
      std::string glyphs = sparkline(bins, style);
      glyphs.append(sparkline_width - std::min<std::size_t>(sparkline_width, bins.counts.size()), ' ');
      text += fmt::format("{}  {}  {} to {}", std::string(width - (end - begin), ' '), glyphs,
                          cli::format_number(quantity.is_integer ? bins.first + 0.5 : bins.first),
                          cli::format_number(quantity.is_integer ? bins.last() - 0.5 : bins.last()));
    }
    text += "\n";
  }
  return text;
}

std::vector<Quantity> element_quantities(const std::string& name, const std::vector<std::int64_t>& extents,
                                         const std::vector<double>& values, bool is_integer, std::size_t limit) {
  if (extents.empty()) return {{name, values, is_integer}};
  const auto stride = static_cast<std::size_t>(element_count(extents));
  std::vector<Quantity> result;
  for (std::size_t i = 0; i < std::min(stride, limit); ++i) {
    Quantity one{element_name(name, i, extents), {}, is_integer};
    for (std::size_t at = i; at < values.size(); at += stride) one.values.push_back(values[at]);
    result.push_back(std::move(one));
  }
  return result;
}

std::vector<Quantity> parameter_quantities(const CurrentDraws& draws, std::size_t limit) {
  const Facts& facts = draws.model->facts();
  std::vector<Quantity> result;
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    if (facts.variables[v].role != Role::parameter || !draws.find(v) || draws.count == 0) continue;
    const auto extents = draws.extents(v, 0);
    std::vector<double> values;
    for (std::size_t draw = 0; draw < draws.count; ++draw) {
      const std::vector<double> own = draws.values(v, draw);
      values.insert(values.end(), own.begin(), own.end());
    }
    for (Quantity& one :
         element_quantities(facts.variables[v].name, extents, values, facts.variables[v].is_integer, limit))
      result.push_back(std::move(one));
  }
  return result;
}

std::vector<Quantity> observed_quantities(const CurrentDraws& draws) {
  const Facts& facts = draws.model->facts();
  std::vector<Quantity> result;
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    if (facts.variables[v].role != Role::observed || !draws.find(v)) continue;
    Quantity one{facts.variables[v].name, {}, facts.variables[v].is_integer};
    for (std::size_t draw = 0; draw < draws.count; ++draw) {
      const std::vector<double> own = draws.values(v, draw);
      one.values.insert(one.values.end(), own.begin(), own.end());
    }
    result.push_back(std::move(one));
  }
  return result;
}

} // namespace sibyl::repl
