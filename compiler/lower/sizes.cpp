// Sizes of containers. The model's integers wrap, and a size that has wrapped is one that the container does not have:
// every size is computed here, so that what would not fit fails with its place in the text instead.
#include "compiler/lower/lowering.hpp"

#include <limits>

namespace sibyl::lower {

using ir::Op;
using typed::Builtin;
using typed::ExpressionPtr;

namespace {

constexpr std::int32_t largest = std::numeric_limits<std::int32_t>::max();

} // namespace

ValueId Lowering::checked_sum(ValueId a, ValueId b, Span span) {
  const ValueId sum = b_.add(a, b);
  // Only one of the two sides can be reached, by the sign of b.
  const ValueId fits = b_.select(b_.compare(Op::greater_equal, b, b_.integer(0)),
                                 b_.compare(Op::less_equal, a, b_.subtract(b_.integer(largest), b)),
                                 b_.compare(Op::greater_equal, a, b_.subtract(b_.integer(-largest - 1), b)));
  b_.check(fits, message("the size {} + {} is beyond what an integer can be", span), {a, b});
  return sum;
}

ValueId Lowering::checked_product(ValueId a, ValueId b, Span span) {
  const auto magnitude = [this](ValueId value) { return b_.maximum(value, b_.negate(value)); };
  const ValueId least = b_.integer(-largest - 1); // has no magnitude
  const ValueId most = b_.divide(b_.integer(largest), b_.maximum(magnitude(b), b_.integer(1)));
  const ValueId has_magnitudes =
      b_.logical_and(b_.compare(Op::not_equal, a, least), b_.compare(Op::not_equal, b, least));
  b_.check(b_.logical_and(has_magnitudes, b_.compare(Op::less_equal, magnitude(a), most)),
           message("the size {} * {} is beyond what an integer can be", span), {a, b});
  return b_.multiply(a, b);
}

ValueId Lowering::size(const ExpressionPtr& expression, const std::string& what) {
  const std::function<ValueId(const ExpressionPtr&)> compute = [&](const ExpressionPtr& one) {
    const auto* call = std::get_if<typed::BuiltinCall>(&one->node);
    const bool is_arithmetic = call && one->type == Type{Base::integer, 0} && call->arguments.size() == 2 &&
                               (call->builtin == Builtin::add || call->builtin == Builtin::subtract ||
                                call->builtin == Builtin::multiply);
    if (!is_arithmetic) return scalar(one);
    const ValueId left = compute(call->arguments[0]), right = compute(call->arguments[1]);
    b_.set_span(one->span);
    if (call->builtin == Builtin::add) return checked_sum(left, right, one->span);
    if (call->builtin == Builtin::multiply) return checked_product(left, right, one->span);
    const ValueId not_negated = b_.compare(Op::not_equal, right, b_.integer(-largest - 1));
    b_.check(not_negated, message("the size {} - {} is beyond what an integer can be", one->span),
             {left, right});
    return checked_sum(left, b_.negate(right), one->span);
  };
  const ValueId value = compute(expression);
  b_.set_span(expression->span);
  b_.check(b_.compare(Op::greater_equal, value, b_.integer(0)),
           message(what + " is {}, must not be negative", expression->span), {value});
  return value;
}

ValueId Lowering::element_count(const std::vector<ValueId>& sizes, const std::string& what, Span span) {
  ValueId count = b_.integer(1);
  for (const ValueId size : sizes) {
    if (sizes.size() > 1) {
      const ValueId most = b_.divide(b_.integer(ir::most_elements), b_.maximum(size, b_.integer(1)));
      b_.check(b_.compare(Op::less_equal, count, most),
               message(what + " has {} times {} elements, more than " + std::to_string(ir::most_elements),
                                span),
               {count, size});
    }
    count = b_.multiply(count, size);
  }
  return count;
}

} // namespace sibyl::lower
