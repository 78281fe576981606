#include "runtime/data/inference_data.hpp"

#include "lang/errors.hpp"
#include "lang/files/installed_file.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/data/convert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <dlfcn.h>
#include <limits>
#include <optional>

namespace sibyl {

namespace {

// One variable of all data sets. With draws, each tensor's first dimension is the draw, and the result's are chain,
// draw, data set; without, the result's first is the data set. `by` empty: there is one data set and no dimension.
LabelledArray combine(const std::string& name, const std::vector<Tensor>& sets, bool has_draws, const std::string& by) {
  const std::size_t own = has_draws ? 1 : 0, rank = sets.front().extents.size() - own;
  const auto rows = has_draws ? sets.front().extents[0] : 1;
  std::vector<std::int64_t> largest(rank, 0);
  for (const Tensor& set : sets)
    for (std::size_t d = 0; d < rank; ++d) largest[d] = std::max(largest[d], set.extents[own + d]);
  const auto stride = static_cast<std::size_t>(element_count(largest));

  LabelledArray result{name, {}, {sets.front().is_integer, {}, {}}, {}};
  const auto add_dimension = [&](const std::string& dimension, std::int64_t extent) {
    result.dimensions.push_back(dimension);
    result.values.extents.push_back(extent);
  };
  if (has_draws) {
    add_dimension("chain", 1);
    add_dimension("draw", rows);
  }
  if (!by.empty()) add_dimension(by, static_cast<std::int64_t>(sets.size()));
  for (std::size_t d = 0; d < rank; ++d) add_dimension(fmt::format("{}_dim_{}", name, d), largest[d]);

  std::vector<double>& values = result.values.values;
  values.assign(static_cast<std::size_t>(rows) * sets.size() * stride, std::numeric_limits<double>::quiet_NaN());
  for (std::size_t s = 0; s < sets.size(); ++s) {
    const std::vector<std::int32_t> sizes(sets[s].extents.begin() + static_cast<std::ptrdiff_t>(own),
                                          sets[s].extents.end());
    const std::size_t count = sets[s].values.size() / static_cast<std::size_t>(std::max<std::int64_t>(1, rows));
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row)
      for_each_element(sizes, largest, [&](std::size_t compact, std::size_t padded) {
        values[(row * sets.size() + s) * stride + padded] = sets[s].values[row * count + compact];
      });
  }
  result.values.is_integer &= std::none_of(values.begin(), values.end(), [](double v) { return std::isnan(v); });
  return result;
}

LabelledArray number_coordinate(const std::string& dimension, std::int64_t extent) {
  LabelledArray result{dimension, {dimension}, {true, {extent}, {}}, {}};
  for (std::int64_t i = 0; i < extent; ++i) result.values.values.push_back(static_cast<double>(i));
  return result;
}

// The integer that a text is, where a double holds it exactly.
std::optional<double> integer(const std::string& text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  const std::int64_t largest = std::int64_t{1} << 53;
  if (error != std::errc() || rest != end || value < -largest || value > largest) return std::nullopt;
  return static_cast<double>(value);
}

// The labels of the data sets: numbers where all are integers.
LabelledArray label_coordinate(const std::string& dimension, std::span<const Draws> draws) {
  LabelledArray result{dimension, {dimension}, {true, {static_cast<std::int64_t>(draws.size())}, {}}, {}};
  for (const Draws& one : draws)
    if (const auto number = integer(one.label)) result.values.values.push_back(*number);
  if (result.values.values.size() == draws.size()) return result;
  for (const Draws& one : draws) result.texts.push_back(one.label);
  return result;
}

void add_coordinates(InferenceGroup& group, const LabelledArray& labels) {
  const auto is_known = [&](const std::string& dimension) {
    return std::any_of(group.coordinates.begin(), group.coordinates.end(),
                       [&](const LabelledArray& one) { return one.name == dimension; });
  };
  for (const LabelledArray& variable : group.variables)
    for (std::size_t d = 0; d < variable.dimensions.size(); ++d) {
      const std::string& dimension = variable.dimensions[d];
      if (is_known(dimension)) continue;
      group.coordinates.push_back(dimension == labels.name ? labels
                                                           : number_coordinate(dimension, variable.values.extents[d]));
    }
  for (const LabelledArray& variable : group.variables)
    if (is_known(variable.name))
      throw UserError(fmt::format("the variable `{}` has the name of a dimension of InferenceData; rename it, or write "
                                  "the draws as .csv or .npz",
                                  variable.name));
}

// A dimension's name: netCDF has no slashes in names, and a variable of the model may be called as the column is.
std::string dimension_name(std::string by, const Facts& facts) {
  std::replace(by.begin(), by.end(), '/', '_');
  while (facts.find(by) >= 0) by += "_set";
  return by;
}

InferenceGroup data_group(const std::string& name, const Facts& facts, std::span<const DataSet> data_sets,
                          const std::string& by, bool is_observed) {
  InferenceGroup group{name, {}, {}};
  for (const VariableFact& variable : facts.variables) {
    if (!is_data(variable) || may_be_missing(variable) != is_observed) continue;
    std::vector<Tensor> tensors;
    for (const DataSet& set : data_sets)
      if (const auto found = set.variables.find(variable.name); found != set.variables.end())
        tensors.push_back(found->second);
    if (!tensors.empty() && tensors.size() == data_sets.size())
      group.variables.push_back(combine(variable.name, tensors, false, by));
  }
  return group;
}

Tensor column(const Draws& draws, std::size_t number) {
  Tensor result{false, {static_cast<std::int64_t>(draws.row_count)}, {}};
  for (std::size_t row = 0; row < draws.row_count; ++row) result.values.push_back(draws.at(row, number));
  return result;
}

} // namespace

InferenceData to_inference_data(const Facts& facts, std::span<const DataSet> data_sets, std::span<const Draws> draws,
                                std::span<const std::string> verdicts, const std::string& by,
                                std::span<const DataSetNumbers> numbers) {
  if (draws.empty()) throw UserError("there are no data sets to write the draws of");
  const bool is_labelled = !by.empty() || draws.size() > 1;
  const std::string set = is_labelled ? dimension_name(by.empty() ? "set" : by, facts) : "";
  InferenceData data = {{"posterior", {}, {}}, {"sample_stats", {}, {}}};
  const Draws& first = draws.front();
  for (std::size_t v = 0; v < first.variables.size(); ++v) {
    std::vector<Tensor> tensors;
    for (const Draws& one : draws) tensors.push_back(variable_draws(one, one.variables[v]));
    data[0].variables.push_back(combine(first.variables[v].name, tensors, true, set));
  }
  if (!first.columns.empty() && first.columns.back() == "log_density__") {
    std::vector<Tensor> tensors;
    for (const Draws& one : draws) tensors.push_back(column(one, one.columns.size() - 1));
    data[1].variables.push_back(combine("log_density__", tensors, true, set));
  }
  LabelledArray verdict{"verdict", {}, {}, {verdicts.begin(), verdicts.end()}};
  if (is_labelled) {
    verdict.dimensions = {set};
    verdict.values.extents = {static_cast<std::int64_t>(draws.size())};
  }
  data[1].variables.push_back(verdict);
  for (const DataSetNumbers& one : numbers) {
    LabelledArray array{one.name, verdict.dimensions, {false, verdict.values.extents, one.values}, {}};
    data[1].variables.push_back(std::move(array));
  }
  data.push_back(data_group("observed_data", facts, data_sets, set, true));
  data.push_back(data_group("constant_data", facts, data_sets, set, false));
  std::erase_if(data, [](const InferenceGroup& group) { return group.variables.empty(); });
  const LabelledArray labels = label_coordinate(set, draws);
  for (InferenceGroup& group : data) add_coordinates(group, labels);
  return data;
}

InferenceData chains_to_inference_data(const Facts& facts, const DataSet& data, std::span<const Draws> chains) {
  if (chains.empty()) throw UserError("there are no draws to write");
  const Draws& first = chains.front();
  const auto join = [&](const std::string& name, const auto& draws_of) {
    LabelledArray result{name, {"chain", "draw"}, {true, {static_cast<std::int64_t>(chains.size())}, {}}, {}};
    for (const Draws& chain : chains) {
      const Tensor part = draws_of(chain);
      if (&chain == &first)
        result.values.extents.insert(result.values.extents.end(), part.extents.begin(), part.extents.end());
      result.values.values.insert(result.values.values.end(), part.values.begin(), part.values.end());
      result.values.is_integer &= part.is_integer;
    }
    for (std::size_t d = 0; d + 2 < result.values.extents.size(); ++d)
      result.dimensions.push_back(fmt::format("{}_dim_{}", name, d));
    return result;
  };
  InferenceData groups = {{"posterior", {}, {}}, {"sample_stats", {}, {}}};
  for (std::size_t v = 0; v < first.variables.size(); ++v)
    groups[0].variables.push_back(join(first.variables[v].name, [&](const Draws& chain) {
      return variable_draws(chain, chain.variables[v]);
    }));
  // As arviz.from_cmdstan calls them.
  const std::pair<const char*, const char*> names[] = {{"lp__", "lp"},
                                                       {"accept_stat__", "acceptance_rate"},
                                                       {"stepsize__", "step_size"},
                                                       {"treedepth__", "tree_depth"},
                                                       {"n_leapfrog__", "n_steps"},
                                                       {"divergent__", "diverging"},
                                                       {"energy__", "energy"}};
  for (const auto& [ours, theirs] : names) {
    const auto found = std::find(first.columns.begin(), first.columns.end(), ours);
    if (found == first.columns.end()) continue;
    const auto number = static_cast<std::size_t>(found - first.columns.begin());
    const std::string_view name = theirs;
    groups[1].variables.push_back(join(theirs, [&](const Draws& chain) {
      Tensor values = column(chain, number);
      values.is_integer = name == "tree_depth" || name == "n_steps" || name == "diverging";
      return values;
    }));
  }
  groups.push_back(data_group("observed_data", facts, {&data, 1}, "", true));
  groups.push_back(data_group("constant_data", facts, {&data, 1}, "", false));
  std::erase_if(groups, [](const InferenceGroup& group) { return group.variables.empty(); });
  for (InferenceGroup& group : groups) add_coordinates(group, {});
  return groups;
}

void write_netcdf(const std::string& path, const InferenceData& data) {
  const std::string library = find_installed_file("libsibyl_netcdf.so");
  if (library.empty())
    throw UserError(fmt::format("cannot write {}: that needs libsibyl_netcdf.so, which is not beside Sibyl; build it "
                                "with netCDF, or write .csv or .npz",
                                path));
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* symbol = handle ? dlsym(handle, "sibyl_netcdf_bytes") : nullptr;
  if (!symbol) throw UserError(fmt::format("cannot write {}: {}", path, dlerror()));
  std::string bytes;
  reinterpret_cast<NetcdfFunction>(symbol)(data, bytes);
  write_file(path, bytes);
}

} // namespace sibyl
