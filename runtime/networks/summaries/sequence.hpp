// For sequences: convolutions over time with growing distance (van den Oord et al. 2016), pooled, and the last state.
#pragma once

#include "runtime/networks/catalogue.hpp"
#include "runtime/networks/network_config.hpp"
#include "runtime/networks/summaries/pool.hpp"

namespace sibyl::networks {

struct SequenceNetwork {
  static constexpr SummaryNetworkInfo info{
      "sequence", RowOrder::ordered,
      "rows in order: convolutions over time with growing distance, pooled, and the last state"};

  template <typename Backend>
  static TensorOf<Backend> evaluate(Backend& b, const std::string& name, const TensorOf<Backend>& rows,
                                    const Offsets& offsets, const NetworkConfig& config, std::size_t inputs) {
    const std::size_t width = config.row_width;
    TensorOf<Backend> x = layer(b, name + ".input", b.window(rows, offsets, 1), 3 * inputs, width);
    std::size_t dilation = 2;
    for (int i = 1; i <= 4; ++i, dilation *= 2)
      x = b.add(x,
                layer(b, name + ".convolution." + std::to_string(i), b.window(x, offsets, dilation), 3 * width, width));
    return pool(b, name, x, width, offsets, config.summary_width, {b.last_row(x, offsets)}, width);
  }
};

} // namespace sibyl::networks
