#include "runtime/inputs/input_plan.hpp"

#include "lang/errors.hpp"
#include "runtime/frames/winsorize.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace sibyl {

namespace {

// Robust center and scale: median and quartile distance; where half of the values are the same, the usual distance of
// the others from it.
void fit_scale(InputColumn& column, std::vector<double> values) {
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  if (values.size() < 2) return;
  std::sort(values.begin(), values.end());
  const double quartiles = values[values.size() * 3 / 4] - values[values.size() / 4];
  column.center = values[values.size() / 2];
  if (quartiles > 0) {
    column.scale = quartiles / quartile_distance_of_normal;
    return;
  }
  std::vector<double> distances;
  for (const double value : values)
    if (value != column.center) distances.push_back(std::abs(value - column.center));
  if (distances.empty()) return;
  const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
  std::nth_element(distances.begin(), middle, distances.end());
  column.scale = *middle;
}

class Planner {
 public:
  Planner(const Facts& facts, const DataBatch& pilot, const PlanOptions& options)
      : facts_(facts), pilot_(pilot), options_(options) {}

  InputPlan run() {
    plan_.allows_missing = options_.allows_missing;
    check_overrides();
    for (std::size_t v = 0; v < facts_.variables.size(); ++v)
      if (is_input(facts_.variables[v]) && pilot_.variables[v].present) place(v);
    for (const std::string& key : group_order_) add_rows(groups_.at(key));
    add_fixed_values();
    return std::move(plan_);
  }

 private:
  struct Group {
    std::string size;
    std::vector<std::size_t> variables;
  };

  static bool is_input(const VariableFact& variable) {
    return variable.role == Role::observed || variable.role == Role::design;
  }

  void check_overrides() const {
    for (const auto& [name, network] : options_.networks) {
      find_summary_network(network);
      const int found = facts_.find(name);
      if (found < 0 || !is_input(facts_.variables[static_cast<std::size_t>(found)]))
        throw UserError(fmt::format("a summary network for `{}`: the model has no such data variable", name));
    }
  }

  // The network that the user wants for a variable; "": none.
  std::string wanted_network(std::size_t v) const {
    const auto found = options_.networks.find(facts_.variables[v].name);
    return found == options_.networks.end() ? "" : found->second;
  }

  static bool reads_one_row(const std::string& network) {
    return find_summary_network(network).reads == RowOrder::one_row;
  }

  // Whether the extents of the dimensions from `first` on are the same in all pilot data sets.
  bool constant_extents(std::size_t v, std::size_t first) const {
    const VariableBatch& variable = pilot_.variables[v];
    for (std::size_t i = 1; i < pilot_.count; ++i)
      for (std::size_t d = first; d < variable.rank(); ++d)
        if (variable.size(i, d) != variable.size(0, d)) return false;
    return true;
  }

  bool varies_between_data_sets(std::size_t v) const {
    const VariableBatch& variable = pilot_.variables[v];
    if (!constant_extents(v, 0)) return true;
    for (std::size_t i = 1; i < pilot_.count; ++i)
      for (std::size_t flat = 0; flat < variable.stride(); ++flat) {
        const double value = variable.row(i)[flat], first = variable.row(0)[flat];
        if (value != first && !(std::isnan(value) && std::isnan(first))) return true;
      }
    return false;
  }

  // The row group that a variable belongs to, "" when its values are fixed places.
  std::string group_key(std::size_t v) const {
    const VariableFact& variable = facts_.variables[v];
    if (variable.dimensions.empty()) return "";
    const DimensionFact& rows = variable.dimensions[0];
    if (const std::string network = wanted_network(v); !network.empty())
      return reads_one_row(network) ? "" : "size:" + rows.size;
    if (rows.kind == DimensionKind::fixed && rows.plate < 0 && constant_extents(v, 0) && !joins_sequence(rows.size))
      return "";
    return rows.plate >= 0 ? fmt::format("plate:{}", rows.plate) : "size:" + rows.size;
  }

  // A covariate along the time of an observed sequence belongs to its rows.
  bool joins_sequence(const std::string& size) const {
    return std::any_of(facts_.variables.begin(), facts_.variables.end(), [&](const VariableFact& variable) {
      return variable.role == Role::observed && !variable.dimensions.empty() && variable.dimensions[0].size == size &&
             variable.dimensions[0].kind == DimensionKind::sequential;
    });
  }

  void place(std::size_t v) {
    const VariableFact& variable = facts_.variables[v];
    const std::string key = group_key(v);
    if (!key.empty()) {
      if (!groups_.count(key)) {
        group_order_.push_back(key);
        groups_[key].size = variable.dimensions[0].size;
      }
      groups_[key].variables.push_back(v);
      return;
    }
    if (!varies_between_data_sets(v)) return; // the same in all data sets: tells nothing
    if (!constant_extents(v, 0))
      throw UserError(
          fmt::format("no summary network reads `{}` ({}): its positions are not exchangeable, and their number "
                      "varies between data sets",
                      variable.name, variable.type));
    add_columns(v, 0, fixed_);
  }

  // One column per element of the dimensions from `first` on.
  void add_columns(std::size_t v, std::size_t first, std::vector<InputColumn>& columns) {
    const VariableFact& fact = facts_.variables[v];
    const VariableBatch& variable = pilot_.variables[v];
    std::vector<std::int32_t> extents;
    for (std::size_t d = first; d < variable.rank(); ++d) extents.push_back(variable.size(0, d));
    std::vector<std::int64_t> element(extents.size(), 0);
    std::int64_t count = 1;
    for (const std::int32_t extent : extents) count *= extent;
    for (std::int64_t i = 0; i < count; ++i) {
      InputColumn column;
      column.variable = fact.name;
      column.element = element;
      column.observed = fact.role == Role::observed;
      choose_encoding(v, first, column);
      columns.push_back(std::move(column));
      for (std::size_t d = element.size(); d-- > 0 && ++element[d] == extents[d];) element[d] = 0;
    }
  }

  void choose_encoding(std::size_t v, std::size_t row_dimensions, InputColumn& column) {
    const VariableFact& fact = facts_.variables[v];
    const VariableBatch& variable = pilot_.variables[v];
    if (fact.is_size && fact.dimensions.empty()) {
      column.encoding = Encoding::size;
      return;
    }
    std::vector<double> values;
    for (std::size_t i = 0; i < pilot_.count; ++i) {
      const std::int32_t rows = row_dimensions == 0 ? 1 : variable.size(i, 0);
      for (std::int32_t row = 0; row < rows; ++row) {
        std::size_t flat = static_cast<std::size_t>(row);
        for (std::size_t d = 0; d < column.element.size(); ++d)
          flat = flat * static_cast<std::size_t>(variable.capacity[d + row_dimensions]) +
                 static_cast<std::size_t>(column.element[d]);
        values.push_back(variable.row(i)[flat]);
      }
    }
    if (fact.is_integer && !fact.lower.empty() && !fact.upper.empty()) {
      // Ends that the text does not fix (upper=J) are those of the pilot.
      const auto [least, most] = std::minmax_element(values.begin(), values.end());
      const double low = fact.constant_lower.value_or(values.empty() ? 0 : *least);
      const double high = fact.constant_upper.value_or(values.empty() ? 0 : *most);
      const double count = high - low + 1;
      if (count >= 2 && count <= static_cast<double>(options_.largest_level_count)) {
        column.encoding = Encoding::indicators;
        column.first_level = static_cast<std::int64_t>(low);
        column.level_count = static_cast<std::int64_t>(count);
        return;
      }
    }
    fit_scale(column, std::move(values));
  }

  void add_rows(const Group& group) {
    InputSource source;
    source.size = group.size;
    bool has_observed = false, is_sequential = false, is_exchangeable = true;
    std::string wanted;
    for (const std::size_t v : group.variables) {
      const VariableFact& variable = facts_.variables[v];
      const DimensionFact& rows = variable.dimensions[0];
      if (const std::string network = wanted_network(v); !network.empty()) wanted = network;
      // A covariate's order counts too: a set network would lose it.
      is_exchangeable &= rows.kind == DimensionKind::exchangeable;
      if (variable.role == Role::observed) {
        has_observed = true;
        source.reason = rows.reason;
        is_sequential |= rows.kind == DimensionKind::sequential;
      }
      if (!constant_extents(v, 1))
        throw UserError(
            fmt::format("no summary network reads `{}` ({}): its inner sizes vary between data sets, and sets of "
                        "sets are not available yet; give it as long data with a group index",
                        variable.name, variable.type));
      if (variable.dimensions.size() > 1 && variable.dimensions[1].kind == DimensionKind::exchangeable &&
          variable.role == Role::observed)
        plan_.notes.push_back(
            fmt::format("{}: the nested dimension {} is read as columns, in order; sets of sets are not "
                        "available yet",
                        variable.name, variable.dimensions[1].size));
      add_columns(v, 1, source.columns);
    }
    // Covariates of groups, say: without observed values beside them their places matter.
    if (!has_observed) {
      for (const std::size_t v : group.variables)
        if (constant_extents(v, 0)) {
          if (varies_between_data_sets(v)) add_columns(v, 0, fixed_);
          std::erase_if(source.columns, [&](const InputColumn& c) { return c.variable == facts_.variables[v].name; });
        }
      if (source.columns.empty()) return;
    }
    source.network = !wanted.empty() ? wanted : is_sequential || !is_exchangeable ? "sequence" : "set";
    plan_.sources.push_back(std::move(source));
  }

  void add_fixed_values() {
    std::size_t width = 0, observed = 0;
    for (const InputColumn& column : fixed_) {
      width += column.width();
      observed += column.observed;
    }
    const auto forced = std::find_if(options_.networks.begin(), options_.networks.end(),
                                     [](const auto& entry) { return reads_one_row(entry.second); });
    if (observed == 0 || (width <= options_.largest_direct && forced == options_.networks.end())) {
      plan_.direct = std::move(fixed_);
      return;
    }
    InputSource source;
    source.network = forced == options_.networks.end() ? "mlp" : forced->second;
    source.reason = fmt::format("{} fixed values", width);
    for (InputColumn& column : fixed_)
      (column.encoding == Encoding::size ? plan_.direct : source.columns).push_back(std::move(column));
    plan_.sources.push_back(std::move(source));
  }

  const Facts& facts_;
  const DataBatch& pilot_;
  const PlanOptions& options_;
  InputPlan plan_;
  std::map<std::string, Group> groups_;
  std::vector<std::string> group_order_;
  std::vector<InputColumn> fixed_;
};

constexpr std::int64_t largest_level_count = 1 << 16; // that any file has

const char* encoding_name(Encoding encoding) {
  switch (encoding) {
  case Encoding::value: return "value";
  case Encoding::size: return "size";
  case Encoding::indicators: return "indicators";
  }
  throw InternalError("an encoding without a name");
}

Encoding encoding_from(const std::string& text) {
  for (const Encoding encoding : {Encoding::value, Encoding::size, Encoding::indicators})
    if (text == encoding_name(encoding)) return encoding;
  throw UserError(fmt::format("the sampler file has an input encoding `{}` that this version does not know", text));
}

// "rt, response (2 levels)": each variable once.
std::string describe_columns(const std::vector<InputColumn>& columns) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < columns.size();) {
    std::size_t end = i;
    while (end < columns.size() && columns[end].variable == columns[i].variable) ++end;
    std::string part =
        columns[i].encoding == Encoding::size ? fmt::format("log {}", columns[i].variable) : columns[i].variable;
    if (columns[i].encoding == Encoding::indicators) part += fmt::format(" ({} levels)", columns[i].level_count);
    if (end - i > 1) part += fmt::format(" ({} values)", end - i);
    parts.push_back(std::move(part));
    i = end;
  }
  return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, ", "));
}

nlohmann::json column_json(const InputColumn& column) {
  return {{"variable", column.variable},
          {"element", column.element},
          {"encoding", encoding_name(column.encoding)},
          {"first_level", column.first_level},
          {"level_count", column.level_count},
          {"observed", column.observed},
          {"center", column.center},
          {"scale", column.scale}};
}

// What a file says is not trusted: places become addresses, and counts of levels become widths.
void check(const InputColumn& column) {
  constexpr std::int64_t large = std::int64_t{1} << 31;
  const bool has_places = std::all_of(column.element.begin(), column.element.end(),
                                      [](std::int64_t place) { return place >= 0 && place < large; });
  const bool has_scale = std::isfinite(column.center) && std::isfinite(column.scale) && column.scale > 0;
  const bool has_levels = column.encoding != Encoding::indicators ||
                          (column.level_count >= 1 && column.level_count <= largest_level_count &&
                           std::abs(column.first_level) < large);
  if (!has_places || !has_scale || !has_levels)
    throw UserError(fmt::format("the sampler file is damaged: its column of `{}` cannot be read", column.variable));
}

std::vector<InputColumn> columns_from(const nlohmann::json& json) {
  std::vector<InputColumn> columns;
  for (const nlohmann::json& entry : json) {
    columns.push_back({entry.at("variable"), entry.at("element"), encoding_from(entry.at("encoding")),
                       entry.at("first_level"), entry.at("level_count"), entry.at("observed"), entry.at("center"),
                       entry.at("scale")});
    check(columns.back());
  }
  return columns;
}

nlohmann::json columns_json(const std::vector<InputColumn>& columns) {
  nlohmann::json json = nlohmann::json::array();
  for (const InputColumn& column : columns) json.push_back(column_json(column));
  return json;
}

} // namespace

InputPlan make_input_plan(const Facts& facts, const DataBatch& pilot, const PlanOptions& options) {
  return Planner(facts, pilot, options).run();
}

std::string describe(const InputPlan& plan) {
  std::string text;
  for (const InputSource& source : plan.sources)
    text +=
        fmt::format("summary network: {}{} reads {}{}\n", source.network,
                    source.size.empty() ? "" : fmt::format(" over {}", source.size), describe_columns(source.columns),
                    source.reason.empty() ? "" : fmt::format(" ({})", source.reason));
  if (plan.sources.empty()) text += "summary network: none\n";
  text += fmt::format("direct inputs: {}\n", describe_columns(plan.direct));
  for (const std::string& note : plan.notes) text += fmt::format("note: {}\n", note);
  return text;
}

void to_json(nlohmann::json& json, const InputPlan& plan) {
  json = {{"direct", columns_json(plan.direct)}, {"allows_missing", plan.allows_missing}, {"notes", plan.notes}};
  json["sources"] = nlohmann::json::array();
  for (const InputSource& source : plan.sources)
    json["sources"].push_back({{"kind", source.network},
                               {"size", source.size},
                               {"reason", source.reason},
                               {"columns", columns_json(source.columns)}});
}

void from_json(const nlohmann::json& json, InputPlan& plan) {
  plan.direct = columns_from(json.at("direct"));
  plan.allows_missing = json.at("allows_missing");
  plan.notes = json.at("notes").get<std::vector<std::string>>();
  for (const nlohmann::json& entry : json.at("sources"))
    plan.sources.push_back({std::string(find_summary_network(entry.at("kind").get<std::string>()).name),
                            entry.at("size"), entry.at("reason"), columns_from(entry.at("columns"))});
  for (const InputSource& source : plan.sources)
    if (source.columns.empty()) throw UserError("the sampler file is damaged: a summary network reads nothing");
}

} // namespace sibyl
