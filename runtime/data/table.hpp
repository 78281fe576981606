// A CSV file as text: columns by name, nothing interpreted yet. What a cell means depends on what the model wants of it
// (runtime/data/convert.hpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sibyl {

struct TableColumn {
  std::string name;
  std::vector<std::string> cells;
};

struct Table {
  std::string file; // as messages call it
  std::vector<TableColumn> columns;
  std::vector<int> lines; // the line of the file at which each row starts, for messages

  std::size_t row_count() const { return lines.size(); }
  const TableColumn* find(std::string_view name) const;
  // The rows with these numbers (from 0), in that order.
  Table rows(const std::vector<std::size_t>& numbers) const;
};

// Comma-separated values (RFC 4180: quoted cells may hold commas, line breaks and doubled quotes). A header line names
// the columns; lines that start with # (Stan's comments) and empty lines are skipped. Semicolons or tabs separate where
// the header has them and no comma. Throws UserError naming file and line.
Table read_csv(const std::string& path);
Table parse_csv(std::string_view text, const std::string& name);

} // namespace sibyl
