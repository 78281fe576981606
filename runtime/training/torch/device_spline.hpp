// The spline (runtime/networks/spline.hpp) in LibTorch's own operations, for a device that the kernel of the processor
// cannot run on: nothing leaves the device and nothing waits for it. Value and derivative are the kernel's formulas.
#pragma once

#include <torch/types.h>

#include <cstddef>
#include <utility>

namespace sibyl::training::device {

// Values of any shape [rows, columns], with [rows, columns * spline::numbers_per_value(bins)] numbers on the same
// device. Returns the mapped values and their log slopes, shaped like `x`; differentiable once in both arguments. What
// is not finite gives NaN.
std::pair<torch::Tensor, torch::Tensor> spline(const torch::Tensor& x, const torch::Tensor& numbers, std::size_t bins);

// x with spline(x) = y, and the log slope dy/dx there.
std::pair<torch::Tensor, torch::Tensor> inverse_spline(const torch::Tensor& y, const torch::Tensor& numbers,
                                                       std::size_t bins);

} // namespace sibyl::training::device
