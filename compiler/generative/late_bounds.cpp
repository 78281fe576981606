#include "compiler/generative/late_bounds.hpp"

#include "compiler/generative/accesses.hpp"

namespace sibyl::generative {

namespace {

// Data that the model draws, and what the transformed data compute from them.
std::set<VariableId> drawn_data(const typed::Program& program) {
  std::set<VariableId> drawn;
  for (const auto* block : {&program.simulation.transformed_parameters, &program.simulation.model})
    for (const StatementPtr& one : *block)
      for (const VariableId id : accesses_of(one, program).drawn)
        if (!program.variables[id].is_local && (program.variables[id].block == typed::Block::data ||
                                                program.variables[id].block == typed::Block::transformed_data))
          drawn.insert(id);
  for (std::size_t before = 0; before != drawn.size();) {
    before = drawn.size();
    for (const StatementPtr& one : program.transformed_data)
      if (const Accesses accesses = accesses_of(one, program); meets(accesses.reads, drawn))
        drawn.insert(accesses.assigned.begin(), accesses.assigned.end());
  }
  return drawn;
}

} // namespace

void find_late_bounds(typed::Program& program) {
  const std::set<VariableId> drawn = drawn_data(program);
  for (VariableId id = 0; id < program.variables.size(); ++id) {
    const typed::Variable& variable = program.variables[id];
    if (variable.block != typed::Block::parameters || variable.is_local) continue;
    const auto is_late = [&](const ExpressionPtr& bound) {
      std::set<VariableId> reads;
      add_reads(bound, reads);
      return meets(reads, drawn);
    };
    if (variable.lower && is_late(variable.lower)) program.simulation.late_lower.insert(id);
    if (variable.upper && is_late(variable.upper)) program.simulation.late_upper.insert(id);
  }
}

bool has_late_bound(const typed::Program& program, VariableId id) {
  return program.simulation.late_lower.contains(id) || program.simulation.late_upper.contains(id);
}

std::optional<LatePrior> find_late_prior(const typed::Program& program) {
  const std::set<VariableId> drawn = drawn_data(program);
  std::optional<LatePrior> result;
  const auto look = [&](const ExpressionPtr& outcome, auto begin, auto end, Span span) {
    const auto id = drawn_variable(outcome);
    if (result || !id || program.variables[*id].block != typed::Block::parameters) return;
    for (; begin != end; ++begin) {
      std::set<VariableId> reads;
      add_reads(*begin, reads);
      for (const VariableId one : reads)
        if (!result && drawn.contains(one)) result = LatePrior{span, *id, one};
    }
  };
  for (const auto* block : {&program.transformed_parameters, &program.model})
    for (const StatementPtr& top : *block)
      for_each_statement(top, [&](const StatementPtr& one) {
        if (const auto* tilde = std::get_if<typed::Tilde>(&one->node))
          look(tilde->left, tilde->arguments.begin(), tilde->arguments.end(), one->span);
        for_each_operand(one, [&](const ExpressionPtr& operand) {
          for_each_expression(operand, [&](const ExpressionPtr& part) {
            const auto* call = std::get_if<typed::DistributionCall>(&part->node);
            if (call && call->function == typed::DistributionFunction::log_density)
              look(call->arguments.front(), call->arguments.begin() + 1, call->arguments.end(), part->span);
          });
        });
      });
  return result;
}

} // namespace sibyl::generative
