#include "compiler/ir/evaluate.hpp"

#include "compiler/ir/math.hpp"

#include <algorithm>
#include <cmath>

namespace sibyl::ir {
namespace {

double wrap(std::int64_t value) { // to 32 bits
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
}

double saturate(double value) { // real to integer: the nearest that there is, zero for NaN
  if (std::isnan(value)) return 0;
  return std::trunc(std::min(std::max(value, -2147483648.0), 2147483647.0)) + 0.0; // no negative zero
}

std::optional<double> evaluate_math(MathFunction function, const std::vector<double>& x) {
  switch (function) {
  case MathFunction::exp: return std::exp(x[0]);
  case MathFunction::exp2: return std::exp2(x[0]);
  case MathFunction::expm1: return std::expm1(x[0]);
  case MathFunction::log: return std::log(x[0]);
  case MathFunction::log1p: return std::log1p(x[0]);
  case MathFunction::log2: return std::log2(x[0]);
  case MathFunction::log10: return std::log10(x[0]);
  case MathFunction::sqrt: return std::sqrt(x[0]);
  case MathFunction::cbrt: return std::cbrt(x[0]);
  case MathFunction::sin: return std::sin(x[0]);
  case MathFunction::cos: return std::cos(x[0]);
  case MathFunction::tan: return std::tan(x[0]);
  case MathFunction::asin: return std::asin(x[0]);
  case MathFunction::acos: return std::acos(x[0]);
  case MathFunction::atan: return std::atan(x[0]);
  case MathFunction::atan2: return std::atan2(x[0], x[1]);
  case MathFunction::sinh: return std::sinh(x[0]);
  case MathFunction::cosh: return std::cosh(x[0]);
  case MathFunction::tanh: return std::tanh(x[0]);
  case MathFunction::asinh: return std::asinh(x[0]);
  case MathFunction::acosh: return std::acosh(x[0]);
  case MathFunction::atanh: return std::atanh(x[0]);
  case MathFunction::pow: return std::pow(x[0], x[1]);
  case MathFunction::lgamma: return std::lgamma(x[0]);
  case MathFunction::tgamma: return std::tgamma(x[0]);
  case MathFunction::erf: return std::erf(x[0]);
  case MathFunction::erfc: return std::erfc(x[0]);
  case MathFunction::fabs: return std::fabs(x[0]);
  case MathFunction::floor: return std::floor(x[0]);
  case MathFunction::ceil: return std::ceil(x[0]);
  case MathFunction::round: return std::round(x[0]);
  case MathFunction::trunc: return std::trunc(x[0]);
  case MathFunction::fmin: return std::fmin(x[0], x[1]);
  case MathFunction::fmax: return std::fmax(x[0], x[1]);
  case MathFunction::fmod: return std::fmod(x[0], x[1]);
  case MathFunction::hypot: return std::hypot(x[0], x[1]);
  default: return std::nullopt;
  }
}

std::optional<double> evaluate_integer(Op op, double first, double second) {
  const auto a = static_cast<std::int64_t>(first), b = static_cast<std::int64_t>(second);
  switch (op) {
  case Op::add: return wrap(a + b);
  case Op::subtract: return wrap(a - b);
  case Op::multiply: return wrap(a * b);
  case Op::divide:
    if (b == 0) return std::nullopt;
    return wrap(a / b);
  case Op::modulo:
    if (b == 0) return std::nullopt;
    return wrap(a % b);
  case Op::minimum: return static_cast<double>(std::min(a, b));
  case Op::maximum: return static_cast<double>(std::max(a, b));
  default: return std::nullopt;
  }
}

std::optional<double> compare(Op op, double a, double b) {
  switch (op) {
  case Op::equal: return a == b;
  case Op::not_equal: return a != b;
  case Op::less: return a < b;
  case Op::less_equal: return a <= b;
  case Op::greater: return a > b;
  default: return a >= b;
  }
}

// The functions that IEEE 754 defines to the last bit. All others are polynomials of our own in machine code, and
// folding them with the C library's would give other numbers.
bool is_exact(MathFunction function, const std::vector<double>& x) {
  switch (function) {
  case MathFunction::sqrt:
  case MathFunction::fabs:
  case MathFunction::floor:
  case MathFunction::ceil:
  case MathFunction::round:
  case MathFunction::trunc: return true;
  case MathFunction::fmin:
  case MathFunction::fmax: return !std::isnan(x[0]) && !std::isnan(x[1]) && x[0] != x[1]; // the sign of zero is free
  default: return false;
  }
}

bool same(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

// A correctly rounded operation on floats is the one on doubles, rounded: a float has less than half of the digits.
double rounded(double value) { return static_cast<float>(value); }

} // namespace

std::optional<double> evaluate(Op op, std::uint32_t id, const std::vector<Type>& types, const std::vector<double>& x) {
  if (is_comparison(op)) return compare(op, x[0], x[1]);
  switch (op) {
  case Op::math: return evaluate_math(static_cast<MathFunction>(id), x);
  case Op::to_real: return x[0];
  case Op::to_integer: return saturate(x[0]);
  case Op::is_nan: return std::isnan(x[0]);
  case Op::is_infinite: return std::isinf(x[0]);
  case Op::logical_and: return x[0] != 0 && x[1] != 0;
  case Op::logical_or: return x[0] != 0 || x[1] != 0;
  case Op::logical_not: return x[0] == 0;
  case Op::fma: return std::fma(x[0], x[1], x[2]);
  case Op::select: return x[0] != 0 ? x[1] : x[2];
  case Op::hold:
  case Op::with_slopes: return x[0];
  case Op::negate: return types[0] == Type::integer ? wrap(-static_cast<std::int64_t>(x[0])) : -x[0];
  default: break;
  }
  if (types[0] == Type::integer) return evaluate_integer(op, x[0], x[1]);
  switch (op) {
  case Op::add: return x[0] + x[1];
  case Op::subtract: return x[0] - x[1];
  case Op::multiply: return x[0] * x[1];
  case Op::divide: return x[0] / x[1];
  default: return std::nullopt;
  }
}

std::optional<double> fold(Op op, std::uint32_t id, const std::vector<Type>& types,
                           const std::vector<std::optional<double>>& operands) {
  if (!is_folding(op)) return std::nullopt;
  if (op == Op::logical_and || op == Op::logical_or) { // one side can decide
    const bool deciding = op == Op::logical_or;
    for (const auto& operand : operands)
      if (operand && (*operand != 0) == deciding) return deciding;
  }
  std::vector<double> known;
  for (const auto& operand : operands) {
    if (!operand) return std::nullopt;
    known.push_back(*operand);
  }
  const auto value = evaluate(op, id, types, known);
  if (!value || std::find(types.begin(), types.end(), Type::real) == types.end()) return value;
  if (op == Op::fma) return std::nullopt; // the sum of a product of floats may have too many digits for a double
  if (op == Op::math && !is_exact(static_cast<MathFunction>(id), known)) return std::nullopt;
  // `real` may be float: there the operands are rounded before the operation, and comparisons may come out otherwise.
  std::vector<double> in_float = known;
  for (std::size_t i = 0; i < known.size(); ++i)
    if (types[i] == Type::real) in_float[i] = rounded(known[i]);
  const auto value_in_float = evaluate(op, id, types, in_float);
  if (!value_in_float) return std::nullopt;
  const bool gives_real = !is_comparison(op) && op != Op::to_integer && op != Op::is_nan && op != Op::is_infinite;
  const bool agree = gives_real ? same(rounded(*value), rounded(*value_in_float)) : *value == *value_in_float;
  return agree ? value : std::nullopt;
}

std::optional<std::size_t> same_as_operand(Op op, const std::vector<Type>& types,
                                           const std::vector<std::optional<double>>& constants,
                                           const std::vector<ValueId>& values) {
  auto is = [&](std::size_t operand, double number) { return constants[operand] && *constants[operand] == number; };
  // Adding -0 changes nothing, adding +0 turns -0 into +0.
  auto is_neutral_addend = [&](std::size_t operand, bool negative) {
    return is(operand, 0) && (types[operand] == Type::integer || std::signbit(*constants[operand]) == negative);
  };
  switch (op) {
  case Op::add:
    if (is_neutral_addend(1, true)) return 0;
    if (is_neutral_addend(0, true)) return 1;
    break;
  case Op::subtract:
    if (is_neutral_addend(1, false)) return 0;
    break;
  case Op::multiply:
    if (is(1, 1)) return 0;
    if (is(0, 1)) return 1;
    break;
  case Op::divide:
    if (is(1, 1)) return 0;
    break;
  case Op::minimum:
  case Op::maximum:
    if (values[0] == values[1]) return 0;
    break;
  case Op::logical_and:
    if (is(1, 1) || values[0] == values[1]) return 0;
    if (is(0, 1)) return 1;
    break;
  case Op::logical_or:
    if (is(1, 0) || values[0] == values[1]) return 0;
    if (is(0, 0)) return 1;
    break;
  case Op::select:
    if (constants[0]) return *constants[0] != 0 ? 1 : 2;
    if (values[1] == values[2]) return 1;
    break;
  default: break;
  }
  return std::nullopt;
}

} // namespace sibyl::ir
