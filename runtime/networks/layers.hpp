// What networks are written in: each once, over a backend's tensor operations.
//
// A backend has a type Tensor (a matrix of float, rows are data sets, draws, or rows of data sets) and
//
// clang-format off
//   parameter(name, rows, columns, Initial)    a named weight; the training backend makes it at first use
//   linear(x, weight, bias)                    x W + b
//   joint_linear(x, y, weight, bias)           (x beside y) W + b, where y may be one row that serves all of x
//   product(x, weight)                         x times the first rows of W, as many as x has columns
//   activate(x)                                x / (1 + e^-x), element by element
//   activation_slope(x)                        its derivative
//   bounded(x, limit)                          x / sqrt(1 + (x / limit)^2): near zero as it is
//   add(x, y), multiply(x, y)                  element by element
//   scale(x, factor), shift(x, number)         factor x, x + number
//   add_scaled(x, y, factor)                   x + factor y
//   row_squares(x)                             the sum of each row's squares, as a column
//   concatenate({x, y, ...}), columns(x, {i, j, ...})
//   merge(x, {i, ...}, y, {j, ...})            the columns of x at i, ..., those of y at j, ...
//   constant(rows, columns, values)            numbers that are not learned, row-major
//   zeros(rows, columns), row_count(x)
//   segment_mean(rows, offsets)                mean of each data set's rows
//   segment_attention(rows, scores, offsets)   softmax-weighted means of the rows, one for each column of scores
//   expand(x, offsets)                         each data set's row repeated for its rows
//   window(rows, offsets, dilation)            each row beside its neighbours at that distance (zero outside)
//   last_row(rows, offsets)
//   spline(x, numbers, bins, log_slope)        spline.hpp, forward; adds each row's log slopes to log_slope
// clang-format on
//
// LibTorch's (runtime/training/torch) differentiates and has what losses need: normal(rows, columns) as a tensor,
// uniforms(count) as plain numbers, and detached(x), whose value is a constant to derivatives. Eigen's
// (eigen_backend.hpp) evaluates where no LibTorch is, and goes back through splines, as LibTorch's does too:
// inverse_spline(...). Over either, directional.hpp gives derivatives along a direction of the inputs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sibyl::networks {

enum class Initial { scaled, zero }; // scaled: uniform by the number of inputs (LeCun 1998)

template <typename Backend>
using TensorOf = typename Backend::Tensor;

template <typename Backend>
TensorOf<Backend> linear(Backend& b, const std::string& name, const TensorOf<Backend>& x, std::size_t inputs,
                         std::size_t outputs, Initial initial = Initial::scaled) {
  return b.linear(x, b.parameter(name + ".weight", inputs, outputs, initial),
                  b.parameter(name + ".bias", 1, outputs, Initial::zero));
}

template <typename Backend>
TensorOf<Backend> layer(Backend& b, const std::string& name, const TensorOf<Backend>& x, std::size_t inputs,
                        std::size_t outputs) {
  return b.activate(linear(b, name, x, inputs, outputs));
}

using Offsets = std::vector<std::int64_t>;

} // namespace sibyl::networks
