// The registry of summary networks, and what a posterior is conditioned on.
//
// A summary network is a struct with its `info` and a static template
//   evaluate(backend, name, rows, offsets, config, inputs)
// which gives each data set config.summary_width numbers; `name` is what its weights' names begin with.
#pragma once

#include "runtime/networks/summaries/mlp.hpp"
#include "runtime/networks/summaries/sequence.hpp"
#include "runtime/networks/summaries/set.hpp"

#include <array>
#include <tuple>

namespace sibyl::networks {

// One line each.
using SummaryNetworks = std::tuple<SetNetwork, SequenceNetwork, ResidualNetwork>;

template <typename... Network>
constexpr std::array<SummaryNetworkInfo, sizeof...(Network)> summary_infos_of(std::tuple<Network...>*) {
  return {Network::info...};
}
inline constexpr auto summary_network_infos = summary_infos_of(static_cast<SummaryNetworks*>(nullptr));

template <typename Backend, typename... Network>
TensorOf<Backend> evaluate_summary(std::tuple<Network...>*, const std::string& kind, Backend& b,
                                   const std::string& name, const TensorOf<Backend>& rows, const Offsets& offsets,
                                   const NetworkConfig& config, std::size_t inputs) {
  TensorOf<Backend> result;
  ((kind == Network::info.name ? void(result = Network::evaluate(b, name, rows, offsets, config, inputs)) : void()),
   ...);
  return result;
}

// Direct inputs beside the learned summaries of each source (late fusion). The kinds are those of the catalogue.
template <typename Backend>
TensorOf<Backend> summarize(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& direct,
                            const std::vector<TensorOf<Backend>>& rows, const std::vector<const Offsets*>& offsets) {
  std::vector<TensorOf<Backend>> parts{direct};
  for (std::size_t i = 0; i < config.sources.size(); ++i)
    parts.push_back(evaluate_summary(static_cast<SummaryNetworks*>(nullptr), config.sources[i].network, b,
                                     "summary." + std::to_string(i), rows[i], *offsets[i], config,
                                     config.sources[i].width));
  return parts.size() == 1 ? direct : b.concatenate(parts);
}

inline std::size_t summary_size(const NetworkConfig& config) {
  return config.direct_width + config.sources.size() * config.summary_width;
}

} // namespace sibyl::networks
