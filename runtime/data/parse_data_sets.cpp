// Data sets from texts, which is all that a page or a library's caller has.
#include "runtime/data/convert.hpp"

#include "lang/errors.hpp"
#include "runtime/data/json_data.hpp"

#include <fmt/format.h>

namespace sibyl {

ReadResult conform_all(std::vector<DataSet> sets, const Facts& facts, const std::string& file,
                       const ReadOptions& options) {
  if (!options.by.empty())
    throw UserError(fmt::format(
        "{}: `--by {}` splits the rows of a CSV file; this file's data sets are separate already", file, options.by));
  ReadResult result;
  for (DataSet& set : sets) result.data_sets.push_back(conform(std::move(set), facts, file, options));
  return result;
}

ReadResult parse_data_sets(std::string_view text, const std::string& name, const Facts& facts,
                           const ReadOptions& options) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) throw UserError(fmt::format("{}: there is nothing in it", name));
  if (text[first] != '{' && text[first] != '[') return to_data_sets(parse_csv(text, name), facts, options);
  return conform_all(parse_json_data(text, name), facts, name, options);
}

} // namespace sibyl
