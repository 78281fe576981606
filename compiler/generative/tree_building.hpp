// Typed trees made for the simulation: the expressions and statements that stand in the place of those of the text.
// `span` is everywhere the place in the text that messages name.
#pragma once

#include "compiler/generative/accesses.hpp"
#include "lang/typed_rewrite.hpp"

#include <string>
#include <vector>

namespace sibyl::generative {

using typed::make_expression;
using typed::make_statement;

inline constexpr Type integer{Base::integer, 0}, real{Base::real, 0};

ExpressionPtr whole_number(std::int64_t value, Span span);
ExpressionPtr real_number(double value, Span span);
// Of print and reject.
ExpressionPtr words(const std::string& text, Span span);
ExpressionPtr reference(VariableId id, Type type, Span span);
// An int, or an array of them, promoted; what is real already as it is.
ExpressionPtr as_real(const ExpressionPtr& expression);
ExpressionPtr builtin(Builtin builtin, std::vector<ExpressionPtr> arguments, Type type, Span span);
// Of reals; zero where there is no term.
ExpressionPtr sum_of(const std::vector<ExpressionPtr>& terms, Span span);

// What gives the variable, or the part of it, that `place` is a value that was drawn.
StatementPtr given_draw(const ExpressionPtr& place, ExpressionPtr value, Span span);
// A local of the model of the same shape as `variable`, without its constraint: to hold what is drawn for it.
typed::Variable unconstrained_local(const typed::Variable& variable);

// One statement as it is, others within braces.
StatementPtr in_sequence(Statements statements, Span span);
// `if (condition) reject(message...);`
StatementPtr reject_if(const ExpressionPtr& condition, std::vector<ExpressionPtr> message, Span span);

// Puts `by` in the place of the variable.
typed::RewriteExpression replacing(VariableId id, const ExpressionPtr& by);

} // namespace sibyl::generative
