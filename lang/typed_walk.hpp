// Reading typed trees: walks over them, and what an expression or a statement plainly is.
#pragma once

#include "lang/typed.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace sibyl::typed {

// Calls `visit` for the expression and every expression nested in it.
void for_each_expression(const ExpressionPtr& expression, const std::function<void(const ExpressionPtr&)>& visit);

// What a tuple holds that is none, from left to right; of anything else itself.
std::vector<ExpressionPtr> leaves(const ExpressionPtr& expression);

// Whether it is the log density of a variable, which it may then draw: of a number it is a number.
bool may_draw(const DistributionCall& call);

ExpressionPtr without_promotion(const ExpressionPtr& expression);
// Whether two expressions are surely the same value: written alike, from variables.
bool are_same(const ExpressionPtr& a, const ExpressionPtr& b);
// The number that is written there: a literal, perhaps negated or promoted. Nothing for all else, and for null.
std::optional<double> literal_number(const ExpressionPtr& expression);
// The variable that the expression is, perhaps promoted. Nothing for all else.
std::optional<VariableId> variable_of(const ExpressionPtr& expression);

// What a body does, statement by statement: those within its braces, or itself. Empty for null.
std::vector<StatementPtr> statements_of(const StatementPtr& body);
// The statement within braces around it alone.
const StatementPtr& without_braces(const StatementPtr& statement);

} // namespace sibyl::typed
