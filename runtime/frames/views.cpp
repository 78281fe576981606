#include "runtime/frames/views.hpp"

#include "runtime/frames/small_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sibyl {

namespace {

constexpr std::size_t most_viewpoints = 8, most_numbers = 64; // of a view
// In units of the frame: a heavy tail's point far out would see only how steep the tail is.
constexpr double farthest = 2.5;

float told(double number) {
  return std::isnan(number) ? 0 : static_cast<float>(std::asinh(std::clamp(number, -1e100, 1e100)));
}

} // namespace

std::vector<double> choose_viewpoints(const FrameBatch& frames, std::span<const double> unconstrained) {
  const std::size_t n = frames.dimension, count = std::min({most_viewpoints, most_numbers / (n + 1), frames.count});
  if (count < 2) return {};
  std::vector<double> points(count * n);
  for (std::size_t i = 0; i < count; ++i) frames.to_frame(i, unconstrained.data() + i * n, points.data() + i * n);
  for (double& one : points) one = std::isfinite(one) ? std::clamp(one, -farthest, farthest) : 0;
  return points;
}

std::size_t view_size(std::size_t viewpoint_numbers, std::size_t dimension) {
  return viewpoint_numbers == 0 ? 0 : viewpoint_numbers + viewpoint_numbers / dimension - 1;
}

Views::Views(std::shared_ptr<const CompiledModel> model, std::vector<double> viewpoints)
    : density_(std::move(model)), viewpoints_(std::move(viewpoints)) {}

void Views::add(const DataBatch& batch, FrameBatch& frames) {
  const std::size_t n = frames.dimension, points = viewpoints_.size() / n, size = view_size(viewpoints_.size(), n),
                    width = static_cast<std::size_t>(density_.lanes());
  frames.views.assign(frames.count * size, 0);
  std::vector<double> theta(n), slopes(n), first_value(width);
  std::vector<std::size_t> which;
  for (std::size_t first = 0; first < frames.count; first += width) {
    which.resize(std::min(width, frames.count - first));
    std::iota(which.begin(), which.end(), first);
    density_.bind(batch, which, true);
    for (std::size_t point = 0; point < points; ++point) {
      for (std::size_t lane = 0; lane < which.size(); ++lane) {
        frames.from_frame(which[lane], viewpoints_.data() + point * n, theta.data());
        for (std::size_t p = 0; p < n; ++p) density_.points()[p * width + lane] = theta[p];
      }
      density_.evaluate(true);
      for (std::size_t lane = 0; lane < which.size(); ++lane) {
        float* view = frames.views.data() + which[lane] * size + point * (n + 1);
        const double value = density_.value(static_cast<int>(lane));
        if (point == 0) first_value[lane] = value;
        else *(view - 1) = told(value - first_value[lane]);
        if (!std::isfinite(value)) continue;
        for (std::size_t p = 0; p < n; ++p) slopes[p] = density_.gradient()[p * width + lane];
        // theta = m + L^-T z.
        small_matrix::solve_lower(frames.factor.data() + which[lane] * n * n, slopes.data(), n);
        std::transform(slopes.begin(), slopes.end(), view, told);
      }
    }
  }
}

} // namespace sibyl
