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

  // Each row's mean squared error of the velocity at a time that is uniform on the clock, on the straight line from a
  // standard normal point to z. Its expectation is least for the velocity that carries the one distribution to the
  // other (eq. 9 of the paper).
  template <typename Backend>
  static TensorOf<Backend> loss(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& z,
                                const TensorOf<Backend>& context) {
    const auto rows = static_cast<std::size_t>(b.row_count(z));
    std::vector<float> times = b.uniforms(rows);
    // One in each stratum, so that every batch sees all times.
    for (std::size_t i = 0; i < rows; ++i)
      times[i] = static_cast<float>(time_at((static_cast<double>(i) + times[i]) / static_cast<double>(rows)));
    const TensorOf<Backend> base = b.normal(rows, config.dimension);
    const TensorOf<Backend> straight = b.add_scaled(z, base, -1);
    const TensorOf<Backend> along = repeat(b, times, config.dimension, [](double t) { return t; });
    const TensorOf<Backend> at = b.add(base, b.multiply(straight, along));
    const TensorOf<Backend> error = b.add_scaled(rate(b, config, at, times, context), straight, -1);
    return b.scale(b.row_squares(error), 1 / static_cast<double>(config.dimension));
  }

  template <typename Backend>
  static TensorOf<Backend> sample(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& base,
                                  const TensorOf<Backend>& context, TensorOf<Backend>* density) {
    if (density) *density = standard_normal(b, base, config.dimension);
    return integrate(b, config, base, context, 0, 1, density);
  }
};

} // namespace sibyl::networks
