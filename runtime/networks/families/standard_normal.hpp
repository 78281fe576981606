// The distribution that families start from.
#pragma once

#include "runtime/networks/layers.hpp"

#include <cmath>
#include <numbers>

namespace sibyl::networks {

// The log density of each row, as a column.
template <typename Backend>
TensorOf<Backend> standard_normal(Backend& b, const TensorOf<Backend>& rows, std::size_t dimension) {
  return b.shift(b.scale(b.row_squares(rows), -0.5),
                 -0.5 * static_cast<double>(dimension) * std::log(2 * std::numbers::pi));
}

} // namespace sibyl::networks
