#include "compiler/generative/tree_building.hpp"

#include "lang/library.hpp"

namespace sibyl::generative {

ExpressionPtr whole_number(std::int64_t value, Span span) {
  return make_expression(typed::IntegerLiteral{value}, integer, span);
}
ExpressionPtr real_number(double value, Span span) { return make_expression(typed::RealLiteral{value}, real, span); }
ExpressionPtr words(const std::string& text, Span span) {
  return make_expression(typed::StringLiteral{text}, Type{Base::string, 0}, span);
}
ExpressionPtr reference(VariableId id, Type type, Span span) {
  return make_expression(typed::VariableReference{id}, type, span);
}
ExpressionPtr as_real(const ExpressionPtr& expression) {
  if (expression->type.base != Base::integer) return expression;
  return make_expression(typed::Promote{expression}, Type{Base::real, expression->type.array_rank}, expression->span);
}
ExpressionPtr builtin(Builtin builtin, std::vector<ExpressionPtr> arguments, Type type, Span span) {
  return make_expression(typed::BuiltinCall{builtin, std::move(arguments), ""}, type, span);
}
ExpressionPtr sum_of(const std::vector<ExpressionPtr>& terms, Span span) {
  if (terms.empty()) return real_number(0, span);
  ExpressionPtr sum = as_real(terms.front());
  for (std::size_t i = 1; i < terms.size(); ++i) sum = builtin(Builtin::add, {sum, as_real(terms[i])}, real, span);
  return sum;
}

StatementPtr given_draw(const ExpressionPtr& place, ExpressionPtr value, Span span) {
  typed::Assignment assignment{*drawn_variable(place), items_of(place), std::move(value)};
  assignment.gives_draw = true;
  return make_statement(std::move(assignment), span);
}

typed::Variable unconstrained_local(const typed::Variable& variable) {
  typed::Variable local = variable;
  local.transform = library_transform("identity");
  local.transform_sizes.clear();
  local.lower = local.upper = local.offset = local.multiplier = nullptr;
  local.block = typed::Block::model;
  local.is_local = true;
  return local;
}

StatementPtr in_sequence(Statements statements, Span span) {
  if (statements.size() == 1) return statements.front();
  return make_statement(typed::Sequence{std::move(statements)}, span);
}
StatementPtr reject_if(const ExpressionPtr& condition, std::vector<ExpressionPtr> message, Span span) {
  const StatementPtr reject = make_statement(typed::Reject{std::move(message)}, span);
  return make_statement(typed::If{condition, reject, nullptr}, span);
}

typed::RewriteExpression replacing(VariableId id, const ExpressionPtr& by) {
  return [id, by](const ExpressionPtr& one) -> ExpressionPtr {
    const auto* found = std::get_if<typed::VariableReference>(&one->node);
    return found && found->variable == id ? by : nullptr;
  };
}

} // namespace sibyl::generative
