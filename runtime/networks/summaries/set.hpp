// For exchangeable rows. Each row is embedded, sees the mean of all (Zaheer et al. 2017, the equivariant layer), and
// the set is pooled by attention (Lee et al. 2019): linear in the number of rows.
#pragma once

#include "runtime/networks/catalogue.hpp"
#include "runtime/networks/network_config.hpp"
#include "runtime/networks/summaries/pool.hpp"

namespace sibyl::networks {

struct SetNetwork {
  static constexpr SummaryNetworkInfo info{
      "set", RowOrder::exchangeable, "rows in any order: a deep set whose rows see their mean, pooled by attention"};

  template <typename Backend>
  static TensorOf<Backend> evaluate(Backend& b, const std::string& name, const TensorOf<Backend>& rows,
                                    const Offsets& offsets, const NetworkConfig& config, std::size_t inputs) {
    const std::size_t width = config.row_width;
    const TensorOf<Backend> first = layer(b, name + ".row.1", rows, inputs, width);
    const TensorOf<Backend> second = layer(b, name + ".row.2", first, width, width);
    const TensorOf<Backend> context = linear(b, name + ".context", b.segment_mean(second, offsets), width, width);
    const TensorOf<Backend> third =
        b.activate(b.add(linear(b, name + ".row.3", second, width, width), b.expand(context, offsets)));
    return pool(b, name, third, width, offsets, config.summary_width, {}, 0);
  }
};

} // namespace sibyl::networks
