#include "compiler/generative/spread_draws.hpp"

#include "compiler/generative/interleaving.hpp"
#include "compiler/generative/tree_building.hpp"

#include <algorithm>
#include <optional>

namespace sibyl::generative {

namespace {

// What stands in a list, in order: numbers, and containers that it is joined from. Empty where it is no list.
std::vector<ExpressionPtr> parts_of(const ExpressionPtr& list) {
  if (list->type.rank() != 1) return {};
  if (const auto* promote = std::get_if<typed::Promote>(&list->node)) {
    std::vector<ExpressionPtr> parts = parts_of(promote->operand);
    for (ExpressionPtr& one : parts) one = as_real(one);
    return parts;
  }
  if (const auto* literal = std::get_if<typed::ArrayLiteral>(&list->node)) return literal->elements;
  if (const auto* literal = std::get_if<typed::RowVectorLiteral>(&list->node)) return literal->elements;
  const auto* call = std::get_if<typed::BuiltinCall>(&list->node);
  if (!call) return {};
  switch (call->builtin) {
  case Builtin::transpose:
  case Builtin::to_vector:
  case Builtin::to_row_vector:
  case Builtin::to_array_1d: return parts_of(call->arguments[0]);
  case Builtin::append_row:
  case Builtin::append_col:
  case Builtin::append_array: break;
  default: return {};
  }
  std::vector<ExpressionPtr> parts;
  for (const ExpressionPtr& one : call->arguments) {
    const std::vector<ExpressionPtr> inner = parts_of(one);
    if (inner.empty()) parts.push_back(one);
    else parts.insert(parts.end(), inner.begin(), inner.end());
  }
  return parts;
}

// The argument that belongs to each part; empty where the text does not tell.
std::vector<ExpressionPtr> shared_out(const ExpressionPtr& argument, const std::vector<ExpressionPtr>& parts) {
  if (argument->type.is_scalar()) return std::vector<ExpressionPtr>(parts.size(), argument);
  if (const std::vector<ExpressionPtr> own = parts_of(argument); own.size() == parts.size()) {
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (own[i]->type.rank() != parts[i]->type.rank()) return {};
    return own;
  }
  std::vector<ExpressionPtr> own;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i]->type.is_scalar()) return {};
    own.push_back(element_of(argument, whole_number(static_cast<std::int64_t>(i) + 1, argument->span)));
  }
  return own;
}

// The arguments of each part's own draw, the part first; empty where it is not one draw for each.
std::vector<std::vector<ExpressionPtr>> spread(const typed::Distribution& distribution, const ExpressionPtr& left,
                                               const std::vector<ExpressionPtr>& arguments) {
  if (distribution.draws_container()) return {};
  const std::vector<ExpressionPtr> parts = parts_of(left);
  if (parts.empty() || !std::all_of(parts.begin(), parts.end(), [](const ExpressionPtr& one) {
        return one->type.rank() <= 1 && drawn_variable(one).has_value();
      }))
    return {};
  std::vector<std::vector<ExpressionPtr>> all;
  for (const ExpressionPtr& one : parts) all.push_back({one});
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    if (distribution.parameters[k].rank() > 0) {
      for (auto& one : all) one.push_back(arguments[k]);
      continue;
    }
    const std::vector<ExpressionPtr> own = shared_out(arguments[k], parts);
    if (own.empty()) return {};
    for (std::size_t i = 0; i < parts.size(); ++i) all[i].push_back(own[i]);
  }
  return all;
}

StatementPtr spread_tilde(const StatementPtr& statement) {
  const auto* tilde = std::get_if<typed::Tilde>(&statement->node);
  if (!tilde) return nullptr;
  if (tilde->truncation)
    for (const ExpressionPtr& bound : {tilde->truncation->lower, tilde->truncation->upper})
      if (bound && !bound->type.is_scalar()) return nullptr;
  const auto all = spread(*tilde->distribution, tilde->left, tilde->arguments);
  if (all.empty()) return nullptr;
  Statements draws;
  for (const auto& one : all)
    draws.push_back(make_statement(
        typed::Tilde{one.front(), tilde->distribution, {one.begin() + 1, one.end()}, tilde->truncation},
        statement->span));
  return in_sequence(std::move(draws), statement->span);
}

ExpressionPtr spread_density(const ExpressionPtr& expression) {
  const auto* call = std::get_if<typed::DistributionCall>(&expression->node);
  if (!call || call->function != typed::DistributionFunction::log_density) return nullptr;
  const auto all = spread(*call->distribution, call->arguments.front(),
                          {call->arguments.begin() + 1, call->arguments.end()});
  if (all.empty()) return nullptr;
  std::vector<ExpressionPtr> densities;
  for (const auto& one : all) {
    typed::DistributionCall own = *call;
    own.arguments = one;
    densities.push_back(make_expression(std::move(own), expression->type, expression->span));
  }
  return sum_of(densities, expression->span);
}

// `target += A + B;` of densities that each draw something: a statement for each.
void add_terms(const ExpressionPtr& value, Statements& statements) {
  const auto* sum = std::get_if<typed::BuiltinCall>(&value->node);
  if (sum && sum->builtin == Builtin::add && value->type.is_scalar()) {
    for (const ExpressionPtr& one : sum->arguments) add_terms(one, statements);
    return;
  }
  statements.push_back(make_statement(typed::TargetIncrement{value}, value->span));
}

StatementPtr spread_increment(const StatementPtr& statement) {
  const auto* increment = std::get_if<typed::TargetIncrement>(&statement->node);
  if (!increment || increment->is_jacobian) return nullptr;
  bool changes = false;
  const ExpressionPtr value = typed::rewritten(increment->value, [&](const ExpressionPtr& one) {
    const ExpressionPtr densities = spread_density(one);
    changes = changes || densities;
    return densities;
  });
  if (!changes) return nullptr;
  Statements terms;
  add_terms(value, terms);
  return in_sequence(std::move(terms), statement->span);
}

} // namespace

void spread_draws(typed::Program& program) {
  Statements model;
  for (const StatementPtr& top : program.model) {
    bool changes = false;
    const StatementPtr made = typed::rewritten(top, [&](const StatementPtr& tree) {
      StatementPtr draws = spread_tilde(tree);
      if (!draws) draws = spread_increment(tree);
      changes = changes || draws;
      return draws;
    });
    if (!changes || std::holds_alternative<typed::Sequence>(top->node)) {
      model.push_back(changes ? made : top);
      continue;
    }
    const Statements parts = typed::statements_of(made);
    model.insert(model.end(), parts.begin(), parts.end());
  }
  program.model = std::move(model);
}

} // namespace sibyl::generative
