// How summary networks of rows end: from any number of rows to one summary for each data set.
#pragma once

#include "runtime/networks/layers.hpp"

namespace sibyl::networks {

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

} // namespace sibyl::networks
