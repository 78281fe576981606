#include "compiler/generative/late_bounds.hpp"

#include "compiler/generative/accesses.hpp"

#include <algorithm>

namespace sibyl::generative {

using typed::VariableId;

void find_late_bounds(typed::Program& program) {
  const auto meets = [](const std::set<VariableId>& a, const std::set<VariableId>& b) {
    return std::any_of(a.begin(), a.end(), [&](VariableId id) { return b.contains(id); });
  };
  std::set<VariableId> drawn; // data, and what is computed from them
  for (const auto* block : {&program.simulation.transformed_parameters, &program.simulation.model})
    for (const typed::StatementPtr& one : *block)
      for (const VariableId id : accesses_of(one, program).drawn)
        if (!program.variables[id].is_local && (program.variables[id].block == typed::Block::data ||
                                                program.variables[id].block == typed::Block::transformed_data))
          drawn.insert(id);
  for (std::size_t before = 0; before != drawn.size();) {
    before = drawn.size();
    for (const typed::StatementPtr& one : program.transformed_data)
      if (const Accesses accesses = accesses_of(one, program); meets(accesses.reads, drawn))
        drawn.insert(accesses.assigned.begin(), accesses.assigned.end());
  }
  for (VariableId id = 0; id < program.variables.size(); ++id) {
    const typed::Variable& variable = program.variables[id];
    if (variable.block != typed::Block::parameters || variable.is_local) continue;
    const auto is_late = [&](const typed::ExpressionPtr& bound) {
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

} // namespace sibyl::generative
