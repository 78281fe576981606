#include "runtime/cli/long_table.hpp"

#include "lang/errors.hpp"
#include "runtime/data/draws.hpp"

#include <fmt/format.h>

namespace sibyl::cli {

namespace {

bool is_wanted(const VariableFact& fact, LongTable what) {
  if (what == LongTable::parameters) return fact.role == Role::parameter;
  return is_data(fact);
}

// The variable's size text that rows run over: the first dimension that is not a constant.
std::string row_dimension(const Facts& facts) {
  std::string rows;
  for (const VariableFact& fact : facts.variables) {
    if (!is_wanted(fact, LongTable::data) || fact.dimensions.empty() || fact.dimensions[0].constant_size) continue;
    if (rows.empty()) rows = fact.dimensions[0].size;
    else if (rows != fact.dimensions[0].size)
      throw UserError(
          fmt::format("the data have rows over {} and over {}; write them as .npz", rows, fact.dimensions[0].size));
  }
  return rows;
}

} // namespace

std::string long_table(const Facts& facts, const DataBatch& batch, LongTable what) {
  const std::string rows = what == LongTable::data ? row_dimension(facts) : "";
  std::string text = "set";
  struct Column {
    std::size_t variable;
    bool by_row;
    std::vector<std::int64_t> extents; // of the rest
  };
  std::vector<Column> columns;
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    const VariableFact& fact = facts.variables[v];
    if (!is_wanted(fact, what) || !batch.variables[v].present) continue;
    Column column{v, !rows.empty() && !fact.dimensions.empty() && fact.dimensions[0].size == rows,
                  batch.variables[v].capacity};
    if (column.by_row) column.extents.erase(column.extents.begin());
    for (const std::string& name : column_names(fact.name, column.extents)) text += "," + name;
    columns.push_back(std::move(column));
  }
  text += "\n";
  for (std::size_t set = 0; set < batch.count; ++set) {
    std::int64_t count = 1;
    for (const Column& column : columns)
      if (column.by_row) count = batch.variables[column.variable].size(set, 0);
    for (std::int64_t row = 0; row < count; ++row) {
      text += std::to_string(set + 1);
      for (const Column& column : columns) {
        const VariableBatch& variable = batch.variables[column.variable];
        const std::size_t width = static_cast<std::size_t>(element_count(column.extents));
        const double* values = variable.row(set) + (column.by_row ? static_cast<std::size_t>(row) * width : 0);
        for (std::size_t i = 0; i < width; ++i)
          text += "," + format_double(values[row_major_position(i, column.extents)]);
      }
      text += "\n";
    }
  }
  return text;
}

} // namespace sibyl::cli
