// Draws in files.
#include "runtime/data/draws.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/data/npz.hpp"

#include <fmt/format.h>

namespace sibyl {

namespace {

// A cell for CSV: quoted where it holds what would end it.
std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

} // namespace

void write_draws_csv(const std::string& path, const std::vector<Draws>& draws, const std::string& by,
                     const std::vector<std::string>& comments) {
  OutputFile file(path);
  std::string text;
  for (const std::string& comment : comments) text += fmt::format("# {}\n", comment);
  const bool labelled = !by.empty() || draws.size() > 1;
  const std::vector<std::string> columns = draws.empty() ? std::vector<std::string>{} : draws.front().columns;
  if (labelled) text += csv_cell(by.empty() ? "set" : by) + (columns.empty() ? "" : ",");
  for (std::size_t i = 0; i < columns.size(); ++i) text += (i > 0 ? "," : "") + csv_cell(columns[i]);
  text += '\n';
  for (const Draws& set : draws) {
    if (set.columns != columns)
      throw RuntimeError(
          fmt::format("cannot write {}: data set `{}` has other columns than the first (sizes differ); write "
                      "one file per data set",
                      path, set.label));
    const std::string label = labelled ? csv_cell(set.label) + (columns.empty() ? "" : ",") : "";
    for (std::size_t row = 0; row < set.row_count; ++row) {
      text += label;
      for (std::size_t column = 0; column < columns.size(); ++column) {
        if (column > 0) text += ',';
        text += format_double(set.at(row, column));
      }
      text += '\n';
      if (text.size() > 1 << 20) {
        file.write(text);
        text.clear();
      }
    }
  }
  file.write(text);
  file.commit();
}

void write_draws_npz(const std::string& path, const std::vector<Draws>& draws) {
  if (draws.empty()) throw UserError(fmt::format("cannot write {}: there are no draws", path));
  const Draws& first = draws.front();
  const auto sets = static_cast<std::int64_t>(draws.size()), rows = static_cast<std::int64_t>(first.row_count);
  for (const Draws& set : draws)
    if (set.columns != first.columns || set.row_count != first.row_count)
      throw RuntimeError(fmt::format("cannot write {}: data set `{}` has other columns or fewer draws than the first",
                                     path, set.label));
  std::map<std::string, Tensor> arrays;
  for (const DrawsVariable& variable : first.variables) {
    Tensor array{variable.is_integer, {sets, rows}, {}};
    array.extents.insert(array.extents.end(), variable.extents.begin(), variable.extents.end());
    array.values.reserve(static_cast<std::size_t>(element_count(array.extents)));
    for (const Draws& set : draws) {
      const Tensor part = variable_draws(set, variable);
      array.values.insert(array.values.end(), part.values.begin(), part.values.end());
      array.is_integer &= part.is_integer;
    }
    arrays[variable.name] = std::move(array);
  }
  for (std::size_t column = 0; column < first.columns.size(); ++column) {
    if (!is_extra_column(first.columns[column])) continue;
    Tensor array{false, {sets, rows}, {}};
    for (const Draws& set : draws)
      for (std::size_t row = 0; row < set.row_count; ++row) array.values.push_back(set.at(row, column));
    arrays[first.columns[column]] = std::move(array);
  }
  write_npz(path, arrays);
}

} // namespace sibyl
