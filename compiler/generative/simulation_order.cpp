// In which order statements simulate.
#include "compiler/generative/accesses.hpp"
#include "compiler/generative/reading.hpp"

#include <algorithm>
#include <iterator>
#include <map>

namespace sibyl::generative {

using typed::StatementPtr;
using typed::VariableId;

std::vector<StatementPtr> simulated_statements(const typed::Program& program, const Reading& reading) {
  std::vector<StatementPtr> all;
  for (const StatementPtr& declaration : program.data)
    if (!reading.is_input[std::get<typed::Declaration>(declaration->node).variable]) all.push_back(declaration);
  const auto transformed_data = without_computed(program.transformed_data, program, reading.computed);
  for (const auto* block : {&transformed_data, &program.design, &program.parameters, &program.transformed_parameters,
                            &program.simulation.model})
    all.insert(all.end(), block->begin(), block->end());
  return all;
}

namespace {

// `accesses` of each statement.
std::optional<std::vector<StatementPtr>> put_in_order(const std::vector<StatementPtr>& statements,
                                                      const std::vector<Accesses>& accesses, StatementPtr* cycle) {
  const std::size_t count = statements.size();
  std::map<VariableId, bool> is_drawn;
  for (const Accesses& one : accesses)
    for (const VariableId id : one.drawn) is_drawn[id] = true;

  // before[j] lists the statements that must precede statement j.
  std::vector<std::set<std::size_t>> before(count);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < count; ++j) {
      if (i == j) continue;
      const auto touches = [&](const Accesses& one, VariableId id) {
        return one.reads.contains(id) || one.assigned.contains(id) || one.drawn.contains(id);
      };
      for (const VariableId id : accesses[i].declared)
        if (touches(accesses[j], id)) before[j].insert(i);
      for (const VariableId id : accesses[i].drawn) {
        const bool j_draws = accesses[j].drawn.contains(id), j_reads = accesses[j].reads.contains(id);
        const bool i_reads = accesses[i].reads.contains(id);
        if (!j_draws && (j_reads || accesses[j].assigned.contains(id))) before[j].insert(i);
        if (j_draws && j_reads && !i_reads) before[j].insert(i);
        if (j_draws && j_reads && i_reads && i < j) before[j].insert(i);
      }
      if (i < j)
        for (const VariableId id : accesses[i].assigned)
          if (!is_drawn[id] && touches(accesses[j], id)) before[j].insert(i);
      if (i < j)
        for (const VariableId id : accesses[j].assigned)
          if (!is_drawn[id] && touches(accesses[i], id)) before[j].insert(i);
    }
  std::vector<StatementPtr> ordered;
  std::vector<bool> done(count, false);
  while (ordered.size() < count) {
    std::size_t next = count;
    for (std::size_t j = 0; j < count && next == count; ++j) {
      if (done[j]) continue;
      bool ready = true;
      for (const std::size_t i : before[j]) ready = ready && done[i];
      if (ready) next = j;
    }
    if (next == count) {
      if (cycle)
        for (std::size_t j = 0; j < count; ++j)
          if (!done[j] && !std::holds_alternative<typed::Declaration>(statements[j]->node)) {
            *cycle = statements[j];
            break;
          }
      if (cycle && !*cycle) *cycle = statements.front();
      return std::nullopt;
    }
    done[next] = true;
    ordered.push_back(statements[next]);
  }
  return ordered;
}

// Data that are computed get their value here, wherever the text stands: `N = 4;` before what has N elements.
void read_computed_data_as_drawn(Accesses& one, const typed::Program& program) {
  const auto is_data = [&](VariableId id) {
    return program.variables[id].block == typed::Block::data && !program.variables[id].is_local;
  };
  std::copy_if(one.assigned.begin(), one.assigned.end(), std::inserter(one.drawn, one.drawn.end()), is_data);
  std::erase_if(one.assigned, is_data);
}

} // namespace

std::optional<std::vector<StatementPtr>> simulation_order(const std::vector<StatementPtr>& statements,
                                                          const typed::Program& program, const Reading& reading,
                                                          StatementPtr* cycle) {
  std::vector<Accesses> accesses;
  for (const StatementPtr& statement : statements) {
    Accesses one = accesses_of(statement, program);
    // A bounded parameter without a prior is drawn where it is declared.
    if (const auto* declaration = std::get_if<typed::Declaration>(&statement->node))
      for (const VariableId id : reading.flat)
        if (id == declaration->variable) {
          one.drawn.insert(id);
          add_reads(program.variables[id].lower, one.reads);
          add_reads(program.variables[id].upper, one.reads);
        }
    read_computed_data_as_drawn(one, program);
    accesses.push_back(std::move(one));
  }
  return put_in_order(statements, accesses, cycle);
}

bool is_simulated_given_parameters(const Reading& reading, VariableId id) {
  return reading.roles[id] == Role::observed || reading.is_latent[id];
}

std::optional<std::vector<StatementPtr>> data_simulation_order(const typed::Program& program, const Reading& reading,
                                                               StatementPtr* cycle) {
  std::vector<StatementPtr> statements;
  const auto add_observed = [&](const std::vector<StatementPtr>& block) {
    for (const StatementPtr& one : block)
      if (const auto* declaration = std::get_if<typed::Declaration>(&one->node))
        if (reading.roles[declaration->variable] == Role::observed) statements.push_back(one);
  };
  add_observed(program.data);
  add_observed(without_computed(program.transformed_data, program, reading.computed));
  for (const auto* block : {&program.transformed_parameters, &program.simulation.model})
    statements.insert(statements.end(), block->begin(), block->end());
  std::vector<Accesses> accesses;
  for (const StatementPtr& statement : statements) {
    Accesses one = accesses_of(statement, program);
    read_computed_data_as_drawn(one, program);
    std::erase_if(one.drawn, [&](VariableId id) { return !is_simulated_given_parameters(reading, id); });
    accesses.push_back(std::move(one));
  }
  return put_in_order(statements, accesses, cycle);
}

} // namespace sibyl::generative
