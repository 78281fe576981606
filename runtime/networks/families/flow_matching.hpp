// Flow matching (Lipman et al. 2023): a velocity that carries the standard normal to the posterior in unit time.
// Training is a regression, without a change of variables; a draw takes many evaluations, and a density their
// divergences.
#pragma once

#include "runtime/networks/catalogue.hpp"
#include "runtime/networks/families/continuous_flow.hpp"

namespace sibyl::networks {

struct FlowMatching : ContinuousFlow<FlowMatching> {
  static constexpr FamilySize sizes[] = {
      {"layers", 4, 1, 1 << 20}, {"hidden", 128, 1, 1 << 20}, {"steps", 8, 1, 1 << 20}};
  static constexpr PosteriorFamilyInfo info{
      "flow_matching", "continuous flow trained by regression: slower draws, for modes far apart", sizes, false};

  static constexpr const char* integration_steps = "steps";
  static constexpr std::size_t velocity_features = time_features;
  static std::vector<float> describe_times(const std::vector<float>& times) {
    std::vector<float> values;
    for (const float t : times) append_time(t, values);
    return values;
  }

  template <typename Backend>
  static TensorOf<Backend> loss(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& z,
                                const TensorOf<Backend>& context) {
    return velocity_loss(b, config, z, context);
  }

  template <typename Backend>
  static TensorOf<Backend> sample(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& base,
                                  const TensorOf<Backend>& context, TensorOf<Backend>* density) {
    if (density) *density = standard_normal(b, base, config.dimension);
    return integrate(b, config, base, context, 0, 1, density);
  }
};

} // namespace sibyl::networks
