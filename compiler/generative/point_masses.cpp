#include "compiler/generative/point_masses.hpp"

#include "compiler/generative/accesses.hpp"

#include <algorithm>

namespace sibyl::generative {

PointMasses::PointMasses(const typed::Program& program, const std::vector<bool>& latents) : program_(program) {
  for (VariableId id = 0; id < program.variables.size(); ++id) {
    const typed::Variable& variable = program.variables[id];
    if (latents[id] || (!variable.is_local && variable.block == typed::Block::parameters)) varying_.insert(id);
  }
  for (std::size_t before = 0; before != varying_.size() + refused_.size();) {
    before = varying_.size() + refused_.size();
    for (const auto* block : {&program.transformed_parameters, &program.model})
      for (const StatementPtr& statement : *block) see(statement, false);
  }
}

bool PointMasses::varies(const ExpressionPtr& expression) const {
  std::set<VariableId> reads;
  add_reads(expression, reads);
  return std::any_of(reads.begin(), reads.end(), [&](VariableId id) { return varying_.contains(id); });
}

bool PointMasses::varies(const std::vector<IndexItem>& items) const {
  return std::any_of(items.begin(), items.end(), [&](const IndexItem& item) {
    return (item.first && varies(item.first)) || (item.second && varies(item.second));
  });
}

void PointMasses::see(const StatementPtr& statement, bool condition_varies) {
  if (!statement) return;
  std::visit(
      [&](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, typed::Declaration>) {
          if (node.initializer && (condition_varies || varies(node.initializer))) varying_.insert(node.variable);
        } else if constexpr (std::is_same_v<Node, typed::Assignment>) {
          const typed::Variable& variable = program_.variables[node.variable];
          const bool value_varies = varies(node.value) || varies(node.indices);
          if (variable.is_local || variable.block != typed::Block::data) {
            if (condition_varies || value_varies) varying_.insert(node.variable);
            return;
          }
          std::set<VariableId> reads;
          add_reads(node.value, reads);
          const bool is_real = !variable.type.is_integer_valued();
          if (value_varies || reads.contains(node.variable) || (is_real && condition_varies))
            refused_.insert(node.variable);
        } else if constexpr (std::is_same_v<Node, typed::Sequence>) {
          for (const StatementPtr& one : node.statements) see(one, condition_varies);
        } else if constexpr (std::is_same_v<Node, typed::If>) {
          const bool inside = condition_varies || varies(node.condition);
          see(node.then_body, inside);
          see(node.else_body, inside);
        } else if constexpr (std::is_same_v<Node, typed::For>) {
          see(node.body, condition_varies || varies(node.first) || varies(node.last));
        } else if constexpr (std::is_same_v<Node, typed::ForEach>) {
          if (varies(node.container)) varying_.insert(node.variable);
          see(node.body, condition_varies);
        } else if constexpr (std::is_same_v<Node, typed::While>) {
          see(node.body, condition_varies || varies(node.condition));
        }
      },
      statement->node);
}

} // namespace sibyl::generative
