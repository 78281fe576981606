// Typed trees made from others: nodes are shared and never change, so what a rewrite leaves alone stays as it is.
#pragma once

#include "lang/typed.hpp"

#include <functional>

namespace sibyl::typed {

template <typename Node>
ExpressionPtr make_expression(Node node, Type type, Span span) {
  return std::make_shared<const Expression>(Expression{std::move(node), type, span});
}
template <typename Node>
StatementPtr make_statement(Node node, Span span) {
  return std::make_shared<const Statement>(Statement{std::move(node), span});
}

// What stands in a node's place; null: the node itself, with its parts rewritten.
using RewriteExpression = std::function<ExpressionPtr(const ExpressionPtr&)>;
using RewriteStatement = std::function<StatementPtr(const StatementPtr&)>;

// From the outside in. Null stays null.
ExpressionPtr rewritten(const ExpressionPtr& expression, const RewriteExpression& replace);
// `replace` sees statements before what is nested in them, `replace_operand` (which may be empty) their expressions.
StatementPtr rewritten(const StatementPtr& statement, const RewriteStatement& replace,
                       const RewriteExpression& replace_operand = nullptr);
// The statements stay; their expressions are rewritten.
StatementPtr with_operands(const StatementPtr& statement, const RewriteExpression& replace);

} // namespace sibyl::typed
