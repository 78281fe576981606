#include "runtime/data/convert.hpp"

#include "lang/edit_distance.hpp"
#include "lang/errors.hpp"
#include "lang/words.hpp"
#include "runtime/data/powers.hpp"
#include "runtime/data/size_expression.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sibyl {

namespace {

[[noreturn]] void missing_variable(const VariableFact& variable, const DataSet& data, const std::string& file) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : data.variables) names.push_back(name);
  const std::string near = nearest_candidate(variable.name, names);
  throw UserError(fmt::format("{}: the variable `{}` ({}) is missing{}", file, variable.name, variable.type,
                              near.empty() ? "" : fmt::format("; did you mean `{}`?", near)));
}

void check_integers(const VariableFact& variable, const Tensor& tensor, const std::string& file) {
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    const double value = tensor.values[i];
    const auto place = [&] { return element_name(variable.name, i, tensor.extents); };
    if (!std::isnan(value) && value != std::floor(value))
      throw UserError(fmt::format("{}: `{}` is {}, which is not an integer", file, place(), value));
    if (std::abs(value) > std::numeric_limits<std::int32_t>::max())
      throw UserError(fmt::format("{}: `{}` is {}, too large for an integer of 32 bits", file, place(), value));
    if (std::isnan(value) && !may_be_missing(variable))
      throw UserError(
          fmt::format("{}: `{}` is missing; only observed variables may have missing values", file, place()));
  }
}

// `tensor` has the rank of the declaration, except that an empty array hides its inner dimensions.
void check_shape(const VariableFact& variable, Tensor& tensor, const DataSet& data, const std::string& file) {
  const std::size_t rank = variable.dimensions.size();
  const bool is_empty = tensor.values.empty();
  if (tensor.extents.size() != rank && !(is_empty && tensor.extents.size() < rank))
    throw UserError(fmt::format("{}: `{}` has {} dimension{}, the model declares {} with {}", file, variable.name,
                                tensor.extents.size(), tensor.extents.size() == 1 ? "" : "s", variable.type, rank));
  for (std::size_t d = 0; d < rank; ++d) {
    const auto declared = declared_extent(variable.dimensions[d], data);
    if (declared && (*declared < 0 || *declared > std::numeric_limits<std::int32_t>::max()))
      throw UserError(fmt::format("{}: `{}` ({}): the size {} is {}, which no array can have", file, variable.name,
                                  variable.type, variable.dimensions[d].size, *declared));
    if (d >= tensor.extents.size()) {
      tensor.extents.push_back(declared.value_or(0));
      continue;
    }
    if (declared && *declared != tensor.extents[d])
      throw UserError(fmt::format("{}: `{}` has {} element{} in dimension {}, the model declares {}{}", file,
                                  variable.name, tensor.extents[d], tensor.extents[d] == 1 ? "" : "s", d + 1,
                                  variable.type,
                                  variable.dimensions[d].constant_size
                                      ? ""
                                      : fmt::format(" where {} is {}", variable.dimensions[d].size, *declared)));
    if (tensor.extents[d] > std::numeric_limits<std::int32_t>::max())
      throw UserError(fmt::format("{}: `{}` has {} elements in dimension {}, more than an array can have", file,
                                  variable.name, tensor.extents[d], d + 1));
  }
}

} // namespace

std::optional<std::int64_t> checked_element_count(const std::vector<std::int64_t>& extents) {
  constexpr std::int64_t most_elements = std::int64_t{1} << 48;
  std::int64_t count = 1;
  for (const std::int64_t extent : extents) {
    // Extents of zero do not excuse what stands before or behind them.
    if (extent < 0 || extent > most_elements || (extent > 0 && count > most_elements / extent)) return std::nullopt;
    if (extent > 0) count *= extent;
  }
  return std::find(extents.begin(), extents.end(), 0) == extents.end() ? count : 0;
}

std::int64_t element_count(const std::vector<std::int64_t>& extents) {
  if (const auto count = checked_element_count(extents)) return *count;
  throw RuntimeError(fmt::format("an array of {} elements is more than any memory holds", fmt::join(extents, " x ")));
}

std::string element_name(const std::string& name, std::size_t position, std::span<const std::int64_t> extents) {
  if (extents.empty()) return name;
  std::vector<std::size_t> index(extents.size());
  for (std::size_t d = extents.size(); d-- > 0;) {
    index[d] = position % static_cast<std::size_t>(extents[d]) + 1;
    position /= static_cast<std::size_t>(extents[d]);
  }
  return fmt::format("{}[{}]", name, fmt::join(index, ","));
}

bool is_data(const VariableFact& variable) {
  return variable.role == Role::observed || variable.role == Role::design || variable.role == Role::underlying;
}

bool may_be_missing(const VariableFact& variable) {
  return variable.role == Role::observed || variable.role == Role::underlying;
}

bool may_be_absent(const VariableFact& variable, const ReadOptions& options) {
  if (options.wanted == Wanted::given_design) return variable.given_elements == GivenElements::perhaps;
  return variable.is_computed || (may_be_missing(variable) && !options.require_observed);
}

bool is_wanted(const VariableFact& variable, Wanted wanted) {
  if (wanted == Wanted::data) return is_data(variable);
  return (variable.role == Role::design && !variable.has_design_distribution) ||
         variable.given_elements != GivenElements::none;
}

std::optional<std::int64_t> declared_extent(const DimensionFact& dimension, const DataSet& data) {
  if (dimension.constant_size) return dimension.constant_size;
  return evaluate_size(dimension.size, [&](std::string_view name) -> std::optional<std::int64_t> {
    const auto found = data.variables.find(std::string(name));
    if (found == data.variables.end() || found->second.values.size() != 1 || !found->second.extents.empty()) return {};
    const double value = found->second.values[0];
    constexpr double largest = std::numeric_limits<std::int32_t>::max(); // of the model's integers
    return std::abs(value) <= largest ? std::optional(static_cast<std::int64_t>(value)) : std::nullopt;
  });
}

std::string nearest_candidate(const std::string& name, const std::vector<std::string>& candidates) {
  std::string best;
  int best_distance = std::max(1, static_cast<int>(name.size()) / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (lower_case(candidate) == lower_case(name)) return candidate;
    const int distance = edit_distance(name, candidate);
    if (distance < best_distance && distance < static_cast<int>(std::max(name.size(), candidate.size()))) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

DataSet conform(DataSet data, const Facts& facts, const std::string& file, const ReadOptions& options) {
  DataSet result;
  result.label = data.label;
  for (const VariableFact& variable : facts.variables) {
    if (!is_wanted(variable, options.wanted)) continue;
    const auto found = data.variables.find(variable.name);
    if (found == data.variables.end()) {
      if (may_be_absent(variable, options)) continue;
      if (is_power(variable)) {
        result.variables[variable.name] = {false, {}, {1}};
        continue;
      }
      missing_variable(variable, data, file);
    }
    Tensor tensor = std::move(found->second);
    check_shape(variable, tensor, result, file);
    if (variable.is_integer) check_integers(variable, tensor, file);
    tensor.is_integer = variable.is_integer;
    result.variables[variable.name] = std::move(tensor);
  }
  return result;
}

} // namespace sibyl
