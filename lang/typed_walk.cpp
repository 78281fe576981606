#include "lang/typed_walk.hpp"

#include <algorithm>

namespace sibyl::typed {

void for_each_expression(const ExpressionPtr& expression, const std::function<void(const ExpressionPtr&)>& visit) {
  if (!expression) return;
  visit(expression);
  const auto each = [&](const auto& list) {
    for (const auto& one : list) for_each_expression(one, visit);
  };
  std::visit(
      [&](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (requires { node.arguments; }) each(node.arguments);
        else if constexpr (requires { node.elements; }) each(node.elements);
        else if constexpr (std::is_same_v<Node, Promote>) for_each_expression(node.operand, visit);
        else if constexpr (std::is_same_v<Node, CallPart>) for_each_expression(node.call, visit);
        else if constexpr (std::is_same_v<Node, Conditional>) {
          for_each_expression(node.condition, visit);
          for_each_expression(node.if_true, visit);
          for_each_expression(node.if_false, visit);
        } else if constexpr (std::is_same_v<Node, Index>) {
          for_each_expression(node.base, visit);
          for (const auto& item : node.items) {
            for_each_expression(item.first, visit);
            for_each_expression(item.second, visit);
          }
        }
      },
      expression->node);
}

std::vector<ExpressionPtr> leaves(const ExpressionPtr& expression) {
  const auto* tuple = std::get_if<Tuple>(&expression->node);
  if (!tuple) return {expression};
  std::vector<ExpressionPtr> all;
  for (const ExpressionPtr& one : tuple->elements)
    for (ExpressionPtr& leaf : leaves(one)) all.push_back(std::move(leaf));
  return all;
}

bool may_draw(const DistributionCall& call) {
  bool has_variable = false;
  if (call.function == DistributionFunction::log_density)
    for_each_expression(call.arguments.front(), [&](const ExpressionPtr& one) {
      has_variable = has_variable || std::holds_alternative<VariableReference>(one->node);
    });
  return has_variable;
}

ExpressionPtr without_promotion(const ExpressionPtr& expression) {
  const auto* promoted = std::get_if<Promote>(&expression->node);
  return promoted ? without_promotion(promoted->operand) : expression;
}

bool are_same(const ExpressionPtr& a, const ExpressionPtr& b) {
  if (!a || !b) return !a && !b;
  if (a->node.index() != b->node.index() || a->type != b->type) return false;
  const auto all = [](const auto& one, const auto& other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(), are_same);
  };
  return std::visit(
      [&](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        const Node& other = std::get<Node>(b->node);
        if constexpr (std::is_same_v<Node, VariableReference>) return node.variable == other.variable;
        else if constexpr (requires { node.value == other.value; }) return node.value == other.value;
        else if constexpr (std::is_same_v<Node, Promote>) return are_same(node.operand, other.operand);
        else if constexpr (std::is_same_v<Node, BuiltinCall>)
          return node.builtin == other.builtin && node.math == other.math && all(node.arguments, other.arguments);
        else if constexpr (std::is_same_v<Node, FunctionCall>)
          return node.function == other.function && !node.function->draws && all(node.arguments, other.arguments);
        else if constexpr (std::is_same_v<Node, Index>)
          return are_same(node.base, other.base) &&
                 std::equal(node.items.begin(), node.items.end(), other.items.begin(), other.items.end(),
                            [](const IndexItem& i, const IndexItem& j) {
                              return i.kind == j.kind && are_same(i.first, j.first) && are_same(i.second, j.second);
                            });
        else return false;
      },
      a->node);
}

std::optional<double> literal_number(const ExpressionPtr& expression) {
  if (!expression) return std::nullopt;
  const ExpressionPtr bare = without_promotion(expression);
  if (const auto* whole = std::get_if<IntegerLiteral>(&bare->node)) return static_cast<double>(whole->value);
  if (const auto* literal = std::get_if<RealLiteral>(&bare->node)) return literal->value;
  const auto* call = std::get_if<BuiltinCall>(&bare->node);
  const auto operand = call && call->builtin == Builtin::negate ? literal_number(call->arguments[0]) : std::nullopt;
  return operand ? std::optional(-*operand) : std::nullopt;
}

std::optional<VariableId> variable_of(const ExpressionPtr& expression) {
  const ExpressionPtr bare = without_promotion(expression);
  const auto* reference = std::get_if<VariableReference>(&bare->node);
  return reference ? std::optional(reference->variable) : std::nullopt;
}

std::vector<StatementPtr> statements_of(const StatementPtr& body) {
  if (!body) return {};
  const auto* sequence = std::get_if<Sequence>(&body->node);
  return sequence ? sequence->statements : std::vector<StatementPtr>{body};
}

const StatementPtr& without_braces(const StatementPtr& statement) {
  const auto* sequence = std::get_if<Sequence>(&statement->node);
  return sequence && sequence->statements.size() == 1 ? without_braces(sequence->statements.front()) : statement;
}

} // namespace sibyl::typed
