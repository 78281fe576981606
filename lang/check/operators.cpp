#include "lang/check/checker.hpp"

#include <utility>

namespace sibyl::checking {

using typed::Builtin;
using typed::BuiltinCall;
using typed::ExpressionPtr;

namespace {

struct OperatorFact {
  ast::BinaryOperator op;
  Builtin builtin;
  const char* symbol;
};

constexpr OperatorFact operators[] = {
    {ast::BinaryOperator::logical_or, Builtin::logical_or, "||"},
    {ast::BinaryOperator::logical_and, Builtin::logical_and, "&&"},
    {ast::BinaryOperator::equal, Builtin::equal, "=="},
    {ast::BinaryOperator::not_equal, Builtin::not_equal, "!="},
    {ast::BinaryOperator::less, Builtin::less, "<"},
    {ast::BinaryOperator::less_equal, Builtin::less_equal, "<="},
    {ast::BinaryOperator::greater, Builtin::greater, ">"},
    {ast::BinaryOperator::greater_equal, Builtin::greater_equal, ">="},
    {ast::BinaryOperator::add, Builtin::add, "+"},
    {ast::BinaryOperator::subtract, Builtin::subtract, "-"},
    {ast::BinaryOperator::multiply, Builtin::multiply, "*"},
    {ast::BinaryOperator::divide, Builtin::divide, "/"},
    {ast::BinaryOperator::modulo, Builtin::modulo, "%"},
    {ast::BinaryOperator::integer_divide, Builtin::integer_divide, "%/%"},
    {ast::BinaryOperator::left_divide, Builtin::left_divide, "\\"},
    {ast::BinaryOperator::elementwise_multiply, Builtin::elementwise_multiply, ".*"},
    {ast::BinaryOperator::elementwise_divide, Builtin::elementwise_divide, "./"},
    {ast::BinaryOperator::power, Builtin::power, "^"},
    {ast::BinaryOperator::elementwise_power, Builtin::elementwise_power, ".^"},
};

bool is_linear(Type type) {
  return type.array_rank == 0 &&
         (type.base == Base::vector || type.base == Base::row_vector || type.base == Base::matrix);
}

// The type of `left op right`, or nothing where the operator does not apply.
std::optional<Type> result_type(Builtin builtin, Type left, Type right) {
  const bool integers = left == Type{Base::integer, 0} && right == left;
  const bool scalars = left.is_scalar() && right.is_scalar();
  const Type number = integers ? Type{Base::integer, 0} : Type{Base::real, 0};
  switch (builtin) {
  case Builtin::logical_or:
  case Builtin::logical_and:
  case Builtin::equal:
  case Builtin::not_equal:
  case Builtin::less:
  case Builtin::less_equal:
  case Builtin::greater:
  case Builtin::greater_equal: return scalars ? std::optional(Type{Base::integer, 0}) : std::nullopt;
  case Builtin::modulo:
  case Builtin::integer_divide: return integers ? std::optional(number) : std::nullopt;
  case Builtin::add:
  case Builtin::subtract:
  case Builtin::elementwise_multiply:
  case Builtin::elementwise_divide:
    if (scalars) return number;
    if (left.is_scalar() && is_linear(right)) return right;
    if (right.is_scalar() && is_linear(left)) return left;
    return is_linear(left) && left == right ? std::optional(left) : std::nullopt;
  case Builtin::multiply: {
    if (scalars) return number;
    if (left.is_scalar() && is_linear(right)) return right;
    if (right.is_scalar() && is_linear(left)) return left;
    if (!is_linear(left) || !is_linear(right)) return std::nullopt;
    if (left.base == Base::row_vector && right.base == Base::vector) return Type{Base::real, 0};
    if (left.base == Base::vector && right.base == Base::row_vector) return Type{Base::matrix, 0};
    if (left.base == Base::matrix && right.base == Base::vector) return Type{Base::vector, 0};
    if (left.base == Base::row_vector && right.base == Base::matrix) return Type{Base::row_vector, 0};
    if (left.base == Base::matrix && right.base == Base::matrix) return Type{Base::matrix, 0};
    return std::nullopt;
  }
  case Builtin::divide:
    if (scalars) return number;
    if (left.is_scalar() && is_linear(right)) return right; // element by element
    return is_linear(left) && right.is_scalar() ? std::optional(left) : std::nullopt;
  case Builtin::power: return scalars ? std::optional(Type{Base::real, 0}) : std::nullopt;
  case Builtin::elementwise_power:
    if (scalars) return Type{Base::real, 0};
    if (left.is_scalar() && is_linear(right)) return right;
    if (right.is_scalar() && is_linear(left)) return left;
    return is_linear(left) && left == right ? std::optional(left) : std::nullopt;
  default: return std::nullopt;
  }
}

// The variable that an expression has its sizes from, through operators that work element by element; null where
// unknown.
const typed::VariableReference* sized_variable(const ExpressionPtr& expression) {
  if (const auto* reference = std::get_if<typed::VariableReference>(&expression->node)) return reference;
  const auto* call = std::get_if<BuiltinCall>(&expression->node);
  if (!call || call->arguments.empty()) return nullptr;
  const bool is_product = call->builtin == Builtin::multiply && call->arguments.size() == 2 &&
                          !call->arguments[0]->type.is_scalar() && !call->arguments[1]->type.is_scalar();
  const bool elementwise =
      call->builtin == Builtin::math || call->builtin == Builtin::negate || call->builtin == Builtin::add ||
      call->builtin == Builtin::subtract || call->builtin == Builtin::multiply || call->builtin == Builtin::divide ||
      call->builtin == Builtin::elementwise_multiply || call->builtin == Builtin::elementwise_divide;
  if (!elementwise || is_product) return nullptr;
  for (const ExpressionPtr& argument : call->arguments)
    if (argument->type == expression->type) return sized_variable(argument);
  return nullptr;
}

} // namespace

ExpressionPtr Checker::unary(const ast::Unary& tree, Span span) {
  return unary_builtin(tree.op, expression(tree.operand), span);
}

ExpressionPtr Checker::unary_builtin(ast::UnaryOperator op, const ExpressionPtr& operand, Span span) {
  const Type type = operand->type;
  if (type.is_error()) return poison(span);
  if (op == ast::UnaryOperator::logical_not) {
    if (!type.is_scalar()) {
      error(span, "operator-types", "`!` applies to a number, but this is " + describe(operand));
      return poison(span);
    }
    note_real_condition(operand);
    return make(BuiltinCall{Builtin::logical_not, {operand}, ""}, {Base::integer, 0}, span);
  }
  const bool is_array_of_numbers =
      type.array_rank > 0 && type.base != Base::none && type.base != Base::string && !type.parts;
  if (!type.is_scalar() && !is_linear(type) && !is_array_of_numbers) {
    error(span, "operator-types",
          std::string(op == ast::UnaryOperator::minus ? "`-`" : "`+`") +
              " applies to numbers, vectors and matrices, but this is " + describe(operand));
    return poison(span);
  }
  if (op == ast::UnaryOperator::plus) return operand;
  return make(BuiltinCall{Builtin::negate, {operand}, ""}, type, span);
}

void Checker::note_real_condition(const ExpressionPtr& condition) {
  if (!is_library_ && condition->type == Type{Base::real, 0} &&
      !std::holds_alternative<typed::Promote>(condition->node))
    note_old("real-condition", condition->span, "what is true or false is an int today: `x != 0` of a real x");
}

ExpressionPtr Checker::binary(const ast::Binary& tree, Span span) {
  ExpressionPtr left = expression(tree.left);
  // The right side may be left out where the left side decides.
  const bool is_logical = tree.op == ast::BinaryOperator::logical_and || tree.op == ast::BinaryOperator::logical_or;
  Statements* const before = is_logical ? std::exchange(before_, nullptr) : before_;
  ExpressionPtr right = expression(tree.right);
  before_ = before;
  if (is_logical)
    for (const ExpressionPtr& operand : {left, right}) note_real_condition(operand);
  for (const OperatorFact& fact : operators)
    if (fact.op == tree.op) return binary_builtin(fact.builtin, fact.symbol, left, right, span);
  return poison(span);
}

ExpressionPtr Checker::binary_builtin(Builtin builtin, std::string_view symbol, ExpressionPtr left, ExpressionPtr right,
                                      Span span) {
  if (left->type.is_error() || right->type.is_error()) return poison(span);
  const bool divides_by_matrix = builtin == Builtin::divide && right->type == Type{Base::matrix, 0} &&
                                 (left->type == right->type || left->type == Type{Base::row_vector, 0});
  const bool solves = builtin == Builtin::left_divide && left->type == Type{Base::matrix, 0} &&
                      (right->type == left->type || right->type == Type{Base::vector, 0});
  if (solves || divides_by_matrix)
    return function_call({{solves ? "mdivide_left" : "mdivide_right", span}, {}}, {left, right}, span);
  const auto type = result_type(builtin, left->type, right->type);
  if (builtin == Builtin::divide && left->type.is_scalar() && !right->type.is_scalar())
    builtin = Builtin::elementwise_divide;
  if (!type) {
    const std::string op = "`" + std::string(symbol) + "`";
    Diagnostic& diagnostic =
        error(span, "operator-types", op + " does not apply to " + describe(left) + " and " + describe(right));
    label_declaration(diagnostic, left);
    label_declaration(diagnostic, right);
    if (builtin == Builtin::multiply && is_linear(left->type) && left->type == right->type)
      diagnostic.notes.push_back("`.*` multiplies element by element; `dot_product(a, b)` sums the products");
    else if (left->type.array_rank > 0 || right->type.array_rank > 0)
      diagnostic.notes.push_back(
          "arithmetic works on vectors and matrices, not on arrays; declare `vector[N]`, or use `to_vector`");
    else if (builtin == Builtin::power) diagnostic.notes.push_back("`.^` raises element by element");
    return poison(span);
  }
  if (builtin == Builtin::divide && type->base == Base::integer) {
    Diagnostic warning = mistake(span, "integer-division", "this divides two ints and drops the remainder");
    warning.severity = Severity::warning;
    warning.notes.push_back("write `%/%` to say so, or make one of them a real: `1.0 / 2`");
    diagnostics_.push_back(std::move(warning));
  }
  check_constant_sizes(left, right, symbol, span);
  const bool is_comparison = type->base == Base::integer;
  if (is_comparison ? (left->type.base == Base::real || right->type.base == Base::real) : true) {
    left = promote(left, is_comparison ? Type{Base::real, 0} : *type);
    right = promote(right, is_comparison ? Type{Base::real, 0} : *type);
  }
  return make(BuiltinCall{builtin, {left, right}, ""}, *type, span);
}

void Checker::check_constant_sizes(const ExpressionPtr& left, const ExpressionPtr& right, std::string_view symbol,
                                   Span span) {
  const auto* first = sized_variable(left);
  const auto* second = sized_variable(right);
  if (!first || !second) return;
  const typed::Variable& a = (*variables_)[first->variable];
  const typed::Variable& b = (*variables_)[second->variable];
  // For a matrix product the inner sizes must agree; element by element, all.
  const bool is_product = symbol == "*" && !left->type.is_scalar() && !right->type.is_scalar();
  const auto compare = [&](std::size_t i, std::size_t j) {
    if (i >= a.sizes.size() || j >= b.sizes.size()) return true;
    const auto m = constant_integer(a.sizes[i]), n = constant_integer(b.sizes[j]);
    return !m || !n || *m == *n;
  };
  bool agree = true;
  if (is_product) {
    if (left->type.base != Base::vector) agree = compare(a.sizes.size() - 1, 0);
  } else if (left->type == right->type) {
    for (std::size_t i = 0; i < a.sizes.size(); ++i) agree = agree && compare(i, i);
  }
  if (agree) return;
  Diagnostic& diagnostic =
      error(span, "size-mismatch",
            "the sizes do not match: `" + a.type_text + "` " + std::string(symbol) + " `" + b.type_text + "`");
  label_declaration(diagnostic, left);
  label_declaration(diagnostic, right);
}

// Stan's names of the operators: `add(a, b)` is `a + b`.
ExpressionPtr Checker::operator_call(const std::string& name, const Arguments& arguments, Span span) {
  struct Named {
    std::string_view name;
    Builtin builtin;
    std::string_view symbol;
  };
  static constexpr Named binaries[] = {{"add", Builtin::add, "+"},
                                       {"subtract", Builtin::subtract, "-"},
                                       {"multiply", Builtin::multiply, "*"},
                                       {"divide", Builtin::divide, "/"},
                                       {"int_divide", Builtin::integer_divide, "%/%"},
                                       {"modulus", Builtin::modulo, "%"},
                                       {"elt_multiply", Builtin::elementwise_multiply, ".*"},
                                       {"elt_divide", Builtin::elementwise_divide, "./"},
                                       {"elt_pow", Builtin::elementwise_power, ".^"},
                                       {"logical_and", Builtin::logical_and, "&&"},
                                       {"logical_or", Builtin::logical_or, "||"},
                                       {"logical_eq", Builtin::equal, "=="},
                                       {"logical_neq", Builtin::not_equal, "!="},
                                       {"logical_lt", Builtin::less, "<"},
                                       {"logical_lte", Builtin::less_equal, "<="},
                                       {"logical_gt", Builtin::greater, ">"},
                                       {"logical_gte", Builtin::greater_equal, ">="}};
  if (arguments.size() == 2)
    for (const Named& one : binaries)
      if (one.name == name) return binary_builtin(one.builtin, one.symbol, arguments[0], arguments[1], span);
  if (arguments.size() != 1) return nullptr;
  if (name == "transpose") return transposed(arguments[0], span);
  if (name == "minus") return unary_builtin(ast::UnaryOperator::minus, arguments[0], span);
  if (name == "plus") return unary_builtin(ast::UnaryOperator::plus, arguments[0], span);
  if (name == "logical_negation") return unary_builtin(ast::UnaryOperator::logical_not, arguments[0], span);
  return nullptr;
}

ExpressionPtr Checker::transpose(const ast::Transpose& tree, Span span) {
  return transposed(expression(tree.operand), span);
}

ExpressionPtr Checker::transposed(const ExpressionPtr& operand, Span span) {
  const Type type = operand->type;
  if (type.is_error()) return poison(span);
  if (!is_linear(type)) {
    error(span, "operator-types", "`'` transposes vectors and matrices, but this is " + describe(operand));
    return poison(span);
  }
  const Base base = type.base == Base::vector       ? Base::row_vector
                    : type.base == Base::row_vector ? Base::vector
                                                    : Base::matrix;
  return make(BuiltinCall{Builtin::transpose, {operand}, ""}, {base, 0}, span);
}

} // namespace sibyl::checking
