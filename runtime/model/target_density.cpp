#include "runtime/model/target_density.hpp"

#include <algorithm>
#include <vector>

namespace sibyl {

TargetDensity::TargetDensity(std::shared_ptr<const CompiledModel> model, bool has_gradient)
    : density_(std::move(model), 0, has_gradient) {}

void TargetDensity::bind(const DataBatch& batch, std::size_t data_set) {
  density_.bind(batch, std::vector<std::size_t>(static_cast<std::size_t>(density_.lanes()), data_set));
}

void TargetDensity::evaluate(std::span<const double> points, std::span<double> values, std::span<double> gradients) {
  const std::size_t n = dimension(), width = static_cast<std::size_t>(density_.lanes());
  for (std::size_t first = 0; first < values.size(); first += width) {
    const std::size_t active = std::min(width, values.size() - first);
    // Lanes beyond the last point repeat it, so that they compute something harmless.
    for (std::size_t lane = 0; lane < width; ++lane)
      for (std::size_t p = 0; p < n; ++p)
        density_.points()[p * width + lane] = points[(first + std::min(lane, active - 1)) * n + p];
    density_.evaluate(!gradients.empty());
    for (std::size_t lane = 0; lane < active; ++lane) {
      values[first + lane] = density_.value(static_cast<int>(lane));
      if (gradients.empty()) continue;
      for (std::size_t p = 0; p < n; ++p) gradients[(first + lane) * n + p] = density_.gradient()[p * width + lane];
    }
  }
}

} // namespace sibyl
