#include "runtime/posterior/trained_range.hpp"

#include "lang/errors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sibyl {

namespace {

// Simulated values may have been through float.
constexpr double rounding = 1e-6;

bool is_same(double a, double b) {
  return a == b || std::abs(a - b) <= rounding * std::max(std::abs(a), std::abs(b));
}

// Beyond the extremes of the pilot simulations by more than this share of their distance values are outside: that of
// any new data set is beyond the extremes of two thousand once in a thousand.
constexpr double tolerated_excess = 0.1;

// Whether the posterior may depend on it.
bool is_condition(const VariableFact& fact) {
  return (fact.role == Role::observed || fact.role == Role::design) && !fact.only_generated;
}

[[noreturn]] void refuse(const std::string& label, const std::string& what, const std::string& found,
                         const std::string& trained, const std::string& variable) {
  throw UserError(
      fmt::format("{}{} is {}, and the sampler was trained with {}: it knows no other value; train it again "
                  "with this one, or give `{}` a distribution in the design block",
                  label.empty() ? "" : fmt::format("data set {}: ", label), what, found, trained, variable));
}

void check_fixed(const std::string& name, const Tensor& trained, const VariableBatch& variable, std::size_t data_set,
                 const std::string& label) {
  const std::span sizes(variable.sizes.data() + data_set * variable.rank(), variable.rank());
  if (!std::equal(sizes.begin(), sizes.end(), trained.extents.begin(), trained.extents.end()))
    refuse(label, fmt::format("the size of `{}`", name), fmt::format("{}", fmt::join(sizes, " x ")),
           fmt::format("{}", fmt::join(trained.extents, " x ")), name);
  for_each_element(sizes, variable.capacity, [&](std::size_t compact, std::size_t padded) {
    const double value = variable.row(data_set)[padded], expected = trained.values[compact];
    if (std::isnan(expected) || is_same(value, expected)) return;
    refuse(label, fmt::format("`{}`", element_name(name, compact, trained.extents)), fmt::format("{}", value),
           fmt::format("{}", expected), name);
  });
}

// Of an observed variable some elements may be given (an autoregression's first values): those that all pilot data sets
// have from the design. The others become NaN. False where there are none, or where sizes vary.
bool keep_given_elements(const VariableBatch& variable, std::size_t count, Tensor& given) {
  bool has_any = false;
  if (!variable.present || variable.rank() != given.extents.size()) return false;
  std::vector<bool> varies(given.values.size(), false);
  for (std::size_t i = 0; i < count; ++i) {
    const std::span sizes(variable.sizes.data() + i * variable.rank(), variable.rank());
    if (!std::equal(sizes.begin(), sizes.end(), given.extents.begin(), given.extents.end())) return false;
    for_each_element(sizes, variable.capacity, [&](std::size_t compact, std::size_t padded) {
      const double value = variable.row(i)[padded]; // NaN: dropped, to teach the network missing values
      if (!std::isnan(value) && !is_same(value, given.values[compact])) varies[compact] = true;
    });
  }
  for (std::size_t k = 0; k < given.values.size(); ++k) {
    if (varies[k]) given.values[k] = std::numeric_limits<double>::quiet_NaN();
    else has_any = true;
  }
  return has_any;
}

} // namespace

std::optional<TrainedRange::Interval> TrainedRange::range_of_elements(const std::string& name,
                                                                      const VariableBatch& variable, std::size_t first,
                                                                      std::size_t count) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Interval interval{name, element_values, infinity, -infinity};
  for (std::size_t i = first; i < first + count; ++i)
    for_each_element(std::span(variable.sizes.data() + i * variable.rank(), variable.rank()), variable.capacity,
                     [&](std::size_t, std::size_t padded) {
                       interval.low = std::fmin(interval.low, variable.row(i)[padded]);
                       interval.high = std::fmax(interval.high, variable.row(i)[padded]);
                     });
  if (!(interval.low <= interval.high)) return std::nullopt;
  return interval;
}

TrainedRange::TrainedRange(const Facts& facts, const std::optional<DataSet>& design, const DataBatch& pilot) {
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    const VariableFact& fact = facts.variables[v];
    if (!is_condition(fact)) continue;
    const VariableBatch& variable = pilot.variables[v];
    if (design && design->variables.count(fact.name)) {
      Tensor fixed = design->variables.at(fact.name);
      if (fact.role == Role::observed && !keep_given_elements(variable, pilot.count, fixed)) continue;
      fixed_.variables[fact.name] = std::move(fixed);
      continue;
    }
    if (!variable.present || pilot.count == 0) continue;
    const auto add = [&](int dimension, const auto& value_of) {
      Interval interval{fact.name, dimension, value_of(0), value_of(0)};
      for (std::size_t i = 1; i < pilot.count; ++i) {
        interval.low = std::min<double>(interval.low, value_of(i));
        interval.high = std::max<double>(interval.high, value_of(i));
      }
      intervals_.push_back(interval);
    };
    if (variable.rank() > 0 || fact.role == Role::observed)
      if (const auto interval = range_of_elements(fact.name, variable, 0, pilot.count);
          interval && std::isfinite(interval->high - interval->low))
        intervals_.push_back(*interval);
    if (variable.rank() == 0) {
      if (fact.role == Role::design) add(scalar_value, [&](std::size_t i) { return *variable.row(i); });
    } else {
      for (std::size_t d = 0; d < variable.rank(); ++d)
        // A size that is a variable is that variable's business.
        if (facts.find(fact.dimensions[d].size) < 0)
          add(static_cast<int>(d), [&](std::size_t i) { return static_cast<double>(variable.size(i, d)); });
    }
  }
}

std::vector<std::string> TrainedRange::check(const Facts& facts, const DataBatch& batch, std::size_t data_set,
                                             const std::string& label) const {
  std::vector<std::string> warnings;
  const auto find = [&](const std::string& name) -> const VariableBatch* {
    const int v = facts.find(name);
    if (v < 0 || !batch.variables[static_cast<std::size_t>(v)].present) return nullptr;
    return &batch.variables[static_cast<std::size_t>(v)];
  };
  for (const auto& [name, trained] : fixed_.variables)
    if (const VariableBatch* variable = find(name)) check_fixed(name, trained, *variable, data_set, label);
  for (const Interval& interval : intervals_) {
    const VariableBatch* variable = find(interval.variable);
    if (!variable || interval.dimension >= static_cast<int>(variable->rank())) continue;
    if (interval.dimension == element_values) {
      const auto found = range_of_elements(interval.variable, *variable, data_set, 1);
      const double excess = tolerated_excess * (interval.high - interval.low) +
                            rounding * std::max(std::abs(interval.low), std::abs(interval.high));
      if (!found || (found->low >= interval.low - excess && found->high <= interval.high + excess)) continue;
      warnings.push_back(fmt::format("`{}` reaches {:.6g}, outside of {:.6g} to {:.6g}, the range in training",
                                     interval.variable,
                                     found->high > interval.high + excess ? found->high : found->low, interval.low,
                                     interval.high));
      continue;
    }
    const bool is_scalar = interval.dimension == scalar_value;
    if (is_scalar != (variable->rank() == 0)) continue;
    const double value = is_scalar ? *variable->row(data_set)
                                   : variable->size(data_set, static_cast<std::size_t>(interval.dimension));
    const double slack = rounding * std::max(std::abs(interval.low), std::abs(interval.high));
    if (value >= interval.low - slack && value <= interval.high + slack) continue;
    const std::string what =
        is_scalar ? fmt::format("`{}`", interval.variable)
                  : fmt::format("the size of `{}` in dimension {}", interval.variable, interval.dimension + 1);
    if (interval.low == interval.high)
      refuse(label, what, fmt::format("{}", value), fmt::format("{}", interval.low), interval.variable);
    warnings.push_back(fmt::format("{} is {:.6g}, outside of {:.6g} to {:.6g}, the range in training", what, value,
                                   interval.low, interval.high));
  }
  return warnings;
}

nlohmann::json data_set_to_json(const DataSet& set) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [name, tensor] : set.variables) {
    nlohmann::json values = nlohmann::json::array();
    for (const double value : tensor.values)
      if (std::isfinite(value)) values.push_back(value);
      else values.push_back(std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    json[name] = {{"integer", tensor.is_integer}, {"extents", tensor.extents}, {"values", std::move(values)}};
  }
  return json;
}

DataSet data_set_from_json(const nlohmann::json& json) {
  DataSet set;
  for (const auto& [name, entry] : json.items()) {
    Tensor tensor{entry.at("integer"), entry.at("extents"), {}};
    for (const nlohmann::json& value : entry.at("values")) {
      if (value.is_string()) {
        const auto text = value.get<std::string>();
        constexpr double infinity = std::numeric_limits<double>::infinity();
        tensor.values.push_back(text == "inf"    ? infinity
                                : text == "-inf" ? -infinity
                                                 : std::numeric_limits<double>::quiet_NaN());
      } else {
        tensor.values.push_back(value.get<double>());
      }
    }
    if (checked_element_count(tensor.extents) != static_cast<std::int64_t>(tensor.values.size()))
      throw UserError("the sampler file is damaged: its design's `" + name + "` has not the size of its shape");
    set.variables[name] = std::move(tensor);
  }
  return set;
}

void to_json(nlohmann::json& json, const TrainedRange& range) {
  json = {{"fixed", data_set_to_json(range.fixed_)}, {"intervals", nlohmann::json::array()}};
  for (const TrainedRange::Interval& one : range.intervals_)
    json["intervals"].push_back({one.variable, one.dimension, one.low, one.high});
}

void from_json(const nlohmann::json& json, TrainedRange& range) {
  range.fixed_ = data_set_from_json(json.at("fixed"));
  range.intervals_.clear();
  for (const nlohmann::json& one : json.at("intervals"))
    range.intervals_.push_back({one.at(0), one.at(1), one.at(2), one.at(3)});
  for (const TrainedRange::Interval& one : range.intervals_)
    if (one.dimension < TrainedRange::element_values)
      throw UserError(fmt::format("the sampler file is damaged: the range in training of dimension {} of `{}`",
                                  one.dimension, one.variable));
}

} // namespace sibyl
