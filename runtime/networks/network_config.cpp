#include "runtime/networks/network_config.hpp"

#include "lang/errors.hpp"
#include "runtime/networks/catalogue.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace sibyl {

namespace {

// What a file asks for is not trusted: kernels have fixed room, and products of two sizes must stay far from overflow.
void check(const NetworkConfig& config) {
  const auto within = [](std::string_view name, std::size_t value, std::size_t least, std::size_t most) {
    if (value < least || value > most)
      throw UserError("this version of Sibyl has no such networks: " + std::string(name) + " = " +
                      std::to_string(value));
  };
  constexpr std::size_t large = 1 << 20;
  within("dimension", config.dimension, 1, large);
  within("direct_width", config.direct_width, 0, large);
  within("summary_width", config.summary_width, 1, large);
  within("row_width", config.row_width, 1, large);
  for (const FamilySize& size : find_posterior_family(config.family).sizes)
    within(size.name, config.size(size.name), size.least, size.most);
  for (const SourceConfig& source : config.sources) {
    find_summary_network(source.network);
    within("width", source.width, 1, large);
  }
}

} // namespace

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SourceConfig, network, width)

std::size_t NetworkConfig::size(std::string_view name) const {
  if (const auto found = sizes.find(std::string(name)); found != sizes.end()) return found->second;
  for (const FamilySize& size : find_posterior_family(family).sizes)
    if (size.name == name) return size.initial;
  throw InternalError("the family " + family + " has no size " + std::string(name));
}

void to_json(nlohmann::json& json, const NetworkConfig& config) {
  json = {{"dimension", config.dimension},         {"direct_width", config.direct_width}, {"sources", config.sources},
          {"summary_width", config.summary_width}, {"row_width", config.row_width},       {"family", config.family}};
  // All of them, so that a file means the same where another version starts from other sizes.
  for (const FamilySize& size : find_posterior_family(config.family).sizes)
    json[std::string(size.name)] = config.size(size.name);
}

void from_json(const nlohmann::json& json, NetworkConfig& config) {
  json.at("dimension").get_to(config.dimension);
  json.at("direct_width").get_to(config.direct_width);
  json.at("sources").get_to(config.sources);
  json.at("summary_width").get_to(config.summary_width);
  json.at("row_width").get_to(config.row_width);
  json.at("family").get_to(config.family);
  for (const FamilySize& size : find_posterior_family(config.family).sizes)
    json.at(std::string(size.name)).get_to(config.sizes[std::string(size.name)]);
  check(config);
}

} // namespace sibyl
