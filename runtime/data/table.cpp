#include "runtime/data/table.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sibyl {

namespace {

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& file) : text_(text), file_(file) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (text_.substr(0, byte_order_mark.size()) == byte_order_mark) at_ = byte_order_mark.size();
  }

  Table run() {
    Table table;
    table.file = file_;
    skip_unused_lines();
    if (at_ >= text_.size())
      throw UserError(fmt::format("{}: empty; a header line with column names was expected", file_));
    separator_ = find_separator();
    const int header_line = line_;
    for (std::string& name : record()) {
      if (table.find(name))
        throw UserError(fmt::format("{}:{}: two columns are called `{}`", file_, header_line, name));
      table.columns.push_back({std::move(name), {}});
    }
    for (skip_unused_lines(); at_ < text_.size(); skip_unused_lines()) {
      const int line = line_;
      std::vector<std::string> cells = record();
      if (cells.size() != table.columns.size())
        throw UserError(fmt::format("{}:{}: {} cells where the header names {} columns", file_, line, cells.size(),
                                    table.columns.size()));
      for (std::size_t i = 0; i < cells.size(); ++i) table.columns[i].cells.push_back(std::move(cells[i]));
      table.lines.push_back(line);
    }
    return table;
  }

 private:
  std::string_view current_line() const {
    const auto end = text_.find('\n', at_);
    std::string_view line = text_.substr(at_, end == std::string_view::npos ? end : end - at_);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return line;
  }

  void skip_unused_lines() {
    while (at_ < text_.size()) {
      const std::string_view line = current_line();
      if (!trim(line).empty() && line.front() != '#') return;
      const auto end = text_.find('\n', at_);
      at_ = end == std::string_view::npos ? text_.size() : end + 1;
      ++line_;
    }
  }

  char find_separator() const {
    const std::string_view header = current_line();
    for (const char candidate : {',', ';', '\t'})
      if (header.find(candidate) != std::string_view::npos) return candidate;
    return ',';
  }

  // The cells from here to the end of the record; moves behind its line break.
  std::vector<std::string> record() {
    std::vector<std::string> cells;
    do cells.push_back(cell());
    while (at_ < text_.size() && text_[at_] == separator_ && ++at_);
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] == '\n') ++at_;
    ++line_;
    return cells;
  }

  std::string cell() {
    std::size_t quote = at_;
    while (quote < text_.size() && text_[quote] == ' ') ++quote;
    if (quote < text_.size() && text_[quote] == '"') {
      at_ = quote;
      return quoted_cell();
    }
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
    return std::string(trim(text_.substr(begin, at_ - begin)));
  }

  std::string quoted_cell() {
    const int first_line = line_;
    std::string value;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        if (at_ + 1 == text_.size() || text_[at_ + 1] != '"') break;
        ++at_;
      }
      if (text_[at_] == '\n') ++line_;
      value += text_[at_];
    }
    if (at_ >= text_.size()) throw UserError(fmt::format("{}:{}: a quoted cell does not end", file_, first_line));
    ++at_;
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\n' && text_[at_] != '\r')
      throw UserError(fmt::format("{}:{}: text after the closing quote of a cell", file_, line_));
    return value;
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0;
  int line_ = 1;
  char separator_ = ',';
};

} // namespace

const TableColumn* Table::find(std::string_view name) const {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const auto& column) { return column.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

Table Table::rows(const std::vector<std::size_t>& numbers) const {
  Table result{file, {}, {}};
  for (const TableColumn& column : columns) {
    TableColumn part{column.name, {}};
    for (const std::size_t row : numbers) part.cells.push_back(column.cells[row]);
    result.columns.push_back(std::move(part));
  }
  for (const std::size_t row : numbers) result.lines.push_back(lines[row]);
  return result;
}

Table parse_csv(std::string_view text, const std::string& name) { return CsvReader(text, name).run(); }

Table read_csv(const std::string& path) { return parse_csv(read_file(path), path); }

} // namespace sibyl
