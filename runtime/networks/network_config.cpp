#include "runtime/networks/network_config.hpp"

#include <nlohmann/json.hpp>

namespace sibyl {

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
}

} // namespace sibyl
