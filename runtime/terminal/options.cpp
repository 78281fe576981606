#include "runtime/terminal/options.hpp"

#include "lang/errors.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

namespace sibyl::cli {

int default_threads() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

DataSet read_design(const std::string& path, const Facts& facts) {
  const ReadResult read = read_data_sets(path, facts, {.wanted = Wanted::given_design});
  for (const std::string& note : read.notes) print_note(note);
  if (read.data_sets.size() != 1)
    throw UserError(fmt::format("{}: a design is one data set, but here are {}", path, read.data_sets.size()));
  return read.data_sets.front();
}

DataSet read_data_set(const std::string& path, const Facts& facts) {
  if (path.empty()) return conform({}, facts, "the model needs data, and no file is given");
  ReadResult read = read_data_sets(path, facts);
  for (const std::string& note : read.notes) print_note(note);
  if (read.data_sets.size() != 1)
    throw UserError(fmt::format("{}: one data set is wanted, and here are {}", path, read.data_sets.size()));
  return std::move(read.data_sets.front());
}

double parse_duration(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  const std::string unit(rest, end);
  const double scale = unit.empty() || unit == "s" ? 1 : unit == "m" || unit == "min" ? 60 : unit == "h" ? 3600 : 0;
  if (error != std::errc() || scale == 0 || !(value > 0))
    throw UserError(fmt::format("`{}` is no duration; write 60s, 3m or 1h", text));
  return value * scale;
}

} // namespace sibyl::cli
