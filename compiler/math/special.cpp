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

// log Gamma(2 + t) / t for |t| <= 1/2, interpolated at Chebyshev's points; relative error 7e-17 and 5e-9.
constexpr double near_two_double[] = {
    0.422784335098467139,     0.322467033424113236,     -0.0673523010531981034,    0.0205808084277803801,
    -0.0073855510286719984,   0.00289051033103426686,   -0.00119275391184281569,   0.000509669515411545835,
    -0.000223154754005205077, 0.0000994576735581949821, -0.0000449263133791556975, 0.0000205055907558334531,
    -9.43871509921153266e-6,  4.38470440459836033e-6,   -2.04390481070299067e-6,   9.20052789496810049e-7,
    -4.32523934456048164e-7,  2.78740805211358998e-7,   -1.32199456661178745e-7};
constexpr double near_two_float[] = {0.422784335098467139,   0.322467018045499477,    -0.067352294090874079,
                                     0.0205816254365885003,  -0.00738592088478357763, 0.00287886868374075011,
                                     -0.0011874848136699278, 0.00057025125028297812,  -0.000250562021460866338};

// Gamma of a positive number below `shift` is that of 2 + t times or over a product, with t and all factors exact.
struct NearTwo {
  Lane log_gamma;      // of 2 + t
  Lane product;        // times this, or
  llvm::Value* divide; // divided by it
};

NearTwo reduce_to_two(Operations& o, Lane x) {
  const Lane one = o.number(1), half = o.number(0.5), three_halves = o.number(1.5);
  Lane t = o.select(x < half, x, o.select(x < three_halves, x - one, x - o.number(2)));
  Lane product = o.select(x < half, x * (x + one), o.select(x < three_halves, x, one));
  for (int step = 2; step < shift; ++step) {
    llvm::Value* above = t >= half;
    product = o.select(above, product * (t + one), product);
    t = o.select(above, t - one, t);
  }
  const Lane series = o.is_double() ? o.polynomial(t, near_two_double) : o.polynomial(t, near_two_float);
  return {t * series, product, x < three_halves};
}

// What Stirling's formula lacks: log Gamma(z) - (z - 1/2) log z + z (Abramowitz and Stegun 6.1.40).
Lane stirling_rest(Operations& o, Lane z) {
  const Lane inverse = o.number(1) / z;
  return o.fma(inverse,
               o.polynomial(inverse * inverse, {1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188,
                                                -691.0 / 360360, 1.0 / 156, -3617.0 / 122400}),
               o.number(0.91893853320467274178));
}

Lane log_gamma_positive(Operations& o, Lane x) {
  llvm::Value* small = x < o.number(shift);
  const NearTwo near = reduce_to_two(o, x);
  const Lane log = logarithm(o, o.select(small, near.product, x));
  const Lane of_small = near.log_gamma + o.select(near.divide, -log, log);
  return o.select(small, of_small, o.fma(x - o.number(0.5), log, stirling_rest(o, x) - x));
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
  const Lane a = o.absolute(x);
  const Lane value = log_gamma_positive(o, a);
  // Gamma(x) Gamma(-x) = -pi / (x sin(pi x)); unlike 1 - x, -x is exact.
  const Lane sine = o.absolute(sine_cosine_pi(o, x).sine);
  const Lane mirrored = o.number(1.14472988584940017414) - logarithm(o, a * sine) - value;
  const Lane tiny = o.number(o.is_double() ? 1e-20 : 1e-10); // a * sine might vanish
  Lane result = o.select(x < o.number(0), o.select(a < tiny, value, mirrored), value);
  llvm::Value* pole = o.builder().CreateAnd(x <= o.number(0), x == o.truncated(x));
  result = o.select(pole, o.number(infinity), result);
  return o.select(a == o.number(infinity), o.number(infinity), result);
}

Lane gamma(Operations& o, Lane x) {
  const Lane a = o.absolute(x), one = o.number(1);
  const NearTwo near = reduce_to_two(o, a);
  const Lane of_two = exponential(o, near.log_gamma);
  const Lane small = o.select(near.divide, of_two / near.product, of_two * near.product);
  // Stirling's formula; the power in two halves, which do not overflow before the whole does.
  const Lane root = power(o, a, o.fma(o.number(0.5), a, o.number(-0.25)));
  Lane large = root * exponential(o, -a) * root * exponential(o, stirling_rest(o, a));
  large = o.select(a > o.number(o.is_double() ? 172 : 36), o.number(infinity), large);
  Lane value = o.select(a < o.number(shift), small, large);
  const Lane tiny = o.number(o.is_double() ? 1e-20 : 1e-10);
  value = o.select(a < tiny, one / a, value);
  const Lane mirrored = o.number(-std::numbers::pi) / (x * sine_cosine_pi(o, x).sine * value);
  value = o.select(x < o.number(0), o.select(a < tiny, one / x, mirrored), value);
  llvm::Value* pole = o.builder().CreateAnd(x < o.number(0), x == o.truncated(x));
  value = o.select(pole, o.number(std::numeric_limits<double>::quiet_NaN()), value);
  return o.select(x == x, value, x);
}

Lane digamma(Operations& o, Lane x) {
  const Lane one = o.number(1);
  llvm::Value* negative = x < o.number(0);
  const Lane positive = o.select(negative, one - x, x);
  llvm::Value* small = positive < o.number(shift);
  // 1 / x + 1 / (x + 1) + ...: the derivative of a product over the product, with one division.
  Lane product = positive, derivative = one;
  for (int k = 1; k < shift; ++k) {
    const Lane factor = positive + o.number(k);
    derivative = o.fma(derivative, factor, product);
    product = product * factor;
  }
  const Lane steps = derivative / product;
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
