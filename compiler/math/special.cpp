#include "compiler/math/functions.hpp"

#include <limits>
#include <numbers>
#include <vector>

namespace sibyl::math {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Below this the asymptotic series are reached by recurrence, in as many steps.
constexpr int shift = 8;

// sin(pi x) and cos(pi x): x is reduced before it is multiplied, so that integers give exact zeros.
SineCosine sine_cosine_pi(Operations& o, Lane x) {
  const Lane rounding = o.number(o.is_double() ? 0x1.8p52 : 0x1.8p23);
  const Lane rounded = x * o.number(2) + rounding; // halves
  const Lane r = (x - (rounded - rounding) * o.number(0.5)) * o.number(std::numbers::pi);
  const Lane quadrant = o.wrap(o.builder().CreateSub(o.bits(rounded).value, o.bits(rounding).value));
  return turn(o, reduced_sine_cosine(o, r), quadrant);
}

// log Gamma(x) for x > 0: Stirling's series at x + 8 (Abramowitz and Stegun 6.1.40), brought back by the recurrence.
Lane log_gamma_positive(Operations& o, Lane x) {
  llvm::Value* small = x < o.number(shift);
  Lane product = x;
  for (int k = 1; k < shift; ++k) product = product * (x + o.number(k));
  const Lane z = o.select(small, x + o.number(shift), x), inverse = o.number(1) / z, square = inverse * inverse;
  const Lane series = inverse * o.polynomial(square, {1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188,
                                                      -691.0 / 360360, 1.0 / 156, -3617.0 / 122400});
  const Lane log_z = logarithm(o, z);
  const Lane value = o.fma(z - o.number(0.5), log_z, -z) + (o.number(0.91893853320467274178) + series);
  return o.select(small, value - logarithm(o, product), value);
}

// (1 + 2 x) exp(x^2) erfc(x) for x >= 0, a Chebyshev series in (x - 3.75) / (x + 3.75) (after Shepherd and Laframboise
// 1981).
constexpr double scaled_erfc_series[] = {
    2.3551578691348035082,       -0.0045900545806464773309,  -0.084249133366517915584,   0.059209939998191890498,
    -0.026658668435305752277,    0.0090749976707052650939,   -0.0024131635404176081909,  0.00049077583652580863229,
    -0.000069169733025012063671, 4.1390279860730101675e-6,   7.7403830661984906686e-7,   -2.1886401049234395661e-7,
    1.0764999465670910377e-8,    4.5219598112182868979e-9,   -7.7544002088313511065e-10, -6.3180883408866844944e-11,
    2.8687950109306698981e-11,   1.945586854577734723e-13,   -9.6546967484334389059e-13, 3.2525481481487398415e-14,
    3.3478119482868053878e-14,   -1.8645628804193131015e-15, -1.2507950530688647085e-15, 7.4182352566240434635e-17,
    5.0681489047961113171e-17,   -2.2370566594359995972e-18};

Lane scaled_erfc(Operations& o, Lane x) {
  const Lane t = (x - o.number(3.75)) / (x + o.number(3.75)), twice = t + t;
  Lane b1 = o.number(0), b2 = o.number(0);
  const int terms = o.is_double() ? 26 : 13;
  for (int k = terms - 1; k >= 1; --k) { // Clenshaw's recurrence
    const Lane next = o.fma(twice, b1, o.number(scaled_erfc_series[k]) - b2);
    b2 = b1;
    b1 = next;
  }
  return o.fma(t, b1, o.number(0.5 * scaled_erfc_series[0]) - b2) / o.fma(o.number(2), x, o.number(1));
}

// erf(x) for |x| <= 1 by its power series.
Lane small_error_function(Operations& o, Lane x) {
  std::vector<double> series;
  double factorial = 1;
  for (int k = 0; k <= (o.is_double() ? 19 : 9); ++k) {
    if (k > 0) factorial *= -k;
    series.push_back(2 * std::numbers::inv_sqrtpi / (factorial * (2 * k + 1)));
  }
  return x * o.polynomial(x * x, series);
}

Lane large_complement(Operations& o, Lane a) {
  // exp(-a^2) with the rounding error of a^2 put back.
  const Lane square = a * a, error = o.exact_fma(a, a, -square);
  const Lane e = exponential(o, -square);
  return o.fma(e, -error, e) * scaled_erfc(o, a);
}

} // namespace

Lane log_gamma(Operations& o, Lane x) {
  const Lane one = o.number(1);
  llvm::Value* negative = x < o.number(0.5);
  const Lane reflected = o.select(negative, one - x, x);
  const Lane value = log_gamma_positive(o, reflected);
  // Gamma(x) Gamma(1 - x) = pi / sin(pi x)
  const Lane sine = o.absolute(sine_cosine_pi(o, x).sine);
  const Lane mirrored = o.number(1.14472988584940017414) - logarithm(o, sine) - value;
  Lane result = o.select(negative, mirrored, value);
  // Between 0 and 1/2 the recurrence is more accurate than the reflection.
  result = o.select(o.builder().CreateAnd(negative, x > o.number(0)), log_gamma_positive(o, x + one) - logarithm(o, x),
                    result);
  llvm::Value* pole = o.builder().CreateAnd(x <= o.number(0), x == o.truncated(x));
  result = o.select(pole, o.number(infinity), result);
  return o.select(o.absolute(x) == o.number(infinity), o.number(infinity), result);
}

Lane gamma(Operations& o, Lane x) {
  const Lane magnitude = exponential(o, log_gamma(o, x));
  // Negative between -1 and 0, positive between -2 and -1, and so on.
  const Lane whole = o.floor(x), half = whole * o.number(0.5);
  llvm::Value* odd = o.builder().CreateNot(half == o.truncated(half));
  Lane value = o.select(o.builder().CreateAnd(x < o.number(0), odd), -magnitude, magnitude);
  llvm::Value* pole = o.builder().CreateAnd(x < o.number(0), x == whole);
  return o.select(pole, o.number(std::numeric_limits<double>::quiet_NaN()), value);
}

Lane digamma(Operations& o, Lane x) {
  const Lane one = o.number(1);
  llvm::Value* negative = x < o.number(0);
  const Lane positive = o.select(negative, one - x, x);
  llvm::Value* small = positive < o.number(shift);
  Lane steps = one / positive;
  for (int k = 1; k < shift; ++k) steps = steps + one / (positive + o.number(k));
  const Lane z = o.select(small, positive + o.number(shift), positive), inverse = one / z, square = inverse * inverse;
  // Abramowitz and Stegun 6.3.18
  const Lane series = square * o.polynomial(square, {1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132,
                                                     -691.0 / 32760, 1.0 / 12, -3617.0 / 8160});
  Lane value = logarithm(o, z) - o.number(0.5) * inverse - series;
  value = o.select(small, value - steps, value);
  const SineCosine turned = sine_cosine_pi(o, x);
  value = o.select(negative, value - o.number(std::numbers::pi) * turned.cosine / turned.sine, value);
  llvm::Value* pole = o.builder().CreateAnd(x <= o.number(0), x == o.truncated(x));
  return o.select(pole, o.number(std::numeric_limits<double>::quiet_NaN()), value);
}

Lane trigamma(Operations& o, Lane x) {
  const Lane one = o.number(1);
  llvm::Value* negative = x < o.number(0);
  const Lane positive = o.select(negative, one - x, x);
  llvm::Value* small = positive < o.number(shift);
  Lane steps = one / (positive * positive);
  for (int k = 1; k < shift; ++k) {
    const Lane y = positive + o.number(k);
    steps = steps + one / (y * y);
  }
  const Lane z = o.select(small, positive + o.number(shift), positive), inverse = one / z, square = inverse * inverse;
  // Abramowitz and Stegun 6.4.12
  const Lane series =
      inverse * square *
      o.polynomial(square, {1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6, -3617.0 / 510});
  Lane value = inverse + o.number(0.5) * square + series;
  value = o.select(small, value + steps, value);
  const Lane ratio = o.number(std::numbers::pi) / sine_cosine_pi(o, x).sine;
  value = o.select(negative, ratio * ratio - value, value);
  llvm::Value* pole = o.builder().CreateAnd(x <= o.number(0), x == o.truncated(x));
  return o.select(pole, o.number(infinity), value);
}

Lane error_function(Operations& o, Lane x) {
  const Lane a = o.absolute(x);
  const Lane large = o.number(1) - large_complement(o, a);
  Lane value = o.select(a <= o.number(1), small_error_function(o, a), large);
  value = o.select(a > o.number(6), o.number(1), value);
  return o.copy_sign(value, x);
}

Lane complementary_error_function(Operations& o, Lane x) {
  const Lane a = o.absolute(x), one = o.number(1);
  Lane large = large_complement(o, a);
  large = o.select(a > o.number(28), o.number(0), large);
  const Lane value = o.select(x < o.number(0), o.number(2) - large, large);
  return o.select(a <= o.number(0.5), one - small_error_function(o, x), value);
}

// Wichura (1988), algorithm AS 241 (PPND16).
Lane normal_quantile(Operations& o, Lane p) {
  const Lane q = p - o.number(0.5), one = o.number(1);
  const Lane central = o.number(0.180625) - q * q;
  const Lane inner = q *
                     o.polynomial(central, {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                                            1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                                            3.3430575583588128105e4, 2.5090809287301226727e3}) /
                     o.polynomial(central, {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2,
                                            5.3941960214247511077e3, 2.1213794301586595867e4, 3.9307895800092710610e4,
                                            2.8729085735721942674e4, 5.2264952788528545610e3});
  const Lane tail = o.select(q < o.number(0), p, one - p);
  const Lane r = o.square_root(-logarithm(o, tail));
  const Lane near = r - o.number(1.6), far = r - o.number(5);
  const Lane near_value =
      o.polynomial(near, {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
                          3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
                          2.27238449892691845833e-2, 7.74545014278341407640e-4}) /
      o.polynomial(near, {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
                          1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
                          1.05075007164441684324e-9});
  const Lane far_value =
      o.polynomial(far, {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
                         2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                         2.71155556874348757815e-5, 2.01033439929228813265e-7}) /
      o.polynomial(far, {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
                         7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
                         2.04426310338993978564e-15});
  const Lane outer = o.copy_sign(o.select(r <= o.number(5), near_value, far_value), q);
  Lane value = o.select(o.absolute(q) <= o.number(0.425), inner, outer);
  value = o.select(p == o.number(0), o.number(-infinity), value);
  value = o.select(p == one, o.number(infinity), value);
  llvm::Value* inside = o.builder().CreateAnd(p >= o.number(0), p <= one);
  return o.select(inside, value, o.number(std::numeric_limits<double>::quiet_NaN()));
}

} // namespace sibyl::math
