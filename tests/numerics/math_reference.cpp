#include "tests/numerics/math_reference.hpp"

#include <cmath>
#include <limits>

namespace sibyl::test {

namespace {

using ir::MathFunction;

const Quad pi = acosf128(-1);

// The asymptotic series at x + 40 (Abramowitz and Stegun 6.3.18, 6.4.12), brought back by the recurrence.
constexpr int steps = 40;
const Quad bernoulli[] = {Quad(1) / 6,       Quad(-1) / 30, Quad(1) / 42,      Quad(-1) / 30,     Quad(5) / 66,
                          Quad(-691) / 2730, Quad(7) / 6,   Quad(-3617) / 510, Quad(43867) / 798, Quad(-174611) / 330};

Quad digamma(Quad x) {
  if (x < 0.5) return digamma(1 - x) - pi / tanf128(pi * (x - floorf128(x)));
  Quad sum = 0;
  for (int k = 0; k < steps; ++k) sum -= 1 / (x + k);
  x += steps;
  sum += logf128(x) - 1 / (2 * x);
  Quad power = 1;
  int n = 0;
  for (const Quad b : bernoulli) {
    power /= x * x;
    n += 2;
    sum -= b * power / n;
  }
  return sum;
}

Quad trigamma(Quad x) {
  if (x < 0.5) {
    const Quad sine = sinf128(pi * (x - floorf128(x)));
    return pi * pi / (sine * sine) - trigamma(1 - x);
  }
  Quad sum = 0;
  for (int k = 0; k < steps; ++k) sum += 1 / ((x + k) * (x + k));
  x += steps;
  sum += 1 / x + 1 / (2 * x * x);
  Quad power = 1 / x;
  for (const Quad b : bernoulli) {
    power /= x * x;
    sum += b * power;
  }
  return sum;
}

// Newton's method on the logarithm of the nearer tail, from its leading asymptotic term or the linear one.
Quad normal_quantile(Quad p) {
  const bool lower = p < 0.5;
  const Quad tail = lower ? p : 1 - p;
  if (tail == 0.5) return 0;
  Quad z = tail < 0.1 ? sqrtf128(-2 * logf128(tail)) : (0.5 - tail) * sqrtf128(2 * pi);
  for (int i = 0; i < 40; ++i) {
    const Quad upper = erfcf128(z / sqrtf128(2)) / 2, density = expf128(-z * z / 2) / sqrtf128(2 * pi);
    const Quad step = (logf128(upper) - logf128(tail)) * upper / density;
    z += step;
    if (fabsf128(step) <= fabsf128(z) * Quad(1e-30)) break;
  }
  return lower ? -z : z;
}

} // namespace

Quad reference(MathFunction function, Quad x, Quad y) {
  switch (function) {
  case MathFunction::exp: return expf128(x);
  case MathFunction::expm1: return expm1f128(x);
  case MathFunction::log: return logf128(x);
  case MathFunction::log1p: return log1pf128(x);
  case MathFunction::log2: return log2f128(x);
  case MathFunction::log10: return log10f128(x);
  case MathFunction::exp2: return exp2f128(x);
  case MathFunction::sqrt: return sqrtf128(x);
  case MathFunction::cbrt: return cbrtf128(x);
  case MathFunction::sin: return sinf128(x);
  case MathFunction::cos: return cosf128(x);
  case MathFunction::tan: return tanf128(x);
  case MathFunction::asin: return asinf128(x);
  case MathFunction::acos: return acosf128(x);
  case MathFunction::atan: return atanf128(x);
  case MathFunction::atan2: return atan2f128(x, y);
  case MathFunction::sinh: return sinhf128(x);
  case MathFunction::cosh: return coshf128(x);
  case MathFunction::tanh: return tanhf128(x);
  case MathFunction::asinh: return asinhf128(x);
  case MathFunction::acosh: return acoshf128(x);
  case MathFunction::atanh: return atanhf128(x);
  case MathFunction::pow: return powf128(x, y);
  case MathFunction::lgamma: return lgammaf128(x);
  case MathFunction::tgamma: return tgammaf128(x);
  case MathFunction::digamma: return digamma(x);
  case MathFunction::trigamma: return trigamma(x);
  case MathFunction::erf: return erff128(x);
  case MathFunction::erfc: return erfcf128(x);
  case MathFunction::inv_Phi: return normal_quantile(x);
  case MathFunction::fabs: return fabsf128(x);
  case MathFunction::floor: return floorf128(x);
  case MathFunction::ceil: return ceilf128(x);
  case MathFunction::round: return roundf128(x);
  case MathFunction::trunc: return truncf128(x);
  case MathFunction::fmin: return fminf128(x, y);
  case MathFunction::fmax: return fmaxf128(x, y);
  case MathFunction::fmod: return fmodf128(x, y);
  case MathFunction::hypot: return hypotf128(x, y);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

} // namespace sibyl::test
