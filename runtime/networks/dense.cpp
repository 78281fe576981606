#include "runtime/networks/dense.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

// What chooses between the clones runs before ThreadSanitizer is ready for it.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__gnu_linux__) && \
    !defined(__SANITIZE_THREAD__)
#define SIBYL_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SIBYL_EACH_PROCESSOR
#endif

namespace sibyl::dense {

namespace {

// Eight numbers at once, written out: GCC 12 makes no vectors of the plain loops.
constexpr std::size_t lanes = 8;
using Floats = float __attribute__((vector_size(sizeof(float) * lanes)));
using Integers = std::int32_t __attribute__((vector_size(sizeof(std::int32_t) * lanes)));
using UnalignedFloats = float __attribute__((vector_size(sizeof(float) * lanes), aligned(alignof(float)), may_alias));

constexpr std::size_t row_block = 4, vectors = 2, column_block = vectors * lanes; // sums that stay in registers

} // namespace

SIBYL_EACH_PROCESSOR
void accumulate(std::size_t rows, std::size_t inputs, std::size_t outputs, const float* x, const float* w, float* y) {
  std::size_t column = 0;
  for (; column + column_block <= outputs; column += column_block) {
    std::size_t row = 0;
    for (; row + row_block <= rows; row += row_block) {
      Floats sums[row_block][vectors] = {};
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
      Floats sums[vectors] = {};
      for (std::size_t k = 0; k < inputs; ++k) {
        const auto* weights = reinterpret_cast<const UnalignedFloats*>(w + k * outputs + column);
        for (std::size_t v = 0; v < vectors; ++v) sums[v] += x[row * inputs + k] * weights[v];
      }
      auto* result = reinterpret_cast<UnalignedFloats*>(y + row * outputs + column);
      for (std::size_t v = 0; v < vectors; ++v) result[v] += sums[v];
    }
  }
  if (column == outputs) return;
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t k = 0; k < inputs; ++k)
      for (std::size_t c = column; c < outputs; ++c) y[row * outputs + c] += x[row * inputs + k] * w[k * outputs + c];
}

// e^-x by Cody and Waite's reduction and Taylor's polynomial.
SIBYL_EACH_PROCESSOR
void activate(std::size_t count, float* x) {
  for (std::size_t i = 0; i < count; i += lanes) {
    const std::size_t here = std::min(lanes, count - i);
    Floats value = {};
    if (here == lanes) value = *reinterpret_cast<const UnalignedFloats*>(x + i);
    else std::memcpy(&value, x + i, here * sizeof(float));
    // Beyond these limits the result is x, or zero to within float's smallest numbers.
    const Floats limit = Floats{} + 87.0f;
    Floats t = -value;
    t = t > limit ? limit : t;
    t = t < -limit ? -limit : t;
    const Floats power = t * 1.44269504f, half = Floats{} + 0.5f;
    const Integers n = __builtin_convertvector(power + (power < 0 ? -half : half), Integers);
    const Floats whole = __builtin_convertvector(n, Floats);
    const Floats r = (t - whole * 0.693359375f) + whole * 2.12194440e-4f;
    Floats e = r * (1.0f / 5040) + 1.0f / 720;
    e = e * r + 1.0f / 120;
    e = e * r + 1.0f / 24;
    e = e * r + 1.0f / 6;
    e = e * r + 0.5f;
    e = e * r + 1.0f;
    e = e * r + 1.0f;
    value /= 1.0f + e * std::bit_cast<Floats>((n + 127) << 23);
    if (here == lanes) *reinterpret_cast<UnalignedFloats*>(x + i) = value;
    else std::memcpy(x + i, &value, here * sizeof(float));
  }
}

} // namespace sibyl::dense
