// Posterior draws and what is written of them: CSV in Stan's layout, NPZ, summaries.
#pragma once

#include "runtime/data/data_set.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sibyl {

// A block of columns that belong to one variable of the model.
struct DrawsVariable {
  std::string name;
  bool is_integer = false;
  std::vector<std::int64_t> extents;
  std::size_t first_column = 0;
};

// The draws for one data set. Columns are in Stan's order: variables as declared, each with its first index fastest
// (`m.1.1`, `m.2.1`, ...); columns that are not the model's end in `__` and come last.
struct Draws {
  std::string label; // the data set's
  std::vector<std::string> columns;
  std::vector<DrawsVariable> variables;
  std::size_t row_count = 0;
  std::vector<double> values; // [row][column]

  double at(std::size_t row, std::size_t column) const { return values[row * columns.size() + column]; }
};

// The names of a variable's columns: `x`, or `x.1`, `x.2`, ... with the first index fastest.
std::vector<std::string> column_names(const std::string& name, const std::vector<std::int64_t>& extents);

// The row-major position of the element that is number `position` where the first index is fastest.
std::size_t row_major_position(std::size_t position, const std::vector<std::int64_t>& extents);

// A variable's draws, [draw][extents...] in row-major order; integers with missing ones are reals.
Tensor variable_draws(const Draws& draws, const DrawsVariable& variable);

// The shortest decimal that reads back as the same double; "nan", "inf" and "-inf" as Stan writes them.
std::string format_double(double value);

// All data sets in one table. With several of them, or where `by` is not empty, the first column tells them apart: it
// is called `by` (or `set`), and holds the labels. `comments` are written before the header, each behind `# `.
void write_draws_csv(const std::string& path, const std::vector<Draws>& draws, const std::string& by,
                     const std::vector<std::string>& comments = {});

// One array per variable, [data set][draw][extents...]; integer variables stay integers. The data sets must have the
// same columns and numbers of draws.
void write_draws_npz(const std::string& path, const std::vector<Draws>& draws);

// Whether the column is none of the model's: `lp__`.
bool is_extra_column(const std::string& column);

// As JSON has it: null where it is no finite number.
nlohmann::ordered_json finite_or_null(double value);

// What is shown of one column.
struct ColumnSummary {
  std::string column;
  double mean, sd, q5, median, q95;
};

// Of all columns but those that end in `__`; of the draws that are not missing, NaN where all are.
std::vector<ColumnSummary> summarize(const Draws& draws);

// The quantile of sorted values, interpolated linearly between neighbours.
double sorted_quantile(const std::vector<double>& sorted, double probability);

// {"set": label, "parameters": {"theta.1": {"mean": ...}}}; numbers that are not finite become null.
nlohmann::json summary_json(const Draws& draws);

} // namespace sibyl
