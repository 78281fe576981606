// Zeros, infinities, NaN, poles and exact values of the math functions; and that lanes do not matter.
#include "tests/numerics/emitted_code.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using namespace sibyl;
using namespace sibyl::test;
using ir::MathFunction;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Case {
  MathFunction function;
  double x, y, value;
  Case(MathFunction function, double x, double value) : function(function), x(x), y(1), value(value) {}
  Case(MathFunction function, double x, double y, double value) : function(function), x(x), y(y), value(value) {}
};

using enum MathFunction;

// Exact in float and in double.
const Case cases[] = {
    {exp, 0, 1},
    {exp, -infinity, 0},
    {exp, infinity, infinity},
    {exp, -2000, 0},
    {exp, 2000, infinity},
    {exp, nan, nan},
    {expm1, 0, 0},
    {expm1, -0.0, -0.0},
    {expm1, -infinity, -1},
    {expm1, infinity, infinity},
    {expm1, nan, nan},
    {exp2, 10, 1024},
    {exp2, -3, 0.125},
    {exp2, infinity, infinity},
    {exp2, -infinity, 0},
    {exp2, nan, nan},
    {log, 1, 0},
    {log, 0, -infinity},
    {log, -0.0, -infinity},
    {log, -1, nan},
    {log, infinity, infinity},
    {log, nan, nan},
    {log1p, 0, 0},
    {log1p, -0.0, -0.0},
    {log1p, -1, -infinity},
    {log1p, -1.5, nan},
    {log1p, infinity, infinity},
    {log1p, nan, nan},
    {log2, 0, -infinity},
    {log2, 1, 0},
    {log10, 1, 0},
    {log10, infinity, infinity},
    {MathFunction::sqrt, -1, nan},
    {MathFunction::sqrt, -0.0, -0.0},
    {MathFunction::sqrt, infinity, infinity},
    {cbrt, 27, 3},
    {cbrt, -8, -2},
    {cbrt, 0, 0},
    {cbrt, -infinity, -infinity},
    {cbrt, nan, nan},
    {sin, 0, 0},
    {sin, -0.0, -0.0},
    {sin, infinity, nan},
    {sin, nan, nan},
    {cos, 0, 1},
    {cos, -infinity, nan},
    {tan, 0, 0},
    {tan, infinity, nan},
    {asin, 0, 0},
    {asin, 1.5, nan},
    {acos, 1, 0},
    {acos, -1.5, nan},
    {atan, 0, 0},
    {atan, -0.0, -0.0},
    {atan, nan, nan},
    {atan2, 0, 1, 0},
    {atan2, -0.0, 1, -0.0},
    {atan2, 0, 0, 0},
    {atan2, 1, infinity, 0},
    {atan2, nan, 1, nan},
    {atan2, 1, nan, nan},
    {sinh, 0, 0},
    {sinh, -0.0, -0.0},
    {sinh, infinity, infinity},
    {sinh, -infinity, -infinity},
    {sinh, nan, nan},
    {cosh, 0, 1},
    {cosh, -infinity, infinity},
    {cosh, nan, nan},
    {tanh, 0, 0},
    {tanh, -0.0, -0.0},
    {tanh, infinity, 1},
    {tanh, -infinity, -1},
    {tanh, nan, nan},
    {asinh, 0, 0},
    {asinh, -0.0, -0.0},
    {asinh, infinity, infinity},
    {asinh, -infinity, -infinity},
    {asinh, nan, nan},
    {acosh, 1, 0},
    {acosh, 0.5, nan},
    {acosh, infinity, infinity},
    {atanh, 0, 0},
    {atanh, 1, infinity},
    {atanh, -1, -infinity},
    {atanh, 1.5, nan},
    {pow, 3, 2, 9},
    {pow, -3, 2, 9},
    {pow, -3, 3, -27},
    {pow, -8, 1.0 / 3, nan},
    {pow, 2, -2, 0.25},
    {pow, 0, 0, 1},
    {pow, nan, 0, 1},
    {pow, infinity, 0, 1},
    {pow, 1, nan, 1},
    {pow, 1, infinity, 1},
    {pow, -1, infinity, 1},
    {pow, 0, 2, 0},
    {pow, 0, -1, infinity},
    {pow, 0, 0.5, 0},
    {pow, -0.0, 3, -0.0},
    {pow, -0.0, -3, -infinity},
    {pow, 2, infinity, infinity},
    {pow, 2, -infinity, 0},
    {pow, 0.5, infinity, 0},
    {pow, 0.5, -infinity, infinity},
    {pow, infinity, 2, infinity},
    {pow, infinity, -2, 0},
    {pow, -infinity, 3, -infinity},
    {pow, -infinity, 2, infinity},
    {pow, 2, nan, nan},
    {pow, nan, 2, nan},
    {pow, 10, 400, infinity},
    {pow, 10, -400, 0},
    {lgamma, 1, 0},
    {lgamma, 2, 0},
    {lgamma, 0, infinity},
    {lgamma, -3, infinity},
    {lgamma, infinity, infinity},
    {lgamma, nan, nan},
    {tgamma, 1, 1},
    {tgamma, 5, 24},
    {tgamma, infinity, infinity},
    {tgamma, 0, infinity},
    {tgamma, 200, infinity},
    {tgamma, -1, nan},
    {tgamma, nan, nan},
    {digamma, 0, nan},
    {digamma, -2, nan},
    {digamma, infinity, infinity},
    {digamma, nan, nan},
    {trigamma, 0, infinity},
    {trigamma, -2, infinity},
    {trigamma, infinity, 0},
    {trigamma, nan, nan},
    {erf, 0, 0},
    {erf, -0.0, -0.0},
    {erf, infinity, 1},
    {erf, -infinity, -1},
    {erf, nan, nan},
    {erfc, 0, 1},
    {erfc, infinity, 0},
    {erfc, -infinity, 2},
    {erfc, nan, nan},
    {inv_Phi, 0.5, 0},
    {inv_Phi, 0, -infinity},
    {inv_Phi, 1, infinity},
    {inv_Phi, -0.1, nan},
    {inv_Phi, 1.1, nan},
    {inv_Phi, nan, nan},
    {MathFunction::fabs, -2, 2},
    {MathFunction::floor, -1.5, -2},
    {MathFunction::ceil, -1.5, -1},
    {MathFunction::trunc, -1.5, -1},
    {MathFunction::round, 2.5, 3},
    {MathFunction::round, -2.5, -3},
    {MathFunction::round, 0.49999997, 0},
    {MathFunction::round, infinity, infinity},
    {MathFunction::round, 1e30f, 1e30f},
    {MathFunction::fmin, 1, 2, 1},
    {MathFunction::fmin, nan, 2, 2},
    {MathFunction::fmax, 1, 2, 2},
    {MathFunction::fmax, 1, nan, 1},
    {MathFunction::fmod, 7, 3, 1},
    {MathFunction::fmod, -7, 3, -1},
    {MathFunction::fmod, 7, -3, 1},
    {MathFunction::fmod, 6, 3, 0},
    {MathFunction::fmod, 1, 0, nan},
    {MathFunction::fmod, infinity, 1, nan},
    {MathFunction::fmod, 1, infinity, 1},
    {MathFunction::hypot, 3, 4, 5},
    {MathFunction::hypot, 0, 0, 0},
    {MathFunction::hypot, infinity, 1, infinity},
    {MathFunction::hypot, infinity, infinity, infinity},
    {MathFunction::hypot, nan, 1, nan},
};

template <typename T>
bool same_bits(T a, T b) {
  return (std::isnan(a) && std::isnan(b)) || std::memcmp(&a, &b, sizeof a) == 0;
}

template <typename T>
void check_cases() {
  const EmittedCode<T> code(4);
  for (const Case& one : cases) {
    INFO(name_of(one.function) << "(" << one.x << ", " << one.y << ") should be " << one.value);
    const T value = code(one.function, {static_cast<T>(one.x)}, {static_cast<T>(one.y)})[0];
    INFO("is " << value);
    CHECK(same_bits(value, static_cast<T>(one.value)));
  }
}

template <typename T>
void check_lanes() {
  std::mt19937_64 random(7);
  std::vector<T> x, y;
  for (int i = 0; i < 400; ++i) {
    x.push_back(static_cast<T>(0.01 * static_cast<double>(random() % 4001) - 20));
    y.push_back(static_cast<T>(0.01 * static_cast<double>(random() % 1001) - 5));
  }
  const EmittedCode<T> one(1);
  for (const int lanes : {4, 8, 16}) {
    const EmittedCode<T> several(lanes);
    for (std::size_t f = 0; f < ir::math_function_count; ++f) {
      const auto function = static_cast<MathFunction>(f);
      const auto expected = one(function, x, y), found = several(function, x, y);
      INFO(name_of(function) << " over " << lanes << " lanes");
      CHECK(std::equal(expected.begin(), expected.end(), found.begin(), same_bits<T>));
    }
  }
}

} // namespace

TEST_CASE("special values are exact in double") { check_cases<double>(); }
TEST_CASE("special values are exact in float") { check_cases<float>(); }

TEST_CASE("subnormal arguments and results are as exact as subnormal numbers can be") {
  const EmittedCode<double> code(8);
  CHECK(code(MathFunction::log, {0x1p-1074})[0] == -1074 * std::log(2.0));
  CHECK(code(MathFunction::exp, {-740.0})[0] == Approx(std::exp(-740.0)).epsilon(1e-6));
  CHECK(code(MathFunction::exp2, {-1074.0})[0] == 0x1p-1074);
  CHECK(code(MathFunction::sin, {0x1p-1074})[0] == 0x1p-1074);
  CHECK(code(MathFunction::erf, {1e-310})[0] == Approx(std::erf(1e-310)).epsilon(1e-12));
  CHECK(code(MathFunction::cbrt, {0x1p-1074})[0] == Approx(std::cbrt(0x1p-1074)).epsilon(1e-14));
}

TEST_CASE("powers with small integer exponents are within one unit in the last place") {
  const EmittedCode<double> code(8);
  for (const double exponent : {2.0, 3.0, -1.0, 0.5}) {
    for (double x = 0.001; x < 1e6; x *= 1.0371) {
      const double exact = std::pow(x, exponent), value = code(MathFunction::pow, {x}, {exponent})[0];
      INFO(x << " to the power " << exponent);
      CHECK(std::abs(value - exact) <= std::abs(exact) * 0x1p-52);
    }
  }
}

TEST_CASE("double: the same bits for 1, 4, 8 and 16 lanes") { check_lanes<double>(); }
TEST_CASE("float: the same bits for 1, 4, 8 and 16 lanes") { check_lanes<float>(); }
