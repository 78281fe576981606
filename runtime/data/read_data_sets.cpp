// Data sets from files, by their endings.
#include "lang/words.hpp"
#include "runtime/data/convert.hpp"

#include "lang/errors.hpp"
#include "runtime/data/json_data.hpp"
#include "runtime/data/npz.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace sibyl {

namespace {

// Several data sets in one archive: every array has one leading dimension more, and rows are padded to the longest.
std::vector<DataSet> split_archive(const DataSet& archive, const Facts& facts, const std::string& file,
                                   const ReadOptions& options) {
  std::size_t stacked = 0, present = 0, values = 0;
  std::int64_t count = -1;
  for (const VariableFact& variable : facts.variables) {
    const auto found = archive.variables.find(variable.name);
    if (!is_wanted(variable, options.wanted) || found == archive.variables.end()) continue;
    ++present;
    if (found->second.extents.size() != variable.dimensions.size() + 1) continue;
    ++stacked;
    values += found->second.values.size();
    if (count >= 0 && found->second.extents[0] != count)
      throw UserError(fmt::format("{}: `{}` has {} data sets where an earlier variable has {}", file, variable.name,
                                  found->second.extents[0], count));
    count = found->second.extents[0];
  }
  if (present == 0 || stacked != present) {
    DataSet single = archive;
    single.label = std::to_string(1);
    return {single};
  }
  // Arrays without elements may claim any number of data sets.
  if (values == 0 && count > 1)
    throw UserError(fmt::format("{}: {} data sets, and none has a value", file, count));
  std::vector<DataSet> result(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < result.size(); ++i) {
    DataSet& set = result[i];
    set.label = std::to_string(i + 1);
    // Variables come in order of declaration, so the sizes of one are known before it is cut to them.
    for (const VariableFact& variable : facts.variables) {
      const auto found = archive.variables.find(variable.name);
      if (!is_wanted(variable, options.wanted) || found == archive.variables.end()) continue;
      const Tensor& all = found->second;
      const std::vector<std::int64_t> padded(all.extents.begin() + 1, all.extents.end());
      Tensor part{all.is_integer, padded, {}};
      for (std::size_t d = 0; d < padded.size(); ++d)
        if (const auto extent = declared_extent(variable.dimensions[d], set))
          part.extents[d] = std::min(*extent, padded[d]);
      const std::int64_t stride = element_count(padded);
      for (std::int64_t flat = 0; flat < stride; ++flat) {
        std::int64_t rest = flat;
        bool inside = true;
        for (std::size_t d = padded.size(); d-- > 0; rest /= padded[d]) inside &= rest % padded[d] < part.extents[d];
        if (inside)
          part.values.push_back(all.values[i * static_cast<std::size_t>(stride) + static_cast<std::size_t>(flat)]);
      }
      set.variables[variable.name] = std::move(part);
    }
  }
  return result;
}

} // namespace

ReadResult read_data_sets(const std::string& path, const Facts& facts, const ReadOptions& options) {
  const std::string ending = lower_case(std::filesystem::path(path).extension().string());
  if (ending == ".csv" || ending == ".tsv" || ending == ".txt") return to_data_sets(read_csv(path), facts, options);
  std::vector<DataSet> sets;
  if (ending == ".json") sets = read_json_data(path);
  else if (ending == ".npz") {
    DataSet archive;
    archive.variables = read_npz(path);
    sets = split_archive(archive, facts, path, options);
  } else
    throw UserError(fmt::format("{}: data are read from .json, .csv, .tsv or .npz files, by the file's ending", path));
  return conform_all(std::move(sets), facts, path, options);
}

} // namespace sibyl
