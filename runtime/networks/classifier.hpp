// A network that tells classes apart by the summaries of a data set: a logarithm of each class's probability, up to a
// constant that all classes of a data set share. Untrained it gives all classes the same.
#pragma once

#include "runtime/networks/layers.hpp"

#include <string>

namespace sibyl::networks {

template <typename Backend>
TensorOf<Backend> classify(Backend& b, const TensorOf<Backend>& summary, std::size_t summary_size,
                           std::size_t classes) {
  constexpr std::size_t hidden = 64, layers = 2;
  TensorOf<Backend> x = layer(b, "classifier.0", summary, summary_size, hidden);
  for (std::size_t l = 1; l <= layers; ++l)
    x = b.add(x, layer(b, "classifier." + std::to_string(l), x, hidden, hidden));
  return linear(b, "classifier.out", x, hidden, classes, Initial::zero);
}

} // namespace sibyl::networks
