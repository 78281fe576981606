// to_data_sets: what the cells of a table mean, given what the model wants.
#include "runtime/data/convert.hpp"

#include "lang/decimal.hpp"
#include "lang/errors.hpp"
#include "runtime/data/powers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

namespace sibyl {

namespace {

bool is_missing(const std::string& cell) {
  return cell.empty() || cell == "NA" || cell == "NaN" || cell == "nan" || cell == "null" || cell == ".";
}

std::optional<double> parse_number(const std::string& cell) {
  if (is_missing(cell)) return std::numeric_limits<double>::quiet_NaN();
  // strtod also takes hexadecimal numbers and "nan(...)", which in a table are rather typing mistakes.
  if (cell.find_first_of("xX(") != std::string::npos || cell.find('\0') != std::string::npos) return std::nullopt;
  char* end = nullptr;
  const double value = decimal_number(cell.c_str(), &end);
  return *end == '\0' ? std::optional(value) : std::nullopt;
}

// A column as numbers, for all rows of the table.
using Numbers = std::vector<double>;

// The columns that hold one variable: one, or those named `x.1.1` (or `x[1,1]`), by their subscripts.
struct VariableColumns {
  std::vector<std::int64_t> extents;       // of the subscripts; empty: the column is called as the variable
  std::vector<const TableColumn*> columns; // row-major
};

class TableConverter {
 public:
  TableConverter(const Table& table, const Facts& facts, const ReadOptions& options)
      : table_(table), facts_(facts), options_(options) {}

  ReadResult run() {
    if (table_.row_count() == 0) throw UserError(fmt::format("{}: has no rows", table_.file));
    collect_columns();
    split_rows();
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      DataSet set;
      set.label = labels_[i];
      fill(set, groups_[i]);
      const std::string file =
          groups_.size() == 1 ? table_.file : fmt::format("{} ({} = {})", table_.file, options_.by, set.label);
      result_.data_sets.push_back(conform(std::move(set), facts_, file, options_));
    }
    return std::move(result_);
  }

 private:
  void collect_columns() {
    std::vector<std::string> names, missing;
    for (const TableColumn& column : table_.columns) names.push_back(column.name);
    for (const VariableFact& variable : facts_.variables) {
      if (!is_wanted(variable, options_.wanted)) continue;
      VariableColumns found = find_columns(variable);
      if (!found.columns.empty()) {
        for (const TableColumn* column : found.columns) numbers_[column] = read_column(*column, variable);
        columns_[variable.name] = std::move(found);
      } else if (!has_implied_value(variable) && !may_be_absent(variable, options_) && !is_power(variable)) {
        const std::string near = nearest_candidate(variable.name, names);
        missing.push_back(fmt::format("`{}` ({}){}", variable.name, variable.type,
                                      near.empty() ? "" : fmt::format(", did you mean `{}`?", near)));
      }
    }
    if (!missing.empty())
      throw UserError(fmt::format("{}: no column for {}\nThe file has the columns {}", table_.file,
                                  fmt::join(missing, "; "), fmt::join(names, ", ")));
  }

  VariableColumns find_columns(const VariableFact& variable) const {
    if (const TableColumn* column = table_.find(variable.name)) return {{}, {column}};
    std::map<std::vector<std::int64_t>, const TableColumn*> parts;
    for (const TableColumn& column : table_.columns) {
      const auto subscripts = parse_subscripts(column.name, variable.name);
      if (subscripts.empty()) continue;
      if (!parts.empty() && parts.begin()->first.size() != subscripts.size())
        throw UserError(
            fmt::format("{}: the columns of `{}` have different numbers of subscripts", table_.file, variable.name));
      parts[subscripts] = &column;
    }
    if (parts.empty()) return {};
    VariableColumns result;
    result.extents.assign(parts.begin()->first.size(), 0);
    for (const auto& [subscripts, column] : parts)
      for (std::size_t d = 0; d < subscripts.size(); ++d)
        result.extents[d] = std::max(result.extents[d], subscripts[d]);
    const auto wanted = checked_element_count(result.extents);
    if (!wanted || static_cast<std::size_t>(*wanted) != parts.size())
      throw UserError(fmt::format("{}: {} columns for `{}`, whose subscripts go up to {}", table_.file, parts.size(),
                                  variable.name, fmt::join(result.extents, ",")));
    for (const auto& [subscripts, column] : parts) result.columns.push_back(column);
    return result;
  }

  // {1, 2} for "x.1.2" and "x[1,2]" where the variable is x; empty otherwise.
  static std::vector<std::int64_t> parse_subscripts(const std::string& column, const std::string& variable) {
    if (column.size() <= variable.size() + 1 || column.compare(0, variable.size(), variable) != 0) return {};
    const char open = column[variable.size()];
    if (open != '.' && !(open == '[' && column.back() == ']')) return {};
    const char separator = open == '.' ? '.' : ',';
    const std::size_t end = column.size() - (open == '[' ? 1 : 0);
    constexpr std::int64_t most_columns = 1 << 30; // a larger number is part of a name
    std::vector<std::int64_t> result(1, 0);
    bool has_digit = false;
    for (std::size_t at = variable.size() + 1; at < end; ++at) {
      if (column[at] == separator && has_digit) {
        result.push_back(0);
        has_digit = false;
      } else if (column[at] >= '0' && column[at] <= '9' && result.back() <= most_columns) {
        result.back() = result.back() * 10 + (column[at] - '0');
        has_digit = true;
      } else return {};
    }
    const bool from_one = std::all_of(result.begin(), result.end(), [](std::int64_t i) { return i >= 1; });
    return has_digit && from_one ? result : std::vector<std::int64_t>{};
  }

  // A size that has no column is what the columns say: the rows, or the largest level.
  bool has_implied_value(const VariableFact& variable) const {
    return variable.is_integer && variable.dimensions.empty() && variable.role == Role::design;
  }

  Numbers read_column(const TableColumn& column, const VariableFact& variable) {
    Numbers numbers(column.cells.size());
    std::size_t numeric = 0, text = 0, first_text = 0;
    for (std::size_t row = 0; row < numbers.size(); ++row) {
      if (const auto value = parse_number(column.cells[row])) {
        numbers[row] = *value;
        numeric += !std::isnan(*value);
      } else if (text++ == 0) first_text = row;
    }
    if (text > 0 && (numeric > 0 || !variable.is_integer))
      throw UserError(fmt::format("{}: column `{}`, row {} (line {}): `{}` is not a number", table_.file, column.name,
                                  first_text + 1, table_.lines[first_text], column.cells[first_text]));
    if (text > 0) return read_levels(column, variable);
    if (variable.is_integer)
      for (std::size_t row = 0; row < numbers.size(); ++row)
        if (!std::isnan(numbers[row]) && numbers[row] != std::floor(numbers[row]))
          throw UserError(
              fmt::format("{}: column `{}`, row {} (line {}): `{}` is not an integer, and the model declares {}",
                          table_.file, column.name, row + 1, table_.lines[row], column.cells[row], variable.type));
    return numbers;
  }

  Numbers read_levels(const TableColumn& column, const VariableFact& variable) {
    std::set<std::string> levels;
    for (const std::string& cell : column.cells)
      if (!is_missing(cell)) levels.insert(cell);
    std::map<std::string, double> codes;
    std::vector<std::string> shown;
    for (const std::string& level : levels) {
      codes[level] = static_cast<double>(codes.size() + 1);
      if (codes.size() <= 8) shown.push_back(fmt::format("{} = {}", codes[level], level));
    }
    if (codes.size() > shown.size()) shown.push_back(fmt::format("{} in all", codes.size()));
    result_.notes.push_back(fmt::format("column `{}` is text; `{}` takes its levels in alphabetical order: {}",
                                        column.name, variable.name, fmt::join(shown, ", ")));
    Numbers numbers;
    for (const std::string& cell : column.cells)
      numbers.push_back(is_missing(cell) ? std::numeric_limits<double>::quiet_NaN() : codes[cell]);
    return numbers;
  }

  void split_rows() {
    if (options_.by.empty()) {
      groups_.emplace_back();
      for (std::size_t row = 0; row < table_.row_count(); ++row) groups_[0].push_back(row);
      labels_.push_back("1");
      return;
    }
    const TableColumn* column = table_.find(options_.by);
    if (!column) {
      std::vector<std::string> names;
      for (const TableColumn& other : table_.columns) names.push_back(other.name);
      const std::string near = nearest_candidate(options_.by, names);
      throw UserError(fmt::format("{}: no column `{}` to split by{}\nThe file has the columns {}", table_.file,
                                  options_.by, near.empty() ? "" : fmt::format("; did you mean `{}`?", near),
                                  fmt::join(names, ", ")));
    }
    std::map<std::string, std::size_t> numbers;
    for (std::size_t row = 0; row < table_.row_count(); ++row) {
      const auto [found, is_new] = numbers.try_emplace(column->cells[row], groups_.size());
      if (is_new) {
        groups_.emplace_back();
        labels_.push_back(column->cells[row]);
      }
      groups_[found->second].push_back(row);
    }
  }

  void fill(DataSet& set, const std::vector<std::size_t>& rows) {
    for (const VariableFact& variable : facts_.variables) {
      if (!is_wanted(variable, options_.wanted)) continue;
      const auto found = columns_.find(variable.name);
      if (found != columns_.end()) set.variables[variable.name] = tensor(variable, found->second, rows);
      else if (has_implied_value(variable)) set.variables[variable.name] = implied_value(variable, rows);
      else if (is_power(variable)) set.variables[variable.name] = {false, {}, {1}};
    }
  }

  Tensor tensor(const VariableFact& variable, const VariableColumns& source,
                const std::vector<std::size_t>& rows) const {
    Tensor result{variable.is_integer, {}, {}};
    const std::size_t rank = variable.dimensions.size(), subscripts = source.extents.size();
    const bool by_row = rank == subscripts + 1;
    if (!by_row && rank != subscripts)
      throw UserError(fmt::format("{}: `{}` is {} in the model, and its columns give {} of its {} dimensions",
                                  table_.file, variable.name, variable.type, subscripts, rank));
    if (by_row) result.extents.push_back(static_cast<std::int64_t>(rows.size()));
    result.extents.insert(result.extents.end(), source.extents.begin(), source.extents.end());
    for (std::size_t i = 0; i < (by_row ? rows.size() : 1); ++i)
      for (const TableColumn* column : source.columns) {
        const Numbers& numbers = numbers_.at(column);
        if (!by_row) check_constant(variable, *column, numbers, rows);
        result.values.push_back(numbers[rows[i]]);
      }
    return result;
  }

  void check_constant(const VariableFact& variable, const TableColumn& column, const Numbers& numbers,
                      const std::vector<std::size_t>& rows) const {
    for (const std::size_t row : rows) {
      const bool both_missing = std::isnan(numbers[row]) && std::isnan(numbers[rows[0]]);
      if (numbers[row] == numbers[rows[0]] || both_missing) continue;
      throw UserError(
          fmt::format("{}: column `{}` must be the same in all rows of a data set, because the model declares "
                      "{} {}; row {} (line {}) has `{}` after `{}`",
                      table_.file, column.name, variable.type, variable.name, row + 1, table_.lines[row],
                      column.cells[row], column.cells[rows[0]]));
    }
  }

  Tensor implied_value(const VariableFact& variable, const std::vector<std::size_t>& rows) {
    std::int64_t value = static_cast<std::int64_t>(rows.size());
    for (const VariableFact& other : facts_.variables) {
      const auto found = columns_.find(other.name);
      if (found == columns_.end() || other.upper != variable.name || is_row_count(variable)) continue;
      double largest = 0;
      for (const TableColumn* column : found->second.columns)
        for (const double number : numbers_.at(column)) largest = std::max(largest, std::isnan(number) ? 0 : number);
      if (largest > std::numeric_limits<std::int32_t>::max())
        throw UserError(fmt::format("{}: `{}` has no column and would be {}, the largest value of `{}`: too large for "
                                    "an integer of 32 bits",
                                    table_.file, variable.name, largest, other.name));
      value = static_cast<std::int64_t>(largest);
      const std::string note =
          fmt::format("no column `{}`: it is {}, the largest value of `{}`", variable.name, value, other.name);
      if (std::find(result_.notes.begin(), result_.notes.end(), note) == result_.notes.end())
        result_.notes.push_back(note);
      break;
    }
    // The number of subscripted columns is an extent as well: matrix[N, K] x with the columns x.1 ... x.K.
    for (const VariableFact& other : facts_.variables) {
      const auto found = columns_.find(other.name);
      if (found == columns_.end()) continue;
      const std::size_t subscripts = found->second.extents.size(), rank = other.dimensions.size();
      for (std::size_t d = 0; d < std::min(subscripts, rank); ++d)
        if (other.dimensions[rank - subscripts + d].size == variable.name) value = found->second.extents[d];
    }
    return {true, {}, {static_cast<double>(value)}};
  }

  // Whether the variable is the declared length of a column.
  bool is_row_count(const VariableFact& variable) const {
    for (const auto& [name, source] : columns_)
      for (const VariableFact& other : facts_.variables)
        if (other.name == name && other.dimensions.size() == source.extents.size() + 1 &&
            other.dimensions[0].size == variable.name)
          return true;
    return false;
  }

  const Table& table_;
  const Facts& facts_;
  const ReadOptions& options_;
  std::map<std::string, VariableColumns> columns_; // by variable
  std::map<const TableColumn*, Numbers> numbers_;
  std::vector<std::vector<std::size_t>> groups_;
  std::vector<std::string> labels_;
  ReadResult result_;
};

} // namespace

ReadResult to_data_sets(const Table& table, const Facts& facts, const ReadOptions& options) {
  return TableConverter(table, facts, options).run();
}

} // namespace sibyl
