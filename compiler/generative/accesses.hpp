// What a statement touches: the facts that dependency order, roles and plates are derived from.
#pragma once

#include "lang/typed_walk.hpp"

#include <functional>
#include <set>
#include <vector>

namespace sibyl::generative {

// The names that this room speaks in.
using typed::are_same;
using typed::Builtin;
using typed::ExpressionPtr;
using typed::for_each_expression;
using typed::IndexItem;
using typed::literal_number;
using typed::StatementPtr;
using typed::VariableId;
using typed::without_promotion;
using Statements = std::vector<StatementPtr>;

struct Accesses {
  std::set<VariableId> reads;    // values used: operands, indexes, sizes, distributions' parameters
  std::set<VariableId> assigned; // by `=`
  std::set<VariableId> drawn;    // left of `~`, or the outcome of `target += D_lpdf(x | ...)`
  std::set<VariableId> declared; // by the statement itself, nested ones too
};

Accesses accesses_of(const StatementPtr& statement, const typed::Program& program);
void add_reads(const ExpressionPtr& expression, std::set<VariableId>& reads);

// What `left ~ ...` draws: `left` without promotions and without reshaping (`to_vector(B) ~ normal(0, 1)` draws B).
ExpressionPtr drawn_place(const ExpressionPtr& left);
// Its indexes; none where it is a variable as a whole.
std::vector<IndexItem> items_of(const ExpressionPtr& place);
// The variable that is drawn by `left ~ ...`: `left` is a variable or an element or slice of one; nothing otherwise.
std::optional<VariableId> drawn_variable(const ExpressionPtr& left);

// `target += D_lpdf(x | ...)` read as `x ~ D(...)`; nothing where the statement is not of that form.
std::optional<typed::Tilde> as_tilde(const typed::TargetIncrement& increment);
// The draw that the statement is, in either spelling.
std::optional<typed::Tilde> as_draw(const StatementPtr& statement);

// Whether what is added depends on nothing that is drawn, observed data apart: a constant of the density, which the
// simulation leaves out.
bool is_constant(const typed::TargetIncrement& increment, const typed::Program& program);
// Whether a call in the expression adds to the density by itself (`_lp`, `_jacobian`), or it reads what that has come
// to.
bool touches_target(const ExpressionPtr& expression);

// Variables outside of functions that get a value more than once: by two statements, or in a loop.
std::set<VariableId> changing_variables(const typed::Program& program);

// Whether the statement itself gives the variable, or a part of it, a value by `=`.
bool assigns(const StatementPtr& statement, VariableId id);
// How often an expression, or a statement with all that is nested in it, uses or assigns the variable.
int count_looks(const ExpressionPtr& expression, VariableId id);
int count_looks_in(const StatementPtr& tree, VariableId id);
int count_assignments(const StatementPtr& tree, VariableId id);
// Whether one of the variables is among the others.
bool meets(const std::set<VariableId>& some, const std::set<VariableId>& others);

// Calls `visit` for the statement and every statement nested in it.
void for_each_statement(const StatementPtr& statement, const std::function<void(const StatementPtr&)>& visit);
// Calls `visit` for every expression directly in the statement (not in nested statements).
void for_each_operand(const StatementPtr& statement, const std::function<void(const ExpressionPtr&)>& visit);

} // namespace sibyl::generative
