// For a fixed number of values: one row for each data set.
#pragma once

#include "runtime/networks/catalogue.hpp"
#include "runtime/networks/layers.hpp"
#include "runtime/networks/network_config.hpp"

namespace sibyl::networks {

struct ResidualNetwork {
  static constexpr SummaryNetworkInfo info{"mlp", RowOrder::one_row, "a fixed number of values: a residual network"};

  template <typename Backend>
  static TensorOf<Backend> evaluate(Backend& b, const std::string& name, const TensorOf<Backend>& rows, const Offsets&,
                                    const NetworkConfig& config, std::size_t inputs) {
    const std::size_t width = 2 * config.row_width;
    TensorOf<Backend> x = layer(b, name + ".input", rows, inputs, width);
    for (int i = 1; i <= 2; ++i) x = b.add(x, layer(b, name + ".residual." + std::to_string(i), x, width, width));
    return linear(b, name + ".summary", x, width, config.summary_width);
  }
};

} // namespace sibyl::networks
