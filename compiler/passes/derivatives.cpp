#include "compiler/passes/derivatives.hpp"

#include "compiler/ir/math.hpp"
#include "lang/errors.hpp"

#include <cmath>

namespace sibyl::ir {
namespace {

// Shorthand for the rules below.
struct Rule {
  Builder& b;
  const std::vector<ValueId>& x; // operands
  ValueId r;                     // result

  ValueId number(double value) const { return b.real(value); }
  ValueId inverse(ValueId a) const { return b.divide(number(1), a); }
  ValueId square(ValueId a) const { return b.multiply(a, a); }
  ValueId sqrt(ValueId a) const { return b.math(MathFunction::sqrt, {a}); }
  ValueId math(MathFunction function, ValueId a) const { return b.math(function, {a}); }
  ValueId zero_where(ValueId condition, ValueId a) const { return b.select(condition, number(0), a); }
  ValueId indicator(ValueId condition) const { return b.select(condition, number(1), number(0)); }
};

// d result / d operand. As in Stan, fabs has slope 0 at 0, fmin and fmax choose the second of two equal operands, and a
// power of 0 is taken as constant unless the exponent is 1.
ValueId partial(const Rule& d, MathFunction function, std::size_t operand) {
  Builder& b = d.b;
  const ValueId x = d.x[0], r = d.r;
  switch (function) {
  case MathFunction::exp: return r;
  case MathFunction::exp2: return b.multiply(r, d.number(M_LN2));
  case MathFunction::expm1: return b.add(r, d.number(1));
  case MathFunction::log: return d.inverse(x);
  case MathFunction::log1p: return d.inverse(b.add(d.number(1), x));
  case MathFunction::log2: return b.divide(d.number(1 / M_LN2), x);
  case MathFunction::log10: return b.divide(d.number(1 / M_LN10), x);
  case MathFunction::sqrt: return b.divide(d.number(0.5), r);
  case MathFunction::cbrt: return b.divide(d.number(1.0 / 3.0), d.square(r));
  case MathFunction::sin: return d.math(MathFunction::cos, x);
  case MathFunction::cos: return b.negate(d.math(MathFunction::sin, x));
  case MathFunction::tan: return b.add(d.number(1), d.square(r));
  case MathFunction::asin: return d.inverse(d.sqrt(b.subtract(d.number(1), d.square(x))));
  case MathFunction::acos: return b.negate(d.inverse(d.sqrt(b.subtract(d.number(1), d.square(x)))));
  case MathFunction::atan: return d.inverse(b.add(d.number(1), d.square(x)));
  case MathFunction::atan2: {
    const ValueId norm = b.add(d.square(x), d.square(d.x[1]));
    return operand == 0 ? b.divide(d.x[1], norm) : b.negate(b.divide(x, norm));
  }
  case MathFunction::sinh: return d.math(MathFunction::cosh, x);
  case MathFunction::cosh: return d.math(MathFunction::sinh, x);
  case MathFunction::tanh: return b.subtract(d.number(1), d.square(r));
  case MathFunction::asinh: return d.inverse(d.sqrt(b.add(d.square(x), d.number(1))));
  case MathFunction::acosh: return d.inverse(d.sqrt(b.subtract(d.square(x), d.number(1))));
  case MathFunction::atanh: return d.inverse(b.subtract(d.number(1), d.square(x)));
  case MathFunction::pow: {
    const ValueId is_zero = b.compare(Op::equal, x, d.number(0)), y = d.x[1];
    if (operand == 1) return d.zero_where(is_zero, b.multiply(r, d.math(MathFunction::log, x)));
    if (b.constant(y) == 2.0) return b.multiply(d.number(2), x);
    const ValueId at_zero = d.indicator(b.compare(Op::equal, y, d.number(1)));
    return b.select(is_zero, at_zero, b.divide(b.multiply(y, r), x));
  }
  case MathFunction::lgamma: return d.math(MathFunction::digamma, x);
  case MathFunction::tgamma: return b.multiply(r, d.math(MathFunction::digamma, x));
  case MathFunction::digamma: return d.math(MathFunction::trigamma, x);
  case MathFunction::erf: return b.multiply(d.number(M_2_SQRTPI), d.math(MathFunction::exp, b.negate(d.square(x))));
  case MathFunction::erfc: return b.multiply(d.number(-M_2_SQRTPI), d.math(MathFunction::exp, b.negate(d.square(x))));
  case MathFunction::inv_Phi:
    return b.multiply(d.number(std::sqrt(2 * M_PI)), d.math(MathFunction::exp, b.multiply(d.number(0.5), d.square(r))));
  case MathFunction::fabs: {
    const ValueId negative = d.b.select(b.compare(Op::less, x, d.number(0)), d.number(-1), d.number(0));
    return b.select(b.compare(Op::greater, x, d.number(0)), d.number(1), negative);
  }
  case MathFunction::fmin:
  case MathFunction::fmax: {
    const Op before = function == MathFunction::fmin ? Op::less : Op::greater;
    const ValueId first = b.logical_or(b.compare(before, x, d.x[1]), b.is_nan(d.x[1]));
    return d.indicator(operand == 0 ? first : b.logical_not(first));
  }
  case MathFunction::fmod:
    return operand == 0 ? d.number(1) : b.negate(d.math(MathFunction::trunc, b.divide(x, d.x[1])));
  case MathFunction::hypot: return d.zero_where(b.compare(Op::equal, r, d.number(0)), b.divide(d.x[operand], r));
  default:
    throw InternalError(std::string("the function ") + std::string(name_of(function)) +
                        " has no derivative in the intermediate representation");
  }
}

} // namespace

bool is_differentiable(const Instruction& instruction, std::size_t operand) {
  if (!has(instruction.op, trait::differentiable) || instruction.type != Type::real) return false;
  if (instruction.op == Op::call) return instruction.number == 0;
  if (instruction.op == Op::with_slopes) return operand % 2 == 1;
  if (instruction.op == Op::math) return !has(static_cast<MathFunction>(instruction.id), slope::zero);
  return fact(instruction.op).signature[operand] != 'b';
}

RuleNeeds needs_of_rule(const Instruction& instruction, const std::vector<bool>& wanted) {
  RuleNeeds needs;
  needs.operands.assign(instruction.operands.size(), false);
  switch (instruction.op) {
  case Op::multiply: needs.operands = {wanted[1], wanted[0]}; break;
  case Op::fma: needs.operands = {wanted[1], wanted[0], false}; break;
  case Op::divide:
    needs.operands = {false, true};
    needs.result = wanted[1];
    break;
  case Op::select: needs.operands[0] = true; break;
  case Op::with_slopes:
    for (std::size_t i = 1; i < wanted.size(); i += 2) needs.operands[i + 1] = wanted[i];
    break;
  case Op::math:
    needs.operands.assign(instruction.operands.size(), true);
    needs.result = has(static_cast<MathFunction>(instruction.id), slope::reads_result);
    break;
  default: break;
  }
  return needs;
}

void differentiate(Builder& b, const Instruction& instruction, const RulePlace& place, const std::vector<bool>& wanted,
                   const std::function<void(std::size_t, ValueId)>& contribute) {
  const ValueId adjoint = place.adjoint;
  const auto& x = place.operands;
  auto guard = [&](ValueId contribution) {
    if (!place.guarded) return contribution;
    return b.select(b.compare(Op::equal, adjoint, b.real(0)), b.real(0), contribution);
  };
  switch (instruction.op) {
  case Op::add:
    for (std::size_t i : {0, 1})
      if (wanted[i]) contribute(i, adjoint);
    return;
  case Op::subtract:
    if (wanted[0]) contribute(0, adjoint);
    if (wanted[1]) contribute(1, b.negate(adjoint));
    return;
  case Op::negate: contribute(0, b.negate(adjoint)); return;
  case Op::multiply:
    if (wanted[0]) contribute(0, guard(b.multiply(adjoint, x[1])));
    if (wanted[1]) contribute(1, guard(b.multiply(adjoint, x[0])));
    return;
  case Op::fma:
    if (wanted[0]) contribute(0, guard(b.multiply(adjoint, x[1])));
    if (wanted[1]) contribute(1, guard(b.multiply(adjoint, x[0])));
    if (wanted[2]) contribute(2, adjoint);
    return;
  case Op::divide: {
    // By the inverse: the divisor is often the same for a whole loop, which then divides once.
    const ValueId quotient = b.multiply(adjoint, b.divide(b.real(1), x[1]));
    if (wanted[0]) contribute(0, guard(quotient));
    if (wanted[1]) contribute(1, guard(b.negate(b.multiply(quotient, place.result))));
    return;
  }
  case Op::select:
    if (wanted[1]) contribute(1, b.select(x[0], adjoint, b.real(0)));
    if (wanted[2]) contribute(2, b.select(x[0], b.real(0), adjoint));
    return;
  case Op::math: {
    const auto function = static_cast<MathFunction>(instruction.id);
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (!wanted[i]) continue;
      const ValueId product = b.multiply(adjoint, partial({b, x, place.result}, function, i));
      contribute(i, has(function, slope::always_finite) ? product : guard(product));
    }
    return;
  }
  case Op::with_slopes:
    for (std::size_t i = 1; i < x.size(); i += 2)
      if (wanted[i]) contribute(i, guard(b.multiply(adjoint, x[i + 1])));
    return;
  default: throw InternalError("an operation without derivative in reverse mode");
  }
}

} // namespace sibyl::ir
