#include "compiler/math/functions.hpp"

#include <numbers>
#include <vector>

namespace sibyl::math {

namespace {

// x, x - x^3/3!, ... or 1, 1 - x^2/2!, ...: the alternating series in x^2 that begins with 1/first!.
std::vector<double> alternating(int first, int last) {
  std::vector<double> series{1};
  for (int k = first + 2; k <= last; k += 2) series.push_back(-series.back() / (static_cast<double>(k) * (k - 1)));
  return series;
}

} // namespace

SineCosine reduced_sine_cosine(Operations& o, Lane r) {
  const Lane square = r * r;
  const std::vector<double> sine = alternating(1, o.is_double() ? 17 : 9),
                            cosine = alternating(0, o.is_double() ? 18 : 10);
  // r + r^3 (...) and 1 - r^2/2 + r^4 (...): the leading terms are added last.
  const std::vector<double> sine_rest(sine.begin() + 1, sine.end()), cosine_rest(cosine.begin() + 2, cosine.end());
  const Lane s = o.fma(r * square, o.polynomial(square, sine_rest), r);
  const Lane half = o.number(0.5) * square, head = o.number(1) - half;
  const Lane lost = (o.number(1) - head) - half;
  const Lane c = head + o.fma(square * square, o.polynomial(square, cosine_rest), lost);
  return {s, c};
}

SineCosine turn(Operations& o, SineCosine reduced, Lane quadrant) {
  llvm::IRBuilderBase& b = o.builder();
  const auto bit = [&](std::int64_t mask, Lane of) {
    return b.CreateICmpNE(b.CreateAnd(of.value, o.integer(mask).value), o.integer(0).value);
  };
  llvm::Value* swap = bit(1, quadrant);
  const Lane sine = o.select(swap, reduced.cosine, reduced.sine), cosine = o.select(swap, reduced.sine, reduced.cosine);
  const Lane next = o.wrap(b.CreateAdd(quadrant.value, o.integer(1).value));
  return {o.select(bit(2, quadrant), -sine, sine), o.select(bit(2, next), -cosine, cosine)};
}

SineCosine sine_cosine(Operations& o, Lane x) {
  const Lane rounding = o.number(o.is_double() ? 0x1.8p52 : 0x1.8p23);
  const Lane rounded = o.fma(x, o.number(2 / std::numbers::pi), rounding);
  const Lane n = rounded - rounding;
  // pi / 2 in three parts (Cody and Waite 1980): n times the first two is exact for |n| < 2^20 (double), 2^9 (float).
  const double parts_double[] = {0x1.921fb54400000p0, 0x1.0b4611a600000p-34, 0x1.3198a2e037073p-69};
  const double parts_float[] = {0x1.92p0, 0x1.fb4p-12, 0x1.4442d18p-24};
  const double* parts = o.is_double() ? parts_double : parts_float;
  Lane r = x;
  for (int i = 0; i < 3; ++i) r = o.fma(n, o.number(-parts[i]), r);
  const Lane quadrant = o.wrap(o.builder().CreateSub(o.bits(rounded).value, o.bits(rounding).value));
  SineCosine result = turn(o, reduced_sine_cosine(o, r), quadrant);
  result.sine = o.select(x == o.number(0), x, result.sine); // keeps the sign of -0
  return result;
}

Lane arc_tangent(Operations& o, Lane x) {
  const Lane a = o.absolute(x), one = o.number(1);
  // |x| > 1 by the reciprocal, then above tan(pi / 8) by the quarter turn: the series runs over |t| <= tan(pi / 8).
  llvm::Value* inverted = a > one;
  const Lane u = o.select(inverted, one / a, a);
  llvm::Value* shifted = u > o.number(0.41421356237309504880);
  const Lane t = o.select(shifted, (u - one) / (u + one), u);
  const Lane square = t * t;
  std::vector<double> series;
  for (int k = 0; k <= (o.is_double() ? 21 : 9); ++k) series.push_back((k % 2 ? -1.0 : 1.0) / (2 * k + 3));
  Lane value = t - t * square * o.polynomial(square, series);
  value = o.select(shifted, o.number(std::numbers::pi / 4) + value, value);
  value = o.select(inverted, o.number(std::numbers::pi / 2) - value, value);
  return o.copy_sign(value, x);
}

Lane arc_tangent_2(Operations& o, Lane y, Lane x) {
  llvm::IRBuilderBase& b = o.builder();
  const Lane a = o.absolute(y), c = o.absolute(x), zero = o.number(0), pi = o.number(std::numbers::pi);
  llvm::Value* steep = a > c;
  const Lane ratio = o.select(steep, c, a) / o.select(steep, a, c);
  Lane value = arc_tangent(o, ratio);
  value = o.select(b.CreateAnd(a == zero, c == zero), zero, value);
  const Lane infinity = o.number(std::numeric_limits<double>::infinity());
  value = o.select(b.CreateAnd(a == infinity, c == infinity), o.number(std::numbers::pi / 4), value);
  value = o.select(steep, o.number(std::numbers::pi / 2) - value, value);
  // The sign bit of x, so that -0 counts as negative.
  llvm::Value* left = b.CreateICmpSLT(o.bits(x).value, o.integer(0).value);
  value = o.select(left, pi - value, value);
  return o.copy_sign(value, y);
}

Lane arc_sine(Operations& o, Lane x) {
  const Lane one = o.number(1);
  return arc_tangent_2(o, x, o.square_root((one - x) * (one + x)));
}

Lane arc_cosine(Operations& o, Lane x) {
  const Lane one = o.number(1);
  return o.number(2) * arc_tangent_2(o, o.square_root(one - x), o.square_root(one + x));
}

} // namespace sibyl::math
