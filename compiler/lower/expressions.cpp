#include "compiler/lower/lowering.hpp"

#include "lang/errors.hpp"

#include <limits>

namespace sibyl::lower {

using ir::MathFunction;
using ir::Op;
using typed::Builtin;
using typed::ExpressionPtr;

std::uint32_t ModelContext::message(std::string text, Span span) {
  for (std::size_t i = 0; i < model.messages.size(); ++i)
    if (model.messages[i].span == span && model.messages[i].text == text) return static_cast<std::uint32_t>(i);
  model.messages.push_back({std::move(text), span});
  return static_cast<std::uint32_t>(model.messages.size() - 1);
}

std::uint32_t Lowering::message(std::string text, Span span) {
  return context_.message(std::move(text), span.source == 0 ? span : call_in_text_);
}

namespace {

std::optional<Op> comparison(Builtin builtin) {
  switch (builtin) {
  case Builtin::equal: return Op::equal;
  case Builtin::not_equal: return Op::not_equal;
  case Builtin::less: return Op::less;
  case Builtin::less_equal: return Op::less_equal;
  case Builtin::greater: return Op::greater;
  case Builtin::greater_equal: return Op::greater_equal;
  default: return std::nullopt;
  }
}

bool is_truth_value(Builtin builtin) {
  return comparison(builtin) || builtin == Builtin::logical_and || builtin == Builtin::logical_or ||
         builtin == Builtin::logical_not || builtin == Builtin::is_nan || builtin == Builtin::is_inf;
}

} // namespace

// Cheap and safe to evaluate even when its value is not needed.
bool Lowering::is_simple(const ExpressionPtr& expression) const {
  if (std::holds_alternative<typed::IntegerLiteral>(expression->node) ||
      std::holds_alternative<typed::RealLiteral>(expression->node) ||
      std::holds_alternative<typed::VariableReference>(expression->node))
    return true;
  if (const auto* promote = std::get_if<typed::Promote>(&expression->node)) return is_simple(promote->operand);
  if (const auto* call = std::get_if<typed::BuiltinCall>(&expression->node)) {
    const bool divides_integers = (call->builtin == Builtin::divide && expression->type.base == Base::integer) ||
                                  call->builtin == Builtin::modulo || call->builtin == Builtin::integer_divide;
    if (divides_integers || call->builtin == Builtin::uniform_draw || call->builtin == Builtin::std_normal_draw)
      return false;
    if (!expression->type.is_scalar()) return false;
    for (const auto& argument : call->arguments)
      if (!argument->type.is_scalar() || !is_simple(argument)) return false;
    return true;
  }
  return false;
}

ValueId Lowering::scalar(const ExpressionPtr& expression) {
  const Level level(expression_depth_, deepest_expression, expression->span);
  b_.set_span(expression->span);
  if (const auto* literal = std::get_if<typed::IntegerLiteral>(&expression->node))
    return b_.integer(static_cast<std::int32_t>(literal->value));
  if (const auto* literal = std::get_if<typed::RealLiteral>(&expression->node)) return b_.real(literal->value);
  if (const auto* reference = std::get_if<typed::VariableReference>(&expression->node)) {
    const Storage& where = storage(reference->variable);
    if (const auto* cell = std::get_if<InCell>(&where)) return b_.load_cell(cell->cell);
    if (const auto* array = std::get_if<InArray>(&where)) return b_.load(array->array, {});
    if (const auto* value = std::get_if<AsValue>(&where)) return value->value;
    throw InternalError("`" + variable(reference->variable).name + "` has no storage in " + function_.name);
  }
  if (const auto* call = std::get_if<typed::BuiltinCall>(&expression->node)) return scalar_builtin(*call, expression);
  if (const auto* call = std::get_if<typed::FunctionCall>(&expression->node)) {
    const Span place = b_.span();
    const std::vector<Storage> arguments = argument_storage(*call->function, call->arguments);
    arguments_ = &call->arguments;
    const ValueId value = call_scalar(*call->function, arguments);
    b_.set_span(place);
    return value;
  }
  if (const auto* call = std::get_if<typed::SolverCall>(&expression->node))
    return solver_view(*call, expression->type, expression->span).element({});
  if (const auto* call = std::get_if<typed::DistributionCall>(&expression->node))
    return distribution_call(*call, expression->span);
  if (const auto* index = std::get_if<typed::Index>(&expression->node)) {
    View base = view(index->base);
    std::vector<ValueId> positions;
    for (std::size_t i = 0; i < index->items.size(); ++i)
      positions.push_back(position(scalar(index->items[i].first), base.sizes[i], base.size_keys[i], base.name,
                                   index->items[i].first->span));
    b_.set_span(expression->span);
    return base.element(positions);
  }
  if (const auto* choice = std::get_if<typed::Conditional>(&expression->node))
    return conditional(*choice, type_of(expression->type));
  if (const auto* promote = std::get_if<typed::Promote>(&expression->node)) return b_.to_real(scalar(promote->operand));
  throw InternalError("an expression that is no scalar");
}

ValueId Lowering::boolean(const ExpressionPtr& expression) {
  if (const auto* call = std::get_if<typed::BuiltinCall>(&expression->node); call && is_truth_value(call->builtin))
    return boolean_builtin(*call);
  const ValueId value = scalar(expression);
  return b_.compare(Op::not_equal, value, b_.type(value) == ir::Type::real ? b_.real(0) : b_.integer(0));
}

ValueId Lowering::boolean_builtin(const typed::BuiltinCall& call) {
  if (const auto op = comparison(call.builtin)) {
    const ValueId left = scalar(call.arguments[0]);
    return b_.compare(*op, left, scalar(call.arguments[1]));
  }
  switch (call.builtin) {
  case Builtin::logical_not: return b_.logical_not(boolean(call.arguments[0]));
  case Builtin::is_nan: return b_.is_nan(b_.to_real(scalar(call.arguments[0])));
  case Builtin::is_inf: return b_.is_infinite(b_.to_real(scalar(call.arguments[0])));
  default: break;
  }
  const bool is_and = call.builtin == Builtin::logical_and;
  const ValueId left = boolean(call.arguments[0]);
  if (is_simple(call.arguments[1])) {
    const ValueId right = boolean(call.arguments[1]);
    return is_and ? b_.logical_and(left, right) : b_.logical_or(left, right);
  }
  // The right side may be out of range where the left side decides (`i <= N && x[i] > 0`).
  const ir::CellId result = b_.cell("both", ir::Type::boolean);
  b_.store_cell(result, left);
  b_.if_(is_and ? left : b_.logical_not(left), [&] { b_.store_cell(result, boolean(call.arguments[1])); });
  return b_.load_cell(result);
}

ValueId Lowering::conditional(const typed::Conditional& choice, ir::Type type) {
  const ValueId condition = boolean(choice.condition);
  if (is_simple(choice.if_true) && is_simple(choice.if_false)) {
    const ValueId if_true = scalar(choice.if_true);
    return b_.select(condition, if_true, scalar(choice.if_false));
  }
  const ir::CellId result = b_.cell("chosen", type);
  b_.if_(
      condition, [&] { b_.store_cell(result, scalar(choice.if_true)); },
      [&] { b_.store_cell(result, scalar(choice.if_false)); });
  return b_.load_cell(result);
}

ValueId Lowering::integer_division(ValueId a, ValueId b, bool modulo, Span span) {
  if (const auto divisor = b_.constant(b); !divisor || *divisor == 0)
    b_.check(b_.compare(Op::not_equal, b, b_.integer(0)), message("division by zero: the divisor is {}", span),
             {b});
  return modulo ? b_.modulo(a, b) : b_.divide(a, b);
}

// Small constant powers are products: exact, and defined for negative bases.
ValueId Lowering::power(ValueId base, ValueId exponent) {
  base = b_.to_real(base);
  if (const auto constant = b_.constant(exponent)) {
    if (*constant == 1) return base;
    if (*constant == 2) return b_.multiply(base, base);
    if (*constant == 3) return b_.multiply(b_.multiply(base, base), base);
    if (*constant == 0.5) return b_.math(MathFunction::sqrt, {base});
    if (*constant == -1) return b_.divide(b_.real(1), base);
  }
  return b_.math(MathFunction::pow, {base, b_.to_real(exponent)});
}

// A primitive that the text calls by its name: a mathematical function, or an operation of reals.
ValueId Lowering::math(const std::string& name, std::vector<ValueId> arguments) {
  for (ValueId& argument : arguments) argument = b_.to_real(argument);
  if (const auto function = ir::find_math_function(name))
    return *function == MathFunction::pow ? power(arguments[0], arguments[1]) : b_.math(*function, arguments);
  if (const auto operation = ir::find_operation(name)) return b_.pure(*operation, arguments);
  throw InternalError("no math function `" + name + "`");
}

// One element of an operator that works element by element.
ValueId Lowering::apply(Builtin builtin, ValueId a, ValueId b) {
  switch (builtin) {
  case Builtin::add: return b_.add(a, b);
  case Builtin::subtract: return b_.subtract(a, b);
  case Builtin::multiply:
  case Builtin::elementwise_multiply: return b_.multiply(a, b);
  case Builtin::divide:
  case Builtin::elementwise_divide: return b_.divide(a, b);
  case Builtin::power:
  case Builtin::elementwise_power: return power(a, b);
  default: throw InternalError("an operator that does not work element by element");
  }
}

ValueId Lowering::scalar_builtin(const typed::BuiltinCall& call, const ExpressionPtr& expression) {
  const auto argument = [&](std::size_t i) { return scalar(call.arguments[i]); };
  if (is_truth_value(call.builtin)) return b_.to_integer(boolean_builtin(call));
  const bool integers = expression->type.base == Base::integer;
  switch (call.builtin) {
  case Builtin::negate: return b_.negate(argument(0));
  case Builtin::multiply:
    if (!call.arguments[0]->type.is_scalar()) return product(call, expression->span).element({});
    [[fallthrough]];
  case Builtin::add:
  case Builtin::subtract:
  case Builtin::elementwise_multiply:
  case Builtin::power:
  case Builtin::elementwise_power: {
    const ValueId left = argument(0), right = argument(1);
    const ValueId result = apply(call.builtin, left, right);
    // `t - 1` where t runs from 2 is inside as well.
    if (const auto range = in_range_.find(left); call.builtin == Builtin::subtract && range != in_range_.end())
      if (const auto shift = b_.constant(right); shift && *shift >= 0 && range->second.first > *shift)
        in_range_[result] = {range->second.size_key, range->second.first - static_cast<std::int64_t>(*shift)};
    return result;
  }
  case Builtin::divide:
  case Builtin::elementwise_divide:
  case Builtin::integer_divide:
  case Builtin::modulo: {
    const ValueId left = argument(0), right = argument(1);
    return integers ? integer_division(left, right, call.builtin == Builtin::modulo, expression->span)
                    : b_.divide(left, right);
  }
  case Builtin::math: {
    std::vector<ValueId> arguments;
    for (const auto& one : call.arguments) arguments.push_back(scalar(one));
    return math(call.math, arguments);
  }
  case Builtin::absolute: {
    const ValueId value = argument(0);
    if (!integers) return b_.math(MathFunction::fabs, {value});
    return b_.maximum(value, b_.negate(value));
  }
  case Builtin::minimum: {
    const ValueId left = argument(0);
    return b_.minimum(left, argument(1));
  }
  case Builtin::maximum: {
    const ValueId left = argument(0);
    return b_.maximum(left, argument(1));
  }
  case Builtin::target: return target_ ? b_.load_cell(*target_) : b_.real(std::numeric_limits<double>::quiet_NaN());
  case Builtin::given_size: return solved_.back()->size;
  case Builtin::real_to_integer: return b_.to_integer(argument(0));
  case Builtin::uniform_draw: return b_.draw_uniform(context_.model.site_count++);
  case Builtin::std_normal_draw: return b_.draw_normal(context_.model.site_count++);
  case Builtin::rows: return view(call.arguments[0]).sizes[0];
  case Builtin::cols:
    return call.arguments[0]->type.base == Base::matrix       ? view(call.arguments[0]).sizes[1]
           : call.arguments[0]->type.base == Base::row_vector ? view(call.arguments[0]).sizes[0]
                                                              : b_.integer(1);
  case Builtin::size:
    if (const Type type = call.arguments[0]->type; type.array_rank > 0 || type.base_rank() == 1)
      return view(call.arguments[0]).sizes[0];
    [[fallthrough]];
  case Builtin::num_elements: {
    if (call.arguments[0]->type.is_scalar()) return b_.integer(1);
    const View counted = view(call.arguments[0]);
    return element_count(counted.sizes, counted.name.empty() ? "the container" : "`" + counted.name + "`",
                         expression->span);
  }
  default: throw InternalError("a primitive that is no scalar");
  }
}

} // namespace sibyl::lower
