// Values of data sets, written down.
#pragma once

#include "runtime/data/data_set.hpp"

namespace sibyl::test {

inline Tensor scalar(double value, bool is_integer = false) { return {is_integer, {}, {value}}; }
inline Tensor vector(std::vector<double> values, bool is_integer = false) {
  const auto count = static_cast<std::int64_t>(values.size());
  return {is_integer, {count}, std::move(values)};
}

} // namespace sibyl::test
