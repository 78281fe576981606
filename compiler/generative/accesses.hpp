// What a statement touches: the facts that dependency order, roles and plates are derived from.
#pragma once

#include "lang/typed_walk.hpp"

#include <functional>
#include <set>
#include <vector>

namespace sibyl::generative {

struct Accesses {
  std::set<typed::VariableId> reads;    // values used: operands, indexes, sizes, distributions' parameters
  std::set<typed::VariableId> assigned; // by `=`
  std::set<typed::VariableId> drawn;    // left of `~`, or the outcome of `target += D_lpdf(x | ...)`
  std::set<typed::VariableId> declared; // by the statement itself, nested ones too
};

Accesses accesses_of(const typed::StatementPtr& statement, const typed::Program& program);
void add_reads(const typed::ExpressionPtr& expression, std::set<typed::VariableId>& reads);

// What `left ~ ...` draws: `left` without promotions and without reshaping (`to_vector(B) ~ normal(0, 1)` draws B).
typed::ExpressionPtr drawn_place(const typed::ExpressionPtr& left);
// The variable that is drawn by `left ~ ...`: `left` is a variable or an element or slice of one; nothing otherwise.
std::optional<typed::VariableId> drawn_variable(const typed::ExpressionPtr& left);

// `target += D_lpdf(x | ...)` read as `x ~ D(...)`; nothing where the statement is not of that form.
std::optional<typed::Tilde> as_tilde(const typed::TargetIncrement& increment);

// Whether what is added depends on nothing that is drawn, observed data apart: a constant of the density, which the
// simulation leaves out.
bool is_constant(const typed::TargetIncrement& increment, const typed::Program& program);
// Whether a call in the expression adds to the density by itself (`_lp`, `_jacobian`), or it reads what that has come
// to.
bool touches_target(const typed::ExpressionPtr& expression);

// Variables outside of functions that get a value more than once: by two statements, or in a loop.
std::set<typed::VariableId> changing_variables(const typed::Program& program);

// Calls `visit` for the statement and every statement nested in it.
void for_each_statement(const typed::StatementPtr& statement,
                        const std::function<void(const typed::StatementPtr&)>& visit);
using typed::for_each_expression;
// Calls `visit` for every expression directly in the statement (not in nested statements).
void for_each_operand(const typed::StatementPtr& statement,
                      const std::function<void(const typed::ExpressionPtr&)>& visit);

} // namespace sibyl::generative
