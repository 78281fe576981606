// The elementwise map of the flow: affine, then a rational quadratic spline between asinh and sinh.
//
//   u = x e^a + b,  s = asinh(u),  t = spline(s),  y = sinh(t)
//
// The spline (Durkan et al. 2019, eq. 4-5) has its knots on [-bound, bound] in both s and t and goes on linearly
// outside with the slope of its last knot: in x that is a power law, so tails are learned, and nothing is clipped. How
// heavy they become is bounded, as is the scale a: where a network has seen little, what it makes up must not send
// draws to where moments have no meaning. With all numbers zero the map is the identity. One kernel serves every
// backend on a processor; its derivative is here too. runtime/training/torch/device_spline.hpp says the same to an
// accelerator.
#pragma once

#include <cstddef>

namespace sibyl::spline {

inline constexpr double bound = 3.0;
inline constexpr std::size_t most_bins = 32;
inline constexpr double smallest_share = 1e-3; // of a bin in the whole
// A number n that is bounded by L counts as L tanh(n / L): near zero as it is.
inline constexpr double most_log_scale = 3, most_log_slope = 5, most_log_end_slope = 0.7;

// Numbers per mapped value: a, b, widths, heights, log slopes at the knots; all but b and the sizes are bounded.
constexpr std::size_t numbers_per_value(std::size_t bins) { return 3 * bins + 3; }

// y = map(x) for `count` values, each with its own numbers; log_slope = log dy/dx.
void forward(std::size_t count, std::size_t bins, const float* x, const float* numbers, float* y, float* log_slope);

// x with map(x) = y; log_slope = log dy/dx at x.
void inverse(std::size_t count, std::size_t bins, const float* y, const float* numbers, float* x, float* log_slope);

// Gradients of a loss through `forward`, from those of y and log_slope.
void backward(std::size_t count, std::size_t bins, const float* x, const float* numbers, const float* y_gradient,
              const float* log_slope_gradient, float* x_gradient, float* numbers_gradient);

} // namespace sibyl::spline
