// Mean flow (Geng et al. 2025, "Mean flows for one-step generative modeling"): the mean velocity between two times of a
// flow from the standard normal to the posterior. One evaluation carries a point from any time to any other, so that a
// draw takes one to ten instead of flow matching's many.
//
// With u(x, s, e) the mean velocity from time s to time e of what is at x at time s, and v that of the moment,
//   u(x, s, e) = v(x, s) + (e - s) d/ds u(x, s, e)
// along the trajectory (eq. 6 of the paper, whose time runs from the data to the noise). Its right hand side, with the
// straight line's velocity for v, is what u is regressed on; between equal times that is flow matching.
//
// u(x, t, t) is a continuous flow's velocity: densities are those of this flow, and so are draws that are wanted with
// their densities. Draws without them take the few steps.
#pragma once

#include "runtime/networks/catalogue.hpp"
#include "runtime/networks/families/continuous_flow.hpp"

#include <algorithm>

namespace sibyl::networks {

struct MeanFlow : ContinuousFlow<MeanFlow> {
  static constexpr FamilySize sizes[] = {{"layers", 4, 1, 1 << 20},
                                         {"hidden", 128, 1, 1 << 20},
                                         {"evaluations", 4, 1, 1 << 20},
                                         {"density_steps", 8, 1, 1 << 20}};
  static constexpr PosteriorFamilyInfo info{
      "mean_flow", "flow whose draws take few evaluations: quicker draws than flow_matching's, for modes far apart",
      sizes, false};

  static constexpr const char* integration_steps = "density_steps";
  static constexpr std::size_t velocity_features = 2 * time_features; // of where it starts, and where it ends
  static std::vector<float> describe_times(const std::vector<float>& times) { return describe(times, times); }

  // Each row's mean squared error of the mean velocity between two times, of which half are equal, each uniform on the
  // clock.
  template <typename Backend>
  static TensorOf<Backend> loss(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& z,
                                const TensorOf<Backend>& context) {
    const auto rows = static_cast<std::size_t>(b.row_count(z));
    std::vector<float> start = b.uniforms(rows), end = b.uniforms(rows);
    std::vector<float> slopes;
    for (std::size_t i = 0; i < rows; ++i) {
      // One in each stratum, so that every batch sees all times.
      start[i] = static_cast<float>(time_at((static_cast<double>(i) + start[i]) / static_cast<double>(rows)));
      end[i] = static_cast<float>(time_at(end[i]));
      if (i % 2 == 0) end[i] = start[i];
      else if (end[i] < start[i]) std::swap(start[i], end[i]);
      append_time_slopes(start[i], slopes);
      slopes.insert(slopes.end(), time_features, 0.0f);
    }
    const TensorOf<Backend> base = b.normal(rows, config.dimension);
    const TensorOf<Backend> straight = b.add_scaled(z, base, -1);
    const auto of_times = [&](auto&& function) {
      std::vector<float> values;
      for (std::size_t i = 0; i < rows; ++i)
        values.insert(values.end(), config.dimension, static_cast<float>(function(start[i], end[i])));
      return b.constant(rows, config.dimension, values);
    };
    const TensorOf<Backend> at = b.add(base, b.multiply(straight, of_times([](double s, double) { return s; })));
    Directional<Backend> along(b);
    const typename Directional<Backend>::Tensor point{
        b.concatenate({at, b.constant(rows, velocity_features, describe(start, end))}),
        b.concatenate({straight, b.constant(rows, velocity_features, slopes)})};
    const typename Directional<Backend>::Tensor learned = network(along, config, point, context);
    // What the network is to add to the mean velocity of the standard normal, own(s, e) x with
    // own = (scale(e) / scale(s) - 1) / (e - s): put into the identity above, all of own but this drops out.
    const TensorOf<Backend> rest =
        b.add_scaled(straight, b.multiply(at, of_times([](double s, double) { return drift(s); })), -1);
    const TensorOf<Backend> target =
        b.add(b.multiply(rest, of_times([](double s, double e) { return normal_scale(e) / normal_scale(s); })),
              b.multiply(learned.slope, of_times([](double s, double e) { return e - s; })));
    const TensorOf<Backend> error = b.add_scaled(learned.value, b.detached(target), -1);
    return b.scale(b.row_squares(error), 1 / static_cast<double>(config.dimension));
  }

  // The target above holds the network's own slopes, which grow as it learns: an untrained network would win.
  template <typename Backend>
  static TensorOf<Backend> validation_loss(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& z,
                                           const TensorOf<Backend>& context) {
    return velocity_loss(b, config, z, context);
  }

  template <typename Backend>
  static TensorOf<Backend> sample(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& base,
                                  const TensorOf<Backend>& context, TensorOf<Backend>* density) {
    if (density) {
      *density = standard_normal(b, base, config.dimension);
      return integrate(b, config, base, context, 0, 1, density);
    }
    const auto rows = static_cast<std::size_t>(b.row_count(base));
    const std::size_t evaluations = config.size("evaluations");
    TensorOf<Backend> x = base;
    for (std::size_t i = 0; i < evaluations; ++i) {
      const double start = time_of_step(0, 1, i, evaluations), end = time_of_step(0, 1, i + 1, evaluations);
      const std::vector<float> from(rows, static_cast<float>(start)), to(rows, static_cast<float>(end));
      const TensorOf<Backend> learned =
          network(b, config, b.concatenate({x, b.constant(rows, velocity_features, describe(from, to))}), context);
      x = b.add_scaled(b.scale(x, normal_scale(end) / normal_scale(start)), learned, end - start);
    }
    return x;
  }

 private:
  static std::vector<float> describe(const std::vector<float>& start, const std::vector<float>& end) {
    std::vector<float> values;
    for (std::size_t i = 0; i < start.size(); ++i) {
      append_time(start[i], values);
      append_time(end[i], values);
    }
    return values;
  }
};

} // namespace sibyl::networks
