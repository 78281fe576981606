// Eight floats at once and the functions of them that networks need, for kernels that are compiled for several
// instruction sets (SIBYL_EACH_PROCESSOR): everything here is inlined into those. Written out, since GCC 12 makes no
// vectors of the plain loops.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

// What chooses between the clones runs before ThreadSanitizer is ready for it.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__gnu_linux__) &&                       \
    !defined(__SANITIZE_THREAD__)
#define SIBYL_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SIBYL_EACH_PROCESSOR
#endif

#define SIBYL_INLINE inline __attribute__((always_inline))

namespace sibyl::vectors {

inline constexpr std::size_t lanes = 8;
using Floats = float __attribute__((vector_size(sizeof(float) * lanes)));
using Integers = std::int32_t __attribute__((vector_size(sizeof(std::int32_t) * lanes)));
using UnalignedFloats = float __attribute__((vector_size(sizeof(float) * lanes), aligned(alignof(float)), may_alias));

SIBYL_INLINE Floats all(float value) { return Floats{} + value; }
SIBYL_INLINE Floats smaller(Floats x, Floats y) { return x < y ? x : y; }
SIBYL_INLINE Floats larger(Floats x, Floats y) { return x > y ? x : y; }
SIBYL_INLINE Floats absolute(Floats x) { return std::bit_cast<Floats>(std::bit_cast<Integers>(x) & 0x7fffffff); }

// e^x to 2e-7 relative, by Cody and Waite's reduction and Taylor's polynomial. Beyond +-87 as at it.
SIBYL_INLINE Floats exponential(Floats x) {
  const Floats limit = all(87.0f);
  x = smaller(larger(x, -limit), limit);
  const Floats power = x * 1.44269504f, half = all(0.5f);
  const Integers n = __builtin_convertvector(power + (power < 0 ? -half : half), Integers);
  const Floats whole = __builtin_convertvector(n, Floats);
  const Floats r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  Floats e = r * (1.0f / 5040) + 1.0f / 720;
  e = e * r + 1.0f / 120;
  e = e * r + 1.0f / 24;
  e = e * r + 1.0f / 6;
  e = e * r + 0.5f;
  e = e * r + 1.0f;
  e = e * r + 1.0f;
  return e * std::bit_cast<Floats>((n + 127) << 23);
}

// Of positive normal numbers, to 2e-7 relative or absolute: the mantissa in [sqrt 1/2, sqrt 2) by the series of
// 2 artanh((m - 1) / (m + 1)).
SIBYL_INLINE Floats logarithm(Floats x) {
  const Integers bits = std::bit_cast<Integers>(x) - 0x3f3504f3; // sqrt 1/2
  const Floats exponent = __builtin_convertvector(bits >> 23, Floats);
  const Floats mantissa = std::bit_cast<Floats>((bits & 0x7fffff) + 0x3f3504f3);
  const Floats q = (mantissa - 1.0f) / (mantissa + 1.0f), square = q * q;
  Floats series = square * (1.0f / 9) + 1.0f / 7;
  series = series * square + 1.0f / 5;
  series = series * square + 1.0f / 3;
  return exponent * 0.693147181f + 2.0f * (q + q * square * series);
}

// log(1 + x) for x >= 0 to 3e-7 relative: the rounding of 1 + x is made good (Kahan).
SIBYL_INLINE Floats logarithm_of_one_plus(Floats x) {
  const Floats sum = 1.0f + x, rounded = sum - 1.0f;
  const Floats result = logarithm(sum);
  return rounded > 0 ? result * (x / (rounded > 0 ? rounded : all(1.0f))) : x;
}

// Of numbers that are not negative. The compiler knows it for a vector instruction.
SIBYL_INLINE Floats square_root(Floats x) {
  Floats result{};
  for (std::size_t i = 0; i < lanes; ++i) result[i] = __builtin_sqrtf(x[i]);
  return result;
}

} // namespace sibyl::vectors
