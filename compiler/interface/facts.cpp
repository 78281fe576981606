#include "compiler/interface/facts.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace sibyl {

using nlohmann::json;

NLOHMANN_JSON_SERIALIZE_ENUM(Role, {{Role::parameter, "parameter"},
                                    {Role::transformed_parameter, "transformed_parameter"},
                                    {Role::observed, "observed"},
                                    {Role::design, "design"},
                                    {Role::underlying, "underlying"},
                                    {Role::transformed_data, "transformed_data"},
                                    {Role::generated, "generated"}})
NLOHMANN_JSON_SERIALIZE_ENUM(DimensionKind, {{DimensionKind::exchangeable, "exchangeable"},
                                             {DimensionKind::sequential, "sequential"},
                                             {DimensionKind::fixed, "fixed"}})

NLOHMANN_JSON_SERIALIZE_ENUM(GivenElements, {{GivenElements::none, "none"},
                                             {GivenElements::perhaps, "perhaps"},
                                             {GivenElements::some, "some"}})

namespace {

json span_json(const Span& span) { return json::array({span.begin, span.end, span.source}); }
Span span_of(const json& value) { return {value.at(0), value.at(1), value.at(2)}; }

template <typename T>
json optional_json(const std::optional<T>& value) {
  return value ? json(*value) : json();
}
template <typename T>
std::optional<T> optional_of(const json& value) {
  return value.is_null() ? std::nullopt : std::optional<T>(value.get<T>());
}

json dimension_json(const DimensionFact& dimension) {
  return {{"size", dimension.size},
          {"constant_size", optional_json(dimension.constant_size)},
          {"kind", dimension.kind},
          {"reason", dimension.reason},
          {"plate", dimension.plate}};
}

DimensionFact dimension_of(const json& value) {
  DimensionFact dimension;
  dimension.size = value.at("size");
  dimension.constant_size = optional_of<std::int64_t>(value.at("constant_size"));
  dimension.kind = value.at("kind");
  dimension.reason = value.at("reason");
  dimension.plate = value.at("plate");
  return dimension;
}

json variable_json(const VariableFact& variable) {
  json dimensions = json::array();
  for (const DimensionFact& dimension : variable.dimensions) dimensions.push_back(dimension_json(dimension));
  return {{"name", variable.name},
          {"role", variable.role},
          {"is_integer", variable.is_integer},
          {"array_rank", variable.array_rank},
          {"base", variable.base},
          {"type", variable.type},
          {"dimensions", dimensions},
          {"transform", variable.transform},
          {"is_constrained_type", variable.is_constrained_type},
          {"lower", variable.lower},
          {"upper", variable.upper},
          {"constant_lower", optional_json(variable.constant_lower)},
          {"constant_upper", optional_json(variable.constant_upper)},
          {"has_design_distribution", variable.has_design_distribution},
          {"is_computed", variable.is_computed},
          {"is_size", variable.is_size},
          {"given_elements", variable.given_elements},
          {"unconstrained_size", variable.unconstrained_size},
          {"varies_with", variable.varies_with},
          {"only_generated", variable.only_generated},
          {"has_late_bound", variable.has_late_bound},
          {"span", span_json(variable.span)},
          {"drawn", span_json(variable.drawn)}};
}

VariableFact variable_of(const json& value) {
  VariableFact variable;
  variable.name = value.at("name");
  variable.role = value.at("role");
  variable.is_integer = value.at("is_integer");
  variable.array_rank = value.at("array_rank");
  variable.base = value.at("base");
  variable.type = value.at("type");
  for (const json& dimension : value.at("dimensions")) variable.dimensions.push_back(dimension_of(dimension));
  variable.transform = value.at("transform");
  variable.is_constrained_type = value.at("is_constrained_type");
  variable.lower = value.at("lower");
  variable.upper = value.at("upper");
  variable.constant_lower = optional_of<double>(value.at("constant_lower"));
  variable.constant_upper = optional_of<double>(value.at("constant_upper"));
  variable.has_design_distribution = value.at("has_design_distribution");
  variable.is_computed = value.at("is_computed");
  variable.is_size = value.at("is_size");
  variable.given_elements = value.at("given_elements");
  variable.unconstrained_size = value.at("unconstrained_size");
  variable.varies_with = value.at("varies_with");
  variable.only_generated = value.at("only_generated");
  variable.has_late_bound = value.value("has_late_bound", false);
  variable.span = span_of(value.at("span"));
  variable.drawn = span_of(value.at("drawn"));
  return variable;
}

} // namespace

const char* name_of(Role role) {
  static constexpr const char* names[] = {"parameter",  "transformed parameter", "observed", "design",
                                          "underlying", "transformed data",      "generated"};
  return names[static_cast<int>(role)];
}
const char* name_of(DimensionKind kind) {
  static constexpr const char* names[] = {"exchangeable", "sequential", "fixed"};
  return names[static_cast<int>(kind)];
}

const VariableFact* Facts::with_late_bound() const {
  const auto found =
      std::find_if(variables.begin(), variables.end(), [](const VariableFact& one) { return one.has_late_bound; });
  return found == variables.end() ? nullptr : &*found;
}

int Facts::find(const std::string& name) const {
  for (std::size_t i = 0; i < variables.size(); ++i)
    if (variables[i].name == name) return static_cast<int>(i);
  return -1;
}

void to_json(json& value, const Facts& facts) {
  json variables = json::array(), plates = json::array(), remarks = json::array();
  for (const VariableFact& variable : facts.variables) variables.push_back(variable_json(variable));
  for (const Plate& plate : facts.plates)
    plates.push_back({{"size", plate.size}, {"parent", plate.parent}, {"size_variable", plate.size_variable}});
  for (const Remark& remark : facts.remarks)
    remarks.push_back({{"span", span_json(remark.span)}, {"text", remark.text}});
  value = {{"variables", variables},
           {"plates", plates},
           {"latents", facts.latents},
           {"is_generative", facts.is_generative},
           {"not_generative", {{"span", span_json(facts.not_generative.span)}, {"text", facts.not_generative.text}}},
           {"simulates_data", facts.simulates_data},
           {"no_data_simulation",
            {{"span", span_json(facts.no_data_simulation.span)}, {"text", facts.no_data_simulation.text}}},
           {"has_density", facts.has_density},
           {"no_density", {{"span", span_json(facts.no_density.span)}, {"text", facts.no_density.text}}},
           {"allows_single_precision", facts.allows_single_precision},
           {"needs_double", {{"span", span_json(facts.needs_double.span)}, {"text", facts.needs_double.text}}},
           {"remarks", remarks}};
}

void from_json(const json& value, Facts& facts) {
  facts = {};
  for (const json& variable : value.at("variables")) facts.variables.push_back(variable_of(variable));
  for (const json& plate : value.at("plates"))
    facts.plates.push_back({plate.at("size"), plate.at("parent"), plate.at("size_variable")});
  facts.latents = value.at("latents").get<std::vector<std::string>>();
  facts.is_generative = value.at("is_generative");
  facts.not_generative = {span_of(value.at("not_generative").at("span")), value.at("not_generative").at("text")};
  facts.simulates_data = value.at("simulates_data");
  facts.no_data_simulation = {span_of(value.at("no_data_simulation").at("span")),
                              value.at("no_data_simulation").at("text")};
  facts.has_density = value.at("has_density");
  facts.no_density = {span_of(value.at("no_density").at("span")), value.at("no_density").at("text")};
  facts.allows_single_precision = value.at("allows_single_precision");
  facts.needs_double = {span_of(value.at("needs_double").at("span")), value.at("needs_double").at("text")};
  for (const json& remark : value.at("remarks"))
    facts.remarks.push_back({span_of(remark.at("span")), remark.at("text")});
}

} // namespace sibyl
