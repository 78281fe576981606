// Flow matching (Lipman et al. 2023): a velocity that carries the standard normal to the posterior in unit time.
// Training is a regression, without a change of variables; a draw takes many evaluations, and a density their
// divergences.
//
// The velocity is the one that carries the standard normal to itself, plus a network that is zero at first: untrained,
// the family is the frame's own normal distribution.
#pragma once

#include "runtime/networks/catalogue.hpp"
#include "runtime/networks/directional.hpp"
#include "runtime/networks/families/standard_normal.hpp"
#include "runtime/networks/network_config.hpp"

#include <cmath>
#include <numbers>

namespace sibyl::networks {

struct FlowMatching {
  static constexpr FamilySize sizes[] = {
      {"layers", 4, 1, 1 << 20}, {"hidden", 128, 1, 1 << 20}, {"steps", 8, 1, 1 << 20}};
  static constexpr PosteriorFamilyInfo info{
      "flow_matching", "continuous flow trained by regression: slower draws, for modes far apart", sizes, false};

  template <typename Backend>
  static TensorOf<Backend> context(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& summary,
                                   std::size_t conditions) {
    const std::size_t hidden = config.size("hidden");
    const TensorOf<Backend> x = layer(b, "velocity.context.1", summary, conditions, hidden);
    return b.add(x, layer(b, "velocity.context.2", x, hidden, hidden));
  }

  // Each row's mean squared error of the velocity at a random time on the straight line from a standard normal point to
  // z. Its expectation is least for the velocity that carries the one distribution to the other (eq. 9 of the paper).
  template <typename Backend>
  static TensorOf<Backend> loss(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& z,
                                const TensorOf<Backend>& context) {
    const auto rows = static_cast<std::size_t>(b.row_count(z));
    std::vector<float> times = b.uniforms(rows);
    // One in each stratum, so that every batch sees all times.
    for (std::size_t i = 0; i < rows; ++i) times[i] = (static_cast<float>(i) + times[i]) / static_cast<float>(rows);
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

  template <typename Backend>
  static TensorOf<Backend> log_density(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& z,
                                       const TensorOf<Backend>& context) {
    TensorOf<Backend> change = b.zeros(b.row_count(z), 1);
    const TensorOf<Backend> base = integrate(b, config, z, context, 1, 0, &change);
    return b.add_scaled(standard_normal(b, base, config.dimension), change, -1);
  }

 private:
  // A function of each row's time in every one of `columns`.
  template <typename Backend, typename Function>
  static TensorOf<Backend> repeat(Backend& b, const std::vector<float>& times, std::size_t columns, Function&& of) {
    std::vector<float> values;
    values.reserve(times.size() * columns);
    for (const float t : times) values.insert(values.end(), columns, static_cast<float>(of(t)));
    return b.constant(times.size(), columns, values);
  }

  // The velocity of the standard normal carried to itself is this times the point.
  static double drift(double t) { return (2 * t - 1) / (t * t + (1 - t) * (1 - t)); }

  static constexpr std::size_t waves = 3, features = 1 + 2 * waves;

  template <typename Backend>
  static TensorOf<Backend> describe(Backend& b, const std::vector<float>& times) {
    std::vector<float> values;
    for (const float t : times) {
      values.push_back(t);
      for (std::size_t k = 1; k <= waves; ++k) {
        const float phase = static_cast<float>(std::numbers::pi * static_cast<double>(k)) * t;
        values.insert(values.end(), {std::sin(phase), std::cos(phase)});
      }
    }
    return b.constant(times.size(), features, values);
  }

  template <typename Backend>
  static TensorOf<Backend> beside(Backend& b, const TensorOf<Backend>& x, const TensorOf<Backend>& constants) {
    return b.concatenate({x, constants});
  }
  template <typename Backend>
  static typename Directional<Backend>::Tensor
  beside(Directional<Backend>& b, const typename Directional<Backend>::Tensor& x, const TensorOf<Backend>& constants) {
    return b.beside(x, constants, features);
  }

  // What the network adds to the velocity. Over a backend, or its derivatives along a direction.
  template <typename Space, typename Constant>
  static TensorOf<Space> network(Space& b, const NetworkConfig& config, const TensorOf<Space>& x, const Constant& time,
                                 const Constant& context) {
    const std::size_t hidden = config.size("hidden");
    TensorOf<Space> h = b.activate(
        b.joint_linear(beside(b, x, time), context,
                       b.parameter("velocity.0.weight", config.dimension + features + hidden, hidden, Initial::scaled),
                       b.parameter("velocity.0.bias", 1, hidden, Initial::zero)));
    for (std::size_t l = 1; l <= config.size("layers"); ++l)
      h = b.add(h, layer(b, "velocity." + std::to_string(l), h, hidden, hidden));
    return linear(b, "velocity.out", h, hidden, config.dimension, Initial::zero);
  }

  template <typename Backend>
  static TensorOf<Backend> rate(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& x,
                                const std::vector<float>& times, const TensorOf<Backend>& context) {
    const TensorOf<Backend> own = b.multiply(x, repeat(b, times, config.dimension, drift));
    return b.add(own, network(b, config, x, describe(b, times), context));
  }

  // The sum of the velocity's derivatives, as a column.
  template <typename Backend>
  static TensorOf<Backend> divergence(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& x,
                                      const std::vector<float>& times, const TensorOf<Backend>& context) {
    const TensorOf<Backend> time = describe(b, times);
    TensorOf<Backend> sum =
        repeat(b, times, 1, [&](double t) { return static_cast<double>(config.dimension) * drift(t); });
    Directional<Backend> along(b);
    for (std::size_t p = 0; p < config.dimension; ++p) {
      std::vector<float> unit(times.size() * config.dimension, 0.0f);
      for (std::size_t row = 0; row < times.size(); ++row) unit[row * config.dimension + p] = 1;
      const typename Directional<Backend>::Tensor point{x, b.constant(times.size(), config.dimension, unit)};
      sum = b.add(sum, b.columns(network(along, config, point, time, context).slope, {p}));
    }
    return sum;
  }

  // Runge and Kutta's fourth-order steps from one time to another. `log_density`, where it is not null, loses the
  // divergence on the way (Chen et al. 2018, eq. 8).
  template <typename Backend>
  static TensorOf<Backend> integrate(Backend& b, const NetworkConfig& config, TensorOf<Backend> x,
                                     const TensorOf<Backend>& context, double from, double to,
                                     TensorOf<Backend>* log_density) {
    const auto rows = static_cast<std::size_t>(b.row_count(x));
    const std::size_t steps = config.size("steps");
    const double step = (to - from) / static_cast<double>(steps);
    constexpr double places[] = {0, 0.5, 0.5, 1}, shares[] = {1. / 6, 1. / 3, 1. / 3, 1. / 6};
    for (std::size_t i = 0; i < steps; ++i) {
      const TensorOf<Backend> start = x;
      TensorOf<Backend> velocity = b.zeros(rows, config.dimension);
      for (int stage = 0; stage < 4; ++stage) {
        const std::vector<float> times(rows,
                                       static_cast<float>(from + step * (static_cast<double>(i) + places[stage])));
        const TensorOf<Backend> at = b.add_scaled(start, velocity, step * places[stage]);
        velocity = rate(b, config, at, times, context);
        x = b.add_scaled(x, velocity, step * shares[stage]);
        if (log_density)
          *log_density = b.add_scaled(*log_density, divergence(b, config, at, times, context), -step * shares[stage]);
      }
    }
    return x;
  }
};

} // namespace sibyl::networks
