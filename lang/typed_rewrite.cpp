#include "lang/typed_rewrite.hpp"

namespace sibyl::typed {

namespace {

void rewrite(std::vector<IndexItem>& items, const RewriteExpression& replace) {
  for (IndexItem& item : items) {
    item.first = rewritten(item.first, replace);
    item.second = rewritten(item.second, replace);
  }
}

} // namespace

ExpressionPtr rewritten(const ExpressionPtr& expression, const RewriteExpression& replace) {
  if (!expression) return expression;
  if (ExpressionPtr other = replace(expression)) return other;
  return std::visit(
      [&](const auto& node) -> ExpressionPtr {
        using Node = std::decay_t<decltype(node)>;
        Node copy = node;
        const auto each = [&](std::vector<ExpressionPtr>& list) {
          for (ExpressionPtr& one : list) one = rewritten(one, replace);
        };
        if constexpr (requires { copy.arguments; }) each(copy.arguments);
        else if constexpr (requires { copy.elements; }) each(copy.elements);
        else if constexpr (std::is_same_v<Node, Promote>) copy.operand = rewritten(copy.operand, replace);
        else if constexpr (std::is_same_v<Node, CallPart>) copy.call = rewritten(copy.call, replace);
        else if constexpr (std::is_same_v<Node, Conditional>) {
          copy.condition = rewritten(copy.condition, replace);
          copy.if_true = rewritten(copy.if_true, replace);
          copy.if_false = rewritten(copy.if_false, replace);
        } else if constexpr (std::is_same_v<Node, Index>) {
          copy.base = rewritten(copy.base, replace);
          rewrite(copy.items, replace);
        } else return expression;
        return make_expression(std::move(copy), expression->type, expression->span);
      },
      expression->node);
}

StatementPtr rewritten(const StatementPtr& statement, const RewriteStatement& replace,
                       const RewriteExpression& replace_operand) {
  if (!statement) return statement;
  if (StatementPtr other = replace(statement)) return other;
  const auto operand = [&](ExpressionPtr& one) {
    if (replace_operand) one = rewritten(one, replace_operand);
  };
  const auto operands = [&](std::vector<ExpressionPtr>& list) {
    for (ExpressionPtr& one : list) operand(one);
  };
  return std::visit(
      [&](const auto& node) -> StatementPtr {
        using Node = std::decay_t<decltype(node)>;
        Node copy = node;
        if constexpr (std::is_same_v<Node, Sequence>) {
          for (StatementPtr& one : copy.statements) one = rewritten(one, replace, replace_operand);
        } else if constexpr (std::is_same_v<Node, If>) {
          operand(copy.condition);
          copy.then_body = rewritten(copy.then_body, replace, replace_operand);
          copy.else_body = rewritten(copy.else_body, replace, replace_operand);
        } else if constexpr (requires { copy.body; }) {
          if constexpr (requires { copy.condition; }) operand(copy.condition);
          else if constexpr (requires { copy.container; }) operand(copy.container);
          else if constexpr (requires { copy.first; }) {
            operand(copy.first);
            operand(copy.last);
          }
          copy.body = rewritten(copy.body, replace, replace_operand);
        } else if constexpr (!std::is_same_v<Node, Break> && !std::is_same_v<Node, Continue>) {
          if (!replace_operand) return statement;
          if constexpr (std::is_same_v<Node, Declaration>) operand(copy.initializer);
          else if constexpr (std::is_same_v<Node, Assignment>) {
            rewrite(copy.indices, replace_operand);
            operand(copy.value);
          } else if constexpr (std::is_same_v<Node, Tilde>) {
            operand(copy.left);
            operands(copy.arguments);
            if (copy.truncation) {
              operand(copy.truncation->lower);
              operand(copy.truncation->upper);
            }
          } else if constexpr (requires { copy.arguments; }) operands(copy.arguments);
          else if constexpr (requires { copy.call; }) operand(copy.call);
          else operand(copy.value);
        } else return statement;
        return make_statement(std::move(copy), statement->span);
      },
      statement->node);
}

StatementPtr with_operands(const StatementPtr& statement, const RewriteExpression& replace) {
  return rewritten(statement, [](const StatementPtr&) -> StatementPtr { return nullptr; }, replace);
}

} // namespace sibyl::typed
