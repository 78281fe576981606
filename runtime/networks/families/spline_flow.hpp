// A conditional coupling flow of splines (Durkan et al. 2019): one evaluation gives a draw with its density.
#pragma once

#include "runtime/networks/catalogue.hpp"
#include "runtime/networks/families/standard_normal.hpp"
#include "runtime/networks/network_config.hpp"
#include "runtime/networks/spline.hpp"

#include <algorithm>

namespace sibyl::networks {

struct SplineFlow {
  static constexpr FamilySize sizes[] = {
      {"layers", 6, 1, 1 << 20}, {"hidden", 96, 1, 1 << 20}, {"bins", 10, 1, spline::most_bins}};
  static constexpr PosteriorFamilyInfo info{"spline_flow", "coupling flow of splines: fast draws with their density",
                                            sizes, true};

  // Which parameters a layer maps; the others condition it. One parameter alone is mapped by every layer.
  static void split(std::size_t dimension, std::size_t layer, std::vector<std::size_t>& passive,
                    std::vector<std::size_t>& active) {
    passive.clear();
    active.clear();
    // Halves that change from pair to pair of layers, so that every parameter comes to condition every other.
    const std::size_t stride = 1 + layer / 2 % std::max<std::size_t>(1, dimension / 2);
    for (std::size_t i = 0; i < dimension; ++i)
      ((i / stride + layer) % 2 == 0 || dimension == 1 ? active : passive).push_back(i);
    if (active.empty()) std::swap(active, passive);
  }

  template <typename Backend>
  static TensorOf<Backend> context(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& summary,
                                   std::size_t conditions) {
    const TensorOf<Backend> x = layer(b, "flow.context.1", summary, conditions, hidden(config));
    return b.add(x, layer(b, "flow.context.2", x, hidden(config), hidden(config)));
  }

  // The numbers of the splines of one layer: zero at first, so that the flow starts as the identity.
  template <typename Backend>
  static TensorOf<Backend> numbers_of_layer(Backend& b, const NetworkConfig& config, std::size_t index,
                                            const TensorOf<Backend>& passive, std::size_t passive_count,
                                            std::size_t active_count, const TensorOf<Backend>& context) {
    const std::string name = "flow." + std::to_string(index);
    const std::size_t numbers = active_count * spline::numbers_per_value(config.size("bins"));
    // Far out, where nothing was learned, what the others are told of a parameter changes no more.
    // The draws of one data set share its context: the backend that samples multiplies it once.
    TensorOf<Backend> x = b.activate(
        b.joint_linear(b.bounded(passive, largest_condition), context,
                       b.parameter(name + ".1.weight", passive_count + hidden(config), hidden(config), Initial::scaled),
                       b.parameter(name + ".1.bias", 1, hidden(config), Initial::zero)));
    x = b.add(x, layer(b, name + ".2", x, hidden(config), hidden(config)));
    return linear(b, name + ".numbers", x, hidden(config), numbers, Initial::zero);
  }

  // From z to the standard normal; adds each row's log |d base / d z| to log_slope.
  template <typename Backend>
  static TensorOf<Backend> forward(Backend& b, const NetworkConfig& config, TensorOf<Backend> z,
                                   const TensorOf<Backend>& context, TensorOf<Backend>& log_slope) {
    std::vector<std::size_t> passive, active;
    for (std::size_t l = 0; l < config.size("layers"); ++l) {
      split(config.dimension, l, passive, active);
      const TensorOf<Backend> kept = b.columns(z, passive);
      const TensorOf<Backend> numbers = numbers_of_layer(b, config, l, kept, passive.size(), active.size(), context);
      const TensorOf<Backend> mapped = b.spline(b.columns(z, active), numbers, config.size("bins"), log_slope);
      z = b.merge(kept, passive, mapped, active);
    }
    return z;
  }

  // The other way; adds the same log |d base / d z|.
  template <typename Backend>
  static TensorOf<Backend> inverse(Backend& b, const NetworkConfig& config, TensorOf<Backend> base,
                                   const TensorOf<Backend>& context, TensorOf<Backend>& log_slope) {
    std::vector<std::size_t> passive, active;
    for (std::size_t l = config.size("layers"); l-- > 0;) {
      split(config.dimension, l, passive, active);
      const TensorOf<Backend> kept = b.columns(base, passive);
      const TensorOf<Backend> numbers = numbers_of_layer(b, config, l, kept, passive.size(), active.size(), context);
      const TensorOf<Backend> mapped =
          b.inverse_spline(b.columns(base, active), numbers, config.size("bins"), log_slope);
      base = b.merge(kept, passive, mapped, active);
    }
    return base;
  }

  template <typename Backend>
  static TensorOf<Backend> log_density(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& z,
                                       const TensorOf<Backend>& context) {
    TensorOf<Backend> log_slope = b.zeros(b.row_count(z), 1);
    const TensorOf<Backend> base = forward(b, config, z, context, log_slope);
    return b.add(log_slope, standard_normal(b, base, config.dimension));
  }

  // The mean negative log density is what training minimizes.
  template <typename Backend>
  static TensorOf<Backend> loss(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& z,
                                const TensorOf<Backend>& context) {
    return b.scale(log_density(b, config, z, context), -1);
  }

  template <typename Backend>
  static TensorOf<Backend> sample(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& base,
                                  const TensorOf<Backend>& context, TensorOf<Backend>* density) {
    TensorOf<Backend> log_slope = b.zeros(b.row_count(base), 1);
    TensorOf<Backend> z = inverse(b, config, base, context, log_slope);
    if (density) *density = b.add(log_slope, standard_normal(b, base, config.dimension));
    return z;
  }

 private:
  static constexpr double largest_condition = 8;
  static std::size_t hidden(const NetworkConfig& config) { return config.size("hidden"); }
};

} // namespace sibyl::networks
