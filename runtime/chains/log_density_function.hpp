// What chains run on: a log density with its gradient, at many points at once.
#pragma once

#include <functional>
#include <span>

namespace sibyl {

// `points`: [point][parameter]. Writes the log density of each, minus infinity where there is none, and the gradients
// in the shape of the points.
using LogDensityFunction =
    std::function<void(std::span<const double> points, std::span<double> values, std::span<double> gradients)>;

} // namespace sibyl
