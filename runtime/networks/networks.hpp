// The networks, each written once over a backend's tensor operations.
//
// A backend has a type Tensor (a matrix of float, rows are data sets or rows of data sets) and
//
// clang-format off
//   parameter(name, rows, columns, Initial)    a named weight; the training backend makes it at first use
//   linear(x, weight, bias)                    x W + b
//   joint_linear(x, y, weight, bias)           (x beside y) W + b, where y may be one row that serves all of x
//   activate(x)                                x / (1 + e^-x), element by element
//   add(x, y), concatenate({x, y, ...}), columns(x, {i, j, ...})
//   merge(x, {i, ...}, y, {j, ...})            the columns of x at i, ..., those of y at j, ...
//   segment_mean(rows, offsets)                mean of each data set's rows
//   segment_attention(rows, scores, offsets)   softmax-weighted means of the rows, one for each column of scores
//   expand(x, offsets)                         each data set's row repeated for its rows
//   window(rows, offsets, dilation)            each row beside its neighbours at that distance (zero outside)
//   last_row(rows, offsets)
//   spline(x, numbers, bins, log_slope)        spline.hpp, forward; adds each row's log slopes to log_slope
//   inverse_spline(...)                        likewise
// clang-format on
//
// LibTorch's differentiates (runtime/training/), Eigen's evaluates where no LibTorch is.
#pragma once

#include "runtime/networks/batch.hpp"
#include "runtime/networks/network_config.hpp"
#include "runtime/networks/spline.hpp"

#include <algorithm>
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

// Pooled rows: mean and attention by four learned queries.
template <typename Backend>
TensorOf<Backend> pool(Backend& b, const std::string& name, const TensorOf<Backend>& rows, std::size_t width,
                       const Offsets& offsets, std::size_t outputs, const std::vector<TensorOf<Backend>>& more,
                       std::size_t more_width) {
  constexpr std::size_t queries = 4;
  const TensorOf<Backend> scores = linear(b, name + ".scores", rows, width, queries);
  std::vector<TensorOf<Backend>> parts{b.segment_mean(rows, offsets), b.segment_attention(rows, scores, offsets)};
  parts.insert(parts.end(), more.begin(), more.end());
  return linear(b, name + ".summary", b.concatenate(parts), width * (1 + queries) + more_width, outputs);
}

// For exchangeable rows. Each row is embedded, sees the mean of all (Zaheer et al. 2017, the equivariant layer), and
// the set is pooled by attention (Lee et al. 2019): linear in the number of rows.
template <typename Backend>
TensorOf<Backend> set_network(Backend& b, const std::string& name, const TensorOf<Backend>& rows,
                              const Offsets& offsets, const NetworkConfig& config, std::size_t inputs) {
  const std::size_t width = config.row_width;
  const TensorOf<Backend> first = layer(b, name + ".row.1", rows, inputs, width);
  const TensorOf<Backend> second = layer(b, name + ".row.2", first, width, width);
  const TensorOf<Backend> context = linear(b, name + ".context", b.segment_mean(second, offsets), width, width);
  const TensorOf<Backend> third =
      b.activate(b.add(linear(b, name + ".row.3", second, width, width), b.expand(context, offsets)));
  return pool(b, name, third, width, offsets, config.summary_width, {}, 0);
}

// For sequences: convolutions over time with growing distance (van den Oord et al. 2016), pooled, and the last state.
template <typename Backend>
TensorOf<Backend> sequence_network(Backend& b, const std::string& name, const TensorOf<Backend>& rows,
                                   const Offsets& offsets, const NetworkConfig& config, std::size_t inputs) {
  const std::size_t width = config.row_width;
  TensorOf<Backend> x = layer(b, name + ".input", b.window(rows, offsets, 1), 3 * inputs, width);
  std::size_t dilation = 2;
  for (int i = 1; i <= 4; ++i, dilation *= 2)
    x = b.add(x,
              layer(b, name + ".convolution." + std::to_string(i), b.window(x, offsets, dilation), 3 * width, width));
  return pool(b, name, x, width, offsets, config.summary_width, {b.last_row(x, offsets)}, width);
}

// For a fixed number of values: one row for each data set.
template <typename Backend>
TensorOf<Backend> mlp_network(Backend& b, const std::string& name, const TensorOf<Backend>& rows, const Offsets&,
                              const NetworkConfig& config, std::size_t inputs) {
  const std::size_t width = 2 * config.row_width;
  TensorOf<Backend> x = layer(b, name + ".input", rows, inputs, width);
  for (int i = 1; i <= 2; ++i) x = b.add(x, layer(b, name + ".residual." + std::to_string(i), x, width, width));
  return linear(b, name + ".summary", x, width, config.summary_width);
}

// The registry of summary networks: one line each.
template <typename Backend>
struct SummaryNetwork {
  const char* name;
  TensorOf<Backend> (*evaluate)(Backend&, const std::string&, const TensorOf<Backend>&, const Offsets&,
                                const NetworkConfig&, std::size_t);
};
template <typename Backend>
constexpr SummaryNetwork<Backend> summary_networks[] = {
    {"set", set_network<Backend>},
    {"sequence", sequence_network<Backend>},
    {"mlp", mlp_network<Backend>},
};

// All that the posterior is conditioned on: direct inputs beside the learned summaries of each source (late fusion).
template <typename Backend>
TensorOf<Backend> summarize(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& direct,
                            const std::vector<TensorOf<Backend>>& rows, const std::vector<const Offsets*>& offsets) {
  std::vector<TensorOf<Backend>> parts{direct};
  for (std::size_t i = 0; i < config.sources.size(); ++i)
    for (const SummaryNetwork<Backend>& network : summary_networks<Backend>)
      if (config.sources[i].network == network.name)
        parts.push_back(
            network.evaluate(b, "summary." + std::to_string(i), rows[i], *offsets[i], config, config.sources[i].width));
  return parts.size() == 1 ? direct : b.concatenate(parts);
}

inline std::size_t summary_size(const NetworkConfig& config) {
  return config.direct_width + config.sources.size() * config.summary_width;
}

// ---- the posterior network: a conditional coupling flow of splines

// Which parameters a layer maps; the others condition it. One parameter alone is mapped by every layer.
inline void split(std::size_t dimension, std::size_t layer, std::vector<std::size_t>& passive,
                  std::vector<std::size_t>& active) {
  passive.clear();
  active.clear();
  // Halves that change from pair to pair of layers, so that every parameter comes to condition every other.
  const std::size_t stride = 1 + layer / 2 % std::max<std::size_t>(1, dimension / 2);
  for (std::size_t i = 0; i < dimension; ++i)
    ((i / stride + layer) % 2 == 0 || dimension == 1 ? active : passive).push_back(i);
  if (active.empty()) std::swap(active, passive);
}

template <typename Backend>
TensorOf<Backend> flow_context(Backend& b, const NetworkConfig& config, const TensorOf<Backend>& summary) {
  const TensorOf<Backend> x = layer(b, "flow.context.1", summary, summary_size(config), config.hidden);
  return b.add(x, layer(b, "flow.context.2", x, config.hidden, config.hidden));
}

// The numbers of the splines of one layer: zero at first, so that the flow starts as the identity.
template <typename Backend>
TensorOf<Backend> flow_numbers(Backend& b, const NetworkConfig& config, std::size_t index,
                               const TensorOf<Backend>& passive, std::size_t passive_count, std::size_t active_count,
                               const TensorOf<Backend>& context) {
  const std::string name = "flow." + std::to_string(index);
  const std::size_t numbers = active_count * spline::numbers_per_value(config.bins);
  // The draws of one data set share its context: the backend that samples multiplies it once.
  TensorOf<Backend> x = b.activate(b.joint_linear(
      passive, context, b.parameter(name + ".1.weight", passive_count + config.hidden, config.hidden, Initial::scaled),
      b.parameter(name + ".1.bias", 1, config.hidden, Initial::zero)));
  x = b.add(x, layer(b, name + ".2", x, config.hidden, config.hidden));
  return linear(b, name + ".numbers", x, config.hidden, numbers, Initial::zero);
}

// From z to the standard normal; adds each row's log |d base / d z| to log_slope.
template <typename Backend>
TensorOf<Backend> flow_forward(Backend& b, const NetworkConfig& config, TensorOf<Backend> z,
                               const TensorOf<Backend>& context, TensorOf<Backend>& log_slope) {
  std::vector<std::size_t> passive, active;
  for (std::size_t l = 0; l < config.layers; ++l) {
    split(config.dimension, l, passive, active);
    const TensorOf<Backend> kept = b.columns(z, passive);
    const TensorOf<Backend> numbers = flow_numbers(b, config, l, kept, passive.size(), active.size(), context);
    const TensorOf<Backend> mapped = b.spline(b.columns(z, active), numbers, config.bins, log_slope);
    z = b.merge(kept, passive, mapped, active);
  }
  return z;
}

// The other way; adds the same log |d base / d z|.
template <typename Backend>
TensorOf<Backend> flow_inverse(Backend& b, const NetworkConfig& config, TensorOf<Backend> base,
                               const TensorOf<Backend>& context, TensorOf<Backend>& log_slope) {
  std::vector<std::size_t> passive, active;
  for (std::size_t l = config.layers; l-- > 0;) {
    split(config.dimension, l, passive, active);
    const TensorOf<Backend> kept = b.columns(base, passive);
    const TensorOf<Backend> numbers = flow_numbers(b, config, l, kept, passive.size(), active.size(), context);
    const TensorOf<Backend> mapped = b.inverse_spline(b.columns(base, active), numbers, config.bins, log_slope);
    base = b.merge(kept, passive, mapped, active);
  }
  return base;
}

} // namespace sibyl::networks
