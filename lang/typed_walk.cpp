#include "lang/typed_walk.hpp"

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

} // namespace sibyl::typed
