// The scalar functions of real numbers that an instruction `math` may be.
//
// To add one: its name and its row here; its code in compiler/math/; its rule in passes/derivatives.cpp; its value in
// evaluate.cpp where the C library has it; its name for the language in lang/check/primitives.cpp. The tests of
// tests/numerics go through this table and ask for points, a reference and an accuracy where they lack them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sibyl::ir {

enum class MathFunction : std::uint8_t {
  exp,
  expm1,
  log,
  log1p,
  log2,
  log10,
  exp2,
  sqrt,
  cbrt,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  atan2,
  sinh,
  cosh,
  tanh,
  asinh,
  acosh,
  atanh,
  pow,
  lgamma,
  tgamma,
  digamma,
  trigamma,
  erf,
  erfc,
  inv_Phi,
  fabs,
  floor,
  ceil,
  round,
  trunc,
  fmin,
  fmax,
  fmod,
  hypot,
};

// What the derivative's rule (passes/derivatives.cpp) is like.
namespace slope {
using Traits = std::uint8_t;
enum : Traits {
  // There is none: the function is a staircase.
  zero = 1 << 0,
  // Finite wherever the arguments are.
  always_finite = 1 << 1,
  // Computed from the function's value.
  reads_result = 1 << 2,
  // One argument gets all of it, the other nothing.
  chooses = 1 << 3,
};
} // namespace slope

struct MathFunctionFact {
  MathFunction function;
  std::string_view name; // as in the language
  int arguments;
  slope::Traits slope = 0;
};

// By the enumeration's order.
inline constexpr auto math_functions = [] {
  using namespace slope;
  return std::to_array<MathFunctionFact>({
      {MathFunction::exp, "exp", 1, always_finite | reads_result},
      {MathFunction::expm1, "expm1", 1, always_finite | reads_result},
      {MathFunction::log, "log", 1},
      {MathFunction::log1p, "log1p", 1},
      {MathFunction::log2, "log2", 1},
      {MathFunction::log10, "log10", 1},
      {MathFunction::exp2, "exp2", 1, always_finite | reads_result},
      {MathFunction::sqrt, "sqrt", 1, reads_result},
      {MathFunction::cbrt, "cbrt", 1, reads_result},
      {MathFunction::sin, "sin", 1, always_finite},
      {MathFunction::cos, "cos", 1, always_finite},
      {MathFunction::tan, "tan", 1, reads_result},
      {MathFunction::asin, "asin", 1},
      {MathFunction::acos, "acos", 1},
      {MathFunction::atan, "atan", 1, always_finite},
      {MathFunction::atan2, "atan2", 2},
      {MathFunction::sinh, "sinh", 1, always_finite},
      {MathFunction::cosh, "cosh", 1, always_finite},
      {MathFunction::tanh, "tanh", 1, always_finite | reads_result},
      {MathFunction::asinh, "asinh", 1, always_finite},
      {MathFunction::acosh, "acosh", 1},
      {MathFunction::atanh, "atanh", 1},
      {MathFunction::pow, "pow", 2, reads_result},
      {MathFunction::lgamma, "lgamma", 1},
      {MathFunction::tgamma, "tgamma", 1, reads_result},
      {MathFunction::digamma, "digamma", 1},
      {MathFunction::trigamma, "trigamma", 1},
      {MathFunction::erf, "erf", 1, always_finite},
      {MathFunction::erfc, "erfc", 1, always_finite},
      {MathFunction::inv_Phi, "inv_Phi", 1, reads_result},
      {MathFunction::fabs, "fabs", 1, always_finite},
      {MathFunction::floor, "floor", 1, zero},
      {MathFunction::ceil, "ceil", 1, zero},
      {MathFunction::round, "round", 1, zero},
      {MathFunction::trunc, "trunc", 1, zero},
      {MathFunction::fmin, "fmin", 2, always_finite | chooses},
      {MathFunction::fmax, "fmax", 2, always_finite | chooses},
      {MathFunction::fmod, "fmod", 2},
      {MathFunction::hypot, "hypot", 2, reads_result},
  });
}();

inline constexpr std::size_t math_function_count = math_functions.size();
constexpr bool has_row_for_every_function() {
  for (std::size_t i = 0; i < math_function_count; ++i)
    if (math_functions[i].function != static_cast<MathFunction>(i)) return false;
  return math_function_count == static_cast<std::size_t>(MathFunction::hypot) + 1;
}
static_assert(has_row_for_every_function());

constexpr bool has(MathFunction function, slope::Traits any_of) {
  return (math_functions[static_cast<std::size_t>(function)].slope & any_of) != 0;
}
constexpr std::string_view name_of(MathFunction function) {
  return math_functions[static_cast<std::size_t>(function)].name;
}
constexpr int arity(MathFunction function) { return math_functions[static_cast<std::size_t>(function)].arguments; }

constexpr std::optional<MathFunction> find_math_function(std::string_view name) {
  for (std::size_t i = 0; i < math_function_count; ++i)
    if (math_functions[i].name == name) return static_cast<MathFunction>(i);
  return std::nullopt;
}

} // namespace sibyl::ir
