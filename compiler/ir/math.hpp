// The scalar functions of real numbers that an instruction `math` may be.
//
// One list serves the checker's names, the code generator's polynomials (compiler/math/), and the table of derivatives.
#pragma once

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

struct MathFunctionFact {
  std::string_view name; // as in the language
  int arguments;
};

// By the enumeration's order.
inline constexpr MathFunctionFact math_functions[] = {
    {"exp", 1},   {"expm1", 1},   {"log", 1},    {"log1p", 1},  {"log2", 1},    {"log10", 1},    {"exp2", 1},
    {"sqrt", 1},  {"cbrt", 1},    {"sin", 1},    {"cos", 1},    {"tan", 1},     {"asin", 1},     {"acos", 1},
    {"atan", 1},  {"atan2", 2},   {"sinh", 1},   {"cosh", 1},   {"tanh", 1},    {"asinh", 1},    {"acosh", 1},
    {"atanh", 1}, {"pow", 2},     {"lgamma", 1}, {"tgamma", 1}, {"digamma", 1}, {"trigamma", 1}, {"erf", 1},
    {"erfc", 1},  {"inv_Phi", 1}, {"fabs", 1},   {"floor", 1},  {"ceil", 1},    {"round", 1},    {"trunc", 1},
    {"fmin", 2},  {"fmax", 2},    {"fmod", 2},   {"hypot", 2}};

inline constexpr std::size_t math_function_count = sizeof math_functions / sizeof *math_functions;
static_assert(math_function_count == static_cast<std::size_t>(MathFunction::hypot) + 1);

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
