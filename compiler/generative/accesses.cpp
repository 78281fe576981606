#include "compiler/generative/accesses.hpp"

#include <algorithm>

namespace sibyl::generative {

void for_each_operand(const StatementPtr& statement, const std::function<void(const ExpressionPtr&)>& visit) {
  const auto see = [&](const ExpressionPtr& expression) {
    if (expression) visit(expression);
  };
  std::visit(
      [&](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, typed::Declaration>) see(node.initializer);
        else if constexpr (std::is_same_v<Node, typed::Assignment>) {
          for (const auto& item : node.indices) {
            see(item.first);
            see(item.second);
          }
          see(node.value);
        } else if constexpr (std::is_same_v<Node, typed::Tilde>) {
          see(node.left);
          for (const auto& argument : node.arguments) see(argument);
          if (node.truncation) {
            see(node.truncation->lower);
            see(node.truncation->upper);
          }
        } else if constexpr (std::is_same_v<Node, typed::TargetIncrement> || std::is_same_v<Node, typed::Return>)
          see(node.value);
        else if constexpr (std::is_same_v<Node, typed::For>) {
          see(node.first);
          see(node.last);
        } else if constexpr (std::is_same_v<Node, typed::ForEach>) see(node.container);
        else if constexpr (std::is_same_v<Node, typed::While> || std::is_same_v<Node, typed::If>) see(node.condition);
        else if constexpr (std::is_same_v<Node, typed::CallStatement>) see(node.call);
        else if constexpr (requires { node.arguments; })
          for (const auto& argument : node.arguments) see(argument);
      },
      statement->node);
}

void for_each_statement(const StatementPtr& statement, const std::function<void(const StatementPtr&)>& visit) {
  if (!statement) return;
  visit(statement);
  std::visit(
      [&](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (requires { node.body; }) for_each_statement(node.body, visit);
        else if constexpr (std::is_same_v<Node, typed::If>) {
          for_each_statement(node.then_body, visit);
          for_each_statement(node.else_body, visit);
        } else if constexpr (std::is_same_v<Node, typed::Sequence>)
          for (const auto& one : node.statements) for_each_statement(one, visit);
      },
      statement->node);
}

void add_reads(const ExpressionPtr& expression, std::set<VariableId>& reads) {
  for_each_expression(expression, [&](const ExpressionPtr& one) {
    if (const auto* reference = std::get_if<typed::VariableReference>(&one->node)) reads.insert(reference->variable);
  });
}

ExpressionPtr drawn_place(const ExpressionPtr& left) {
  if (const auto* promote = std::get_if<typed::Promote>(&left->node)) return drawn_place(promote->operand);
  if (const auto* call = std::get_if<typed::BuiltinCall>(&left->node))
    if (call->builtin == Builtin::to_vector || call->builtin == Builtin::to_row_vector ||
        call->builtin == Builtin::to_array_1d)
      return drawn_place(call->arguments.front());
  return left;
}

std::vector<IndexItem> items_of(const ExpressionPtr& place) {
  const auto* index = std::get_if<typed::Index>(&place->node);
  return index ? index->items : std::vector<IndexItem>{};
}

std::optional<VariableId> drawn_variable(const ExpressionPtr& left) {
  const ExpressionPtr place = drawn_place(left);
  const auto* index = std::get_if<typed::Index>(&place->node);
  const auto* reference = std::get_if<typed::VariableReference>(&(index ? index->base : place)->node);
  return reference ? std::optional(reference->variable) : std::nullopt;
}

std::optional<typed::Tilde> as_tilde(const typed::TargetIncrement& increment) {
  const auto* call = std::get_if<typed::DistributionCall>(&increment.value->node);
  if (increment.is_jacobian || !call || call->function != typed::DistributionFunction::log_density) return std::nullopt;
  typed::Tilde tilde;
  tilde.left = call->arguments.front();
  if (!drawn_variable(tilde.left)) return std::nullopt;
  tilde.distribution = call->distribution;
  tilde.arguments.assign(call->arguments.begin() + 1, call->arguments.end());
  return tilde;
}

std::optional<typed::Tilde> as_draw(const StatementPtr& statement) {
  if (const auto* tilde = std::get_if<typed::Tilde>(&statement->node)) return *tilde;
  const auto* increment = std::get_if<typed::TargetIncrement>(&statement->node);
  return increment ? as_tilde(*increment) : std::nullopt;
}

bool is_constant(const typed::TargetIncrement& increment, const typed::Program& program) {
  if (increment.is_jacobian || touches_target(increment.value)) return false;
  bool may_draw = false;
  for_each_expression(increment.value, [&](const ExpressionPtr& one) {
    if (const auto* call = std::get_if<typed::DistributionCall>(&one->node))
      may_draw = may_draw || typed::may_draw(*call);
  });
  if (may_draw) return false;
  std::set<VariableId> reads;
  add_reads(increment.value, reads);
  return std::all_of(reads.begin(), reads.end(), [&](VariableId id) {
    const typed::Variable& variable = program.variables[id];
    const bool is_counter = variable.is_loop_variable && variable.type == Type{Base::integer, 0};
    return is_counter || (!variable.is_local &&
                          (variable.block == typed::Block::data || variable.block == typed::Block::transformed_data));
  });
}

bool touches_target(const ExpressionPtr& expression) {
  bool found = false;
  for_each_expression(expression, [&](const ExpressionPtr& one) {
    if (const auto* call = std::get_if<typed::FunctionCall>(&one->node))
      found = found || (call->function->span.source == 0 && call->function->name.ends_with("_lp")) ||
              (call->function->name.ends_with("_jacobian") && !call->function->name.ends_with("log_jacobian"));
    if (const auto* call = std::get_if<typed::BuiltinCall>(&one->node))
      found = found || call->builtin == Builtin::target;
  });
  return found;
}

bool assigns(const StatementPtr& tree, VariableId id) {
  if (const auto* assignment = std::get_if<typed::Assignment>(&tree->node)) return assignment->variable == id;
  const auto* declaration = std::get_if<typed::Declaration>(&tree->node);
  return declaration && declaration->variable == id && declaration->initializer;
}

int count_assignments(const StatementPtr& tree, VariableId id) {
  int count = 0;
  for_each_statement(tree, [&](const StatementPtr& one) { count += assigns(one, id); });
  return count;
}

int count_looks(const ExpressionPtr& expression, VariableId id) {
  int count = 0;
  for_each_expression(expression, [&](const ExpressionPtr& one) {
    const auto* found = std::get_if<typed::VariableReference>(&one->node);
    count += found && found->variable == id;
  });
  return count;
}

int count_looks_in(const StatementPtr& tree, VariableId id) {
  int count = 0;
  for_each_statement(tree, [&](const StatementPtr& one) {
    for_each_operand(one, [&](const ExpressionPtr& operand) { count += count_looks(operand, id); });
  });
  return count;
}

bool meets(const std::set<VariableId>& some, const std::set<VariableId>& others) {
  return std::any_of(some.begin(), some.end(), [&](VariableId id) { return others.contains(id); });
}

std::set<VariableId> changing_variables(const typed::Program& program) {
  std::set<VariableId> once, changing;
  const auto assign = [&](VariableId id, bool in_loop) {
    if (!once.insert(id).second || in_loop) changing.insert(id);
  };
  const std::function<void(const StatementPtr&, bool)> see = [&](const StatementPtr& top, bool in_loop) {
    if (!top) return;
    std::visit(
        [&](const auto& node) {
          using Node = std::decay_t<decltype(node)>;
          if constexpr (std::is_same_v<Node, typed::Declaration>) {
            if (node.initializer) assign(node.variable, in_loop);
          } else if constexpr (std::is_same_v<Node, typed::Assignment>) assign(node.variable, in_loop);
          else if constexpr (std::is_same_v<Node, typed::Sequence>)
            for (const StatementPtr& one : node.statements) see(one, in_loop);
          else if constexpr (std::is_same_v<Node, typed::If>) {
            see(node.then_body, in_loop);
            see(node.else_body, in_loop);
          } else if constexpr (requires { node.body; }) see(node.body, true);
        },
        top->node);
  };
  for (const auto* block : {&program.transformed_data, &program.design, &program.transformed_parameters, &program.model,
                            &program.generated_quantities, &program.simulation.model})
    for (const StatementPtr& one : *block) see(one, false);
  return changing;
}

Accesses accesses_of(const StatementPtr& statement, const typed::Program& program) {
  Accesses found;
  const auto reads_of_index = [&](const ExpressionPtr& left) {
    // The indexes of what is drawn or assigned are read, the variable itself is not.
    std::function<void(const ExpressionPtr&)> see = [&](const ExpressionPtr& one) {
      const ExpressionPtr place = drawn_place(one);
      if (const auto* index = std::get_if<typed::Index>(&place->node)) {
        see(index->base);
        for (const auto& item : index->items) {
          add_reads(item.first, found.reads);
          add_reads(item.second, found.reads);
        }
      }
    };
    see(left);
  };
  const auto draw = [&](const typed::Tilde& tilde) {
    if (const auto variable = drawn_variable(tilde.left)) {
      found.drawn.insert(*variable);
      reads_of_index(tilde.left);
      const typed::Variable& drawn = program.variables[*variable];
      if (!program.simulation.late_lower.contains(*variable)) add_reads(drawn.lower, found.reads);
      if (!program.simulation.late_upper.contains(*variable)) add_reads(drawn.upper, found.reads);
    } else {
      add_reads(tilde.left, found.reads);
    }
    for (const auto& argument : tilde.arguments) add_reads(argument, found.reads);
    if (tilde.truncation) {
      add_reads(tilde.truncation->lower, found.reads);
      add_reads(tilde.truncation->upper, found.reads);
    }
  };
  for_each_statement(statement, [&](const StatementPtr& one) {
    if (const auto* tilde = std::get_if<typed::Tilde>(&one->node)) return draw(*tilde);
    if (const auto* increment = std::get_if<typed::TargetIncrement>(&one->node)) {
      if (const auto tilde = as_tilde(*increment)) return draw(*tilde);
    }
    if (const auto* assignment = std::get_if<typed::Assignment>(&one->node))
      (assignment->gives_draw ? found.drawn : found.assigned).insert(assignment->variable);
    if (const auto* declaration = std::get_if<typed::Declaration>(&one->node)) {
      found.declared.insert(declaration->variable);
      if (declaration->initializer) found.assigned.insert(declaration->variable);
      for (const auto& size : program.variables[declaration->variable].sizes) add_reads(size, found.reads);
    }
    for_each_operand(one, [&](const ExpressionPtr& operand) { add_reads(operand, found.reads); });
  });
  return found;
}

} // namespace sibyl::generative
