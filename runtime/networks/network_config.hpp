// The shape of a posterior's networks: all that is needed, beside the weights, to evaluate them.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace sibyl {

struct SourceConfig {
  std::string network;   // a name of the catalogue: "set", "sequence", "mlp"
  std::size_t width = 0; // inputs per row
};

struct NetworkConfig {
  std::size_t dimension = 1;    // parameters
  std::size_t direct_width = 0; // direct inputs
  std::vector<SourceConfig> sources;
  std::size_t summary_width = 32;           // learned summaries per source
  std::size_t row_width = 64;               // hidden units per row
  std::string family = "spline_flow";       // a name of the catalogue
  std::map<std::string, std::size_t> sizes; // the family's, where they are not its initial ones

  // One of the family's sizes.
  std::size_t size(std::string_view name) const;
};

void to_json(nlohmann::json& json, const NetworkConfig& config);
// Throws UserError where this version has no such networks.
void from_json(const nlohmann::json& json, NetworkConfig& config);

} // namespace sibyl
