#include "runtime/networks/network_config.hpp"

#include "lang/errors.hpp"
#include "runtime/networks/spline.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace sibyl {

namespace {

// What a file asks for is not trusted: kernels have fixed room, and an unknown network would be left out silently.
void check(const NetworkConfig& config) {
  const auto refuse = [](const std::string& what) {
    throw UserError("this version of Sibyl has no such networks: " + what);
  };
  if (config.family != "spline_flow") refuse("family `" + config.family + "`");
  for (const SourceConfig& source : config.sources)
    if (source.network != "set" && source.network != "sequence" && source.network != "mlp")
      refuse("summary network `" + source.network + "`");
  const auto within = [&](const char* name, std::size_t value, std::size_t least, std::size_t most) {
    if (value < least || value > most) refuse(std::string(name) + " = " + std::to_string(value));
  };
  constexpr std::size_t large = 1 << 20; // so that products of two sizes stay far from overflow
  within("dimension", config.dimension, 1, large);
  within("direct_width", config.direct_width, 0, large);
  within("summary_width", config.summary_width, 1, large);
  within("row_width", config.row_width, 1, large);
  within("layers", config.layers, 1, large);
  within("hidden", config.hidden, 1, large);
  within("bins", config.bins, 1, spline::most_bins);
  for (const SourceConfig& source : config.sources) within("width", source.width, 1, large);
}

} // namespace

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SourceConfig, network, width)

void to_json(nlohmann::json& json, const NetworkConfig& config) {
  json = {{"dimension", config.dimension},
          {"direct_width", config.direct_width},
          {"sources", config.sources},
          {"summary_width", config.summary_width},
          {"row_width", config.row_width},
          {"family", config.family},
          {"layers", config.layers},
          {"hidden", config.hidden},
          {"bins", config.bins}};
}

void from_json(const nlohmann::json& json, NetworkConfig& config) {
  json.at("dimension").get_to(config.dimension);
  json.at("direct_width").get_to(config.direct_width);
  json.at("sources").get_to(config.sources);
  json.at("summary_width").get_to(config.summary_width);
  json.at("row_width").get_to(config.row_width);
  json.at("family").get_to(config.family);
  json.at("layers").get_to(config.layers);
  json.at("hidden").get_to(config.hidden);
  json.at("bins").get_to(config.bins);
  check(config);
}

} // namespace sibyl
