#include "runtime/networks/dense.hpp"

#include "runtime/networks/vectors.hpp"

#include <algorithm>
#include <cstring>

namespace sibyl::dense {

namespace {

using vectors::Floats;
using vectors::lanes;
using vectors::UnalignedFloats;

constexpr std::size_t row_block = 4, parts = 2, column_block = parts * lanes; // sums that stay in registers

} // namespace

SIBYL_EACH_PROCESSOR
void accumulate(std::size_t rows, std::size_t inputs, std::size_t outputs, const float* x, const float* w, float* y) {
  std::size_t column = 0;
  for (; column + column_block <= outputs; column += column_block) {
    std::size_t row = 0;
    for (; row + row_block <= rows; row += row_block) {
      Floats sums[row_block][parts] = {};
      const float* own = x + row * inputs;
      for (std::size_t k = 0; k < inputs; ++k) {
        const auto* weights = reinterpret_cast<const UnalignedFloats*>(w + k * outputs + column);
        const Floats first = weights[0], second = weights[1];
        for (std::size_t r = 0; r < row_block; ++r) {
          const float value = own[r * inputs + k];
          sums[r][0] += value * first;
          sums[r][1] += value * second;
        }
      }
      for (std::size_t r = 0; r < row_block; ++r) {
        auto* result = reinterpret_cast<UnalignedFloats*>(y + (row + r) * outputs + column);
        result[0] += sums[r][0];
        result[1] += sums[r][1];
      }
    }
    for (; row < rows; ++row) {
      Floats sums[parts] = {};
      for (std::size_t k = 0; k < inputs; ++k) {
        const auto* weights = reinterpret_cast<const UnalignedFloats*>(w + k * outputs + column);
        for (std::size_t v = 0; v < parts; ++v) sums[v] += x[row * inputs + k] * weights[v];
      }
      auto* result = reinterpret_cast<UnalignedFloats*>(y + row * outputs + column);
      for (std::size_t v = 0; v < parts; ++v) result[v] += sums[v];
    }
  }
  if (column == outputs) return;
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t k = 0; k < inputs; ++k)
      for (std::size_t c = column; c < outputs; ++c) y[row * outputs + c] += x[row * inputs + k] * w[k * outputs + c];
}

SIBYL_EACH_PROCESSOR
void activate(std::size_t count, float* x) {
  for (std::size_t i = 0; i < count; i += lanes) {
    const std::size_t here = std::min(lanes, count - i);
    Floats value = {};
    if (here == lanes) value = *reinterpret_cast<const UnalignedFloats*>(x + i);
    else std::memcpy(&value, x + i, here * sizeof(float));
    value /= 1.0f + vectors::exponential(-value);
    if (here == lanes) *reinterpret_cast<UnalignedFloats*>(x + i) = value;
    else std::memcpy(x + i, &value, here * sizeof(float));
  }
}

} // namespace sibyl::dense
