// Log densities that a variable adds up before the model adds it: `lprior += normal_lpdf(b | 0, 1); ... target +=
// lprior;`. Each term becomes a statement of its own where it is added up, so that it may draw its variable; the
// density is the same.
#include "lang/check/checker.hpp"
#include "lang/typed_rewrite.hpp"
#include "lang/typed_walk.hpp"

namespace sibyl::checking {

using typed::ExpressionPtr;
using typed::StatementPtr;
using typed::VariableId;

namespace {

// e of `v = v + e`; null where the statement is of another form.
ExpressionPtr added_to(VariableId id, const typed::Assignment& assignment) {
  if (assignment.variable != id || !assignment.indices.empty()) return nullptr;
  const auto* sum = std::get_if<typed::BuiltinCall>(&assignment.value->node);
  const bool is_sum = sum && sum->builtin == typed::Builtin::add && variable_of(sum->arguments[0]) == id;
  return is_sum && sum->arguments[1]->type.is_scalar() ? sum->arguments[1] : nullptr;
}

} // namespace

void Checker::spread_accumulators(typed::Program& program) {
  // What each variable is used for: only sums from zero on, which one statement at the model's top adds.
  struct Use {
    int starts = 0, sums = 0, increments = 0, others = 0;
  };
  std::map<VariableId, Use> uses;
  const auto read = [&](const ExpressionPtr& expression) {
    if (!expression) return;
    typed::for_each_expression(expression, [&](const ExpressionPtr& one) {
      if (const auto* reference = std::get_if<typed::VariableReference>(&one->node)) ++uses[reference->variable].others;
    });
  };
  const auto see = [&](const StatementPtr& tree) -> StatementPtr {
    std::visit(
        [&](const auto& node) {
          using Node = std::decay_t<decltype(node)>;
          if constexpr (std::is_same_v<Node, typed::Declaration>) {
            if (typed::literal_number(node.initializer) == 0) ++uses[node.variable].starts;
            else read(node.initializer);
            for (const ExpressionPtr& size : program.variables[node.variable].sizes) read(size);
          } else if constexpr (std::is_same_v<Node, typed::Assignment>) {
            if (const ExpressionPtr added = added_to(node.variable, node)) {
              ++uses[node.variable].sums;
              return read(added);
            }
            if (node.indices.empty() && typed::literal_number(node.value) == 0) ++uses[node.variable].starts;
            else ++uses[node.variable].others;
            for (const auto& item : node.indices) {
              read(item.first);
              read(item.second);
            }
            read(node.value);
          } else if constexpr (std::is_same_v<Node, typed::TargetIncrement>) {
            if (const auto id = variable_of(node.value); id && !node.is_jacobian) ++uses[*id].increments;
            else read(node.value);
          } else if constexpr (std::is_same_v<Node, typed::Tilde>) {
            read(node.left);
            for (const ExpressionPtr& argument : node.arguments) read(argument);
            if (node.truncation) {
              read(node.truncation->lower);
              read(node.truncation->upper);
            }
          } else {
            if constexpr (requires { node.condition; }) read(node.condition);
            if constexpr (std::is_same_v<Node, typed::For>) {
              read(node.first);
              read(node.last);
            }
            if constexpr (requires { node.container; }) read(node.container);
            if constexpr (requires { node.arguments; })
              for (const ExpressionPtr& argument : node.arguments) read(argument);
            if constexpr (requires { node.call; }) read(node.call);
          }
        },
        tree->node);
    return nullptr;
  };
  std::map<VariableId, int> at_top;
  for (const StatementPtr& one : program.model)
    if (const auto* increment = std::get_if<typed::TargetIncrement>(&one->node))
      if (const auto id = variable_of(increment->value)) ++at_top[*id];
  for (auto* block : {&program.transformed_parameters, &program.model})
    for (const StatementPtr& one : *block) typed::rewritten(one, see);
  const auto is_accumulator = [&](VariableId id) {
    const typed::Variable& variable = program.variables[id];
    const Use& use = uses[id];
    const bool is_here =
        variable.block == typed::Block::transformed_parameters || variable.block == typed::Block::model;
    return is_here && variable.type == Type{Base::real, 0} && use.starts == 1 && use.sums > 0 && use.increments == 1 &&
           use.others == 0 && at_top[id] == 1;
  };
  const auto spread = [&](const StatementPtr& tree) -> StatementPtr {
    if (const auto* assignment = std::get_if<typed::Assignment>(&tree->node)) {
      const ExpressionPtr added = added_to(assignment->variable, *assignment);
      if (!added || !is_accumulator(assignment->variable)) return nullptr;
      Statements both{tree};
      for (StatementPtr& term : density_terms(added)) both.push_back(std::move(term));
      return typed::make_statement(typed::Sequence{std::move(both)}, tree->span);
    }
    if (const auto* increment = std::get_if<typed::TargetIncrement>(&tree->node))
      if (const auto id = variable_of(increment->value); id && is_accumulator(*id))
        return typed::make_statement(typed::Sequence{}, tree->span);
    return nullptr;
  };
  for (auto* block : {&program.transformed_parameters, &program.model})
    for (StatementPtr& one : *block) one = typed::rewritten(one, spread);
}

} // namespace sibyl::checking
