#include "compiler/math/functions.hpp"

#include <limits>
#include <vector>

namespace sibyl::math {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double ln2 = 0.693147180559945309417;
constexpr double log2_e = 1.44269504088896340736;

// ln 2 in two parts; the first has so few bits that its product with an exponent is exact (Cody and Waite 1980).
double ln2_high(const Operations& o) { return o.is_double() ? 0x1.62e42fee00000p-1 : 0x1.62e4p-1; }
double ln2_low(const Operations& o) { return o.is_double() ? 0x1.a39ef35793c76p-33 : 0x1.7f7d1cf8p-20; }

// 1/0!, 1/1!, ..., as many as |r| <= ln(2) / 2 needs.
std::vector<double> exponential_series(const Operations& o) {
  std::vector<double> series{1};
  const int terms = o.is_double() ? 13 : 7;
  for (int k = 1; k <= terms; ++k) series.push_back(series.back() / k);
  return series;
}

// Adding this number rounds to an integer and leaves it in the low bits.
double rounding_number(const Operations& o) { return o.is_double() ? 0x1.8p52 : 0x1.8p23; }

// 2^k for an integer k within the exponents of normal numbers.
Lane power_of_two(const Operations& o, Lane k) {
  const int mantissa = o.is_double() ? 52 : 23, bias = o.is_double() ? 1023 : 127;
  llvm::IRBuilderBase& b = o.builder();
  return o.from_bits(o.wrap(b.CreateShl(b.CreateAdd(k.value, o.integer(bias).value), o.integer(mantissa).value)));
}

// value 2^n for rounded = n + rounding_number; in two steps, so that subnormal and infinite results come out right.
Lane scale(const Operations& o, Lane value, Lane rounded) {
  llvm::IRBuilderBase& b = o.builder();
  const Lane n = o.wrap(b.CreateSub(o.bits(rounded).value, o.bits(o.number(rounding_number(o))).value));
  const Lane half = o.wrap(b.CreateAShr(n.value, o.integer(1).value));
  const Lane rest = o.wrap(b.CreateSub(n.value, half.value));
  return value * power_of_two(o, half) * power_of_two(o, rest);
}

Lane clamp(const Operations& o, Lane x, double lowest, double highest) {
  const Lane low = o.number(lowest), high = o.number(highest);
  x = o.select(x < low, low, x);
  return o.select(x > high, high, x);
}

// x = m 2^e with m in [1 / sqrt 2, sqrt 2): f = m - 1, and e as a number.
struct Split {
  Lane f, exponent;
};

Split split(const Operations& o, Lane x) {
  llvm::IRBuilderBase& b = o.builder();
  const int mantissa = o.is_double() ? 52 : 23;
  const Lane smallest = o.number(o.is_double() ? 0x1p-1022 : 0x1p-126);
  llvm::Value* subnormal = x < smallest;
  x = o.select(subnormal, x * o.number(o.is_double() ? 0x1p54 : 0x1p25), x);
  // Subtracting the bits of sqrt(1/2) makes the exponent that of the nearest power of two below sqrt 2.
  const std::int64_t root = o.is_double() ? 0x3fe6a09e667f3bcd : 0x3f3504f3;
  const Lane shifted = o.wrap(b.CreateSub(o.bits(x).value, o.integer(root).value));
  const Lane e = o.wrap(b.CreateAShr(shifted.value, o.integer(mantissa).value));
  const Lane fraction = o.wrap(b.CreateAnd(shifted.value, o.integer((std::int64_t{1} << mantissa) - 1).value));
  const Lane m = o.from_bits(o.wrap(b.CreateAdd(fraction.value, o.integer(root).value)));
  // The exponent is small: its low 32 bits convert faster than 64 would.
  llvm::Type* i32 = e.value->getType()->getWithNewType(b.getInt32Ty());
  Lane exponent = o.wrap(b.CreateSIToFP(b.CreateTruncOrBitCast(e.value, i32), o.type()));
  exponent = o.select(subnormal, exponent - o.number(o.is_double() ? 54 : 25), exponent);
  return {m - o.number(1), exponent};
}

// 2 (atanh(s) - s) / s for s = f / (2 + f), as a series in s^2.
Lane logarithm_series(const Operations& o, Lane s2) {
  std::vector<double> series{0};
  const int terms = o.is_double() ? 11 : 5;
  for (int k = 1; k <= terms; ++k) series.push_back(2.0 / (2 * k + 1));
  return o.polynomial(s2, series);
}

// The logarithm of a positive finite number.
Lane finite_logarithm(const Operations& o, Lane x) {
  const auto [f, e] = split(o, x);
  const Lane s = f / (o.number(2) + f);
  const Lane half_square = o.number(0.5) * f * f;
  const Lane rest = o.fma(s, half_square + logarithm_series(o, s * s), e * o.number(ln2_low(o)));
  return o.fma(e, o.number(ln2_high(o)), -((half_square - rest) - f));
}

Lane with_logarithm_limits(const Operations& o, Lane x, Lane value) {
  value = o.select(x == o.number(infinity), x, value);
  value = o.select(x == o.number(0), o.number(-infinity), value);
  // Also NaN, for which no comparison holds.
  return o.select(x >= o.number(0), value, o.number(std::numeric_limits<double>::quiet_NaN()));
}

} // namespace

Lane exponential(Operations& o, Lane x) {
  const Lane bounded = o.is_double() ? clamp(o, x, -746, 710) : clamp(o, x, -104, 89);
  const Lane rounding = o.number(rounding_number(o));
  const Lane rounded = o.fma(bounded, o.number(log2_e), rounding);
  const Lane n = rounded - rounding;
  const Lane r = o.fma(n, o.number(-ln2_low(o)), o.fma(n, o.number(-ln2_high(o)), bounded));
  return scale(o, o.polynomial(r, exponential_series(o)), rounded);
}

Lane exponential_base_two(Operations& o, Lane x) {
  const Lane bounded = o.is_double() ? clamp(o, x, -1076, 1025) : clamp(o, x, -150, 129);
  const Lane rounding = o.number(rounding_number(o));
  const Lane rounded = bounded + rounding;
  const Lane r = (bounded - (rounded - rounding)) * o.number(ln2);
  return scale(o, o.polynomial(r, exponential_series(o)), rounded);
}

Lane exponential_minus_one(Operations& o, Lane x) {
  // Near zero the series without its first term; elsewhere nothing cancels much.
  std::vector<double> series{1};
  const int terms = o.is_double() ? 14 : 8;
  for (int k = 2; k <= terms; ++k) series.push_back(series.back() / k);
  const Lane near = x * o.polynomial(x, series);
  return o.select(o.absolute(x) < o.number(0.36), near, exponential(o, x) - o.number(1));
}

Lane logarithm(Operations& o, Lane x) { return with_logarithm_limits(o, x, finite_logarithm(o, x)); }

Lane logarithm_one_plus(Operations& o, Lane x) {
  const Lane u = o.number(1) + x;
  // What rounding 1 + x lost, put back to first order.
  const Lane correction = (x - (u - o.number(1))) / u;
  Lane value = finite_logarithm(o, u) + correction;
  value = o.select(u == o.number(1), x, value);
  return with_logarithm_limits(o, u, value);
}

Lane power(Operations& o, Lane x, Lane y) {
  const Lane magnitude = o.absolute(x), one = o.number(1);
  // log |x| in two parts: y times it must be right to the last bit of the result, not of the logarithm.
  const auto [f, e] = split(o, magnitude);
  const Lane s = f / (o.number(2) + f);
  const Lane half_f = o.number(0.5) * f;
  const Lane square = half_f * f, square_error = o.exact_fma(half_f, f, -square);
  const Lane tail = o.fma(s, square + logarithm_series(o, s * s), e * o.number(ln2_low(o))) - square_error;
  const Lane whole = e * o.number(ln2_high(o));
  const Lane high_1 = whole + f, error_1 = f - (high_1 - whole);
  const Lane high_2 = high_1 - square, error_2 = (high_1 - high_2) - square;
  const Lane low = error_1 + error_2 + tail;
  const Lane high = high_2 + low, rest = low - (high - high_2);
  const Lane product = y * high, product_error = o.fma(y, rest, o.exact_fma(y, high, -product));
  Lane value = exponential(o, product);
  value = o.fma(value, product_error, value);
  value = o.select(o.absolute(product) < o.number(o.is_double() ? 745 : 103), value, exponential(o, product));
  const Lane plain = exponential(o, y * logarithm(o, magnitude)); // zero and infinite bases
  llvm::IRBuilderBase& b = o.builder();
  value = o.select(b.CreateOr(magnitude == o.number(0), magnitude == o.number(infinity)), plain, value);

  const Lane whole_y = o.truncated(y), half_y = y * o.number(0.5);
  llvm::Value* is_whole = y == whole_y;
  llvm::Value* is_odd = b.CreateAnd(is_whole, b.CreateNot(half_y == o.truncated(half_y)));
  value = o.select(b.CreateAnd(magnitude == one, y == y), one, value);          // also for infinite y
  llvm::Value* has_sign = b.CreateICmpSLT(o.bits(x).value, o.integer(0).value); // -0 too
  value = o.select(b.CreateAnd(has_sign, is_odd), -value, value);
  value = o.select(b.CreateAnd(x < o.number(0), b.CreateNot(is_whole)),
                   o.number(std::numeric_limits<double>::quiet_NaN()), value);
  value = o.select(x == x, value, x); // NaN
  value = o.select(x == one, one, value);
  return o.select(y == o.number(0), one, value);
}

Lane cube_root(Operations& o, Lane x) {
  const Lane a = o.absolute(x);
  Lane y = exponential(o, finite_logarithm(o, a) * o.number(1.0 / 3));
  y = y - (y - a / (y * y)) * o.number(1.0 / 3); // one step of Newton's method
  llvm::Value* plain = o.builder().CreateOr(a == o.number(0), o.builder().CreateNot(a < o.number(infinity)));
  return o.copy_sign(o.select(plain, a, y), x);
}

Lane hyperbolic_sine(Operations& o, Lane x) {
  const Lane a = o.absolute(x), t = exponential_minus_one(o, a), one = o.number(1), half = o.number(0.5);
  const Lane moderate = half * (t + t / (t + one));
  const Lane root = exponential(o, half * a); // e^x itself may overflow where its half does not
  return o.copy_sign(o.select(a > o.number(20), half * root * root, moderate), x);
}

Lane hyperbolic_cosine(Operations& o, Lane x) {
  const Lane a = o.absolute(x), half = o.number(0.5), root = exponential(o, half * a), e = root * root;
  return o.select(a > o.number(20), half * root * root, half * (e + o.number(1) / e));
}

Lane hyperbolic_tangent(Operations& o, Lane x) {
  const Lane a = o.absolute(x), t = exponential_minus_one(o, a + a);
  return o.copy_sign(o.select(a > o.number(22), o.number(1), t / (t + o.number(2))), x);
}

Lane inverse_hyperbolic_sine(Operations& o, Lane x) {
  const Lane a = o.absolute(x), one = o.number(1), square = a * a;
  const Lane moderate = logarithm_one_plus(o, a + square / (one + o.square_root(one + square)));
  const Lane large = logarithm(o, a) + o.number(ln2);
  return o.copy_sign(o.select(a > o.number(o.is_double() ? 1e8 : 1e4), large, moderate), x);
}

Lane inverse_hyperbolic_cosine(Operations& o, Lane x) {
  const Lane t = x - o.number(1);
  const Lane moderate = logarithm_one_plus(o, t + o.square_root(t * (t + o.number(2))));
  return o.select(x > o.number(o.is_double() ? 1e8 : 1e4), logarithm(o, x) + o.number(ln2), moderate);
}

Lane inverse_hyperbolic_tangent(Operations& o, Lane x) {
  const Lane a = o.absolute(x);
  return o.copy_sign(o.number(0.5) * logarithm_one_plus(o, (a + a) / (o.number(1) - a)), x);
}

} // namespace sibyl::math
