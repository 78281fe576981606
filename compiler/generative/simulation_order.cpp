// In which order statements simulate.
#include "compiler/generative/accesses.hpp"
#include "compiler/generative/interleaving.hpp"
#include "compiler/generative/reading.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>

namespace sibyl::generative {

std::vector<StatementPtr> simulated_statements(const typed::Program& program, const Reading& reading) {
  std::vector<StatementPtr> all;
  for (const StatementPtr& declaration : program.data)
    if (!reading.is_input[std::get<typed::Declaration>(declaration->node).variable]) all.push_back(declaration);
  const auto transformed_data = without_computed(program.transformed_data, program, reading.computed);
  for (const auto* block : {&transformed_data, &program.design, &program.parameters,
                            &program.simulation.transformed_parameters, &program.simulation.model})
    all.insert(all.end(), block->begin(), block->end());
  return all;
}

namespace {

using AccessesOf = std::function<Accesses(const StatementPtr&)>;
using Before = std::vector<std::set<std::size_t>>;

// before[j] lists the statements that must precede statement j.
Before what_precedes(const std::vector<Accesses>& accesses) {
  const std::size_t count = accesses.size();
  std::map<VariableId, bool> is_drawn;
  for (const Accesses& one : accesses)
    for (const VariableId id : one.drawn) is_drawn[id] = true;

  Before before(count);
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
  return before;
}

// Puts one loop in the place of each set of statements that need each other. False where one has no such loop.
bool interleave_cycles(std::vector<StatementPtr>& statements, const Before& before, const typed::Program& program) {
  const std::size_t count = statements.size();
  std::vector<std::vector<bool>> needs(count, std::vector<bool>(count)); // directly or through others
  for (std::size_t j = 0; j < count; ++j) {
    std::vector<std::size_t> open(before[j].begin(), before[j].end());
    while (!open.empty()) {
      const std::size_t i = open.back();
      open.pop_back();
      if (needs[j][i]) continue;
      needs[j][i] = true;
      open.insert(open.end(), before[i].begin(), before[i].end());
    }
  }
  std::vector<StatementPtr> result;
  std::vector<bool> done(count);
  const std::function<bool(std::size_t)> append = [&](std::size_t j) {
    if (done[j]) return true;
    done[j] = true;
    if (!needs[j][j]) {
      result.push_back(statements[j]);
      return true;
    }
    std::vector<StatementPtr> circle{statements[j]};
    std::size_t last = j;
    for (std::size_t i = j + 1; i < count; ++i)
      if (needs[j][i] && needs[i][j]) {
        circle.push_back(statements[i]);
        done[i] = true;
        last = i;
      }
    // Among them stand others, which the loop may need: only what needs it comes after it.
    for (std::size_t i = j + 1; i < last; ++i)
      if (!needs[i][j] && !append(i)) return false;
    const auto loop = interleaved(circle, program);
    if (loop) result.insert(result.end(), loop->begin(), loop->end());
    return loop.has_value();
  };
  for (std::size_t j = 0; j < count; ++j)
    if (!append(j)) return false;
  statements = std::move(result);
  return true;
}

std::optional<std::vector<StatementPtr>> put_in_order(std::vector<StatementPtr> statements, const AccessesOf& find,
                                                      const typed::Program& program, StatementPtr* cycle,
                                                      bool may_interleave = true) {
  const std::size_t count = statements.size();
  std::vector<Accesses> accesses;
  std::transform(statements.begin(), statements.end(), std::back_inserter(accesses), find);
  const Before before = what_precedes(accesses);
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
      StatementPtr on_cycle = statements.front();
      for (std::size_t j = count; j-- > 0;)
        if (!done[j] && !std::holds_alternative<typed::Declaration>(statements[j]->node)) on_cycle = statements[j];
      if (may_interleave && interleave_cycles(statements, before, program))
        if (auto found = put_in_order(std::move(statements), find, program, cycle, false)) return found;
      if (cycle) *cycle = on_cycle;
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
  const auto find = [&](const StatementPtr& statement) {
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
    return one;
  };
  return put_in_order(statements, find, program, cycle);
}

std::set<VariableId> computed_from_observed(const typed::Program& program, const Reading& reading) {
  std::set<VariableId> sources, found;
  for (VariableId id = 0; id < program.variables.size(); ++id)
    if (reading.roles[id] == Role::observed) sources.insert(id);
  for (std::size_t before = 0; before != sources.size();) {
    before = sources.size();
    for (const StatementPtr& one : without_computed(program.transformed_data, program, reading.computed)) {
      const Accesses accesses = accesses_of(one, program);
      if (!meets(accesses.reads, sources)) continue;
      std::set<VariableId> results = accesses.assigned;
      if (const auto* declaration = std::get_if<typed::Declaration>(&one->node);
          declaration && declaration->initializer)
        results.insert(declaration->variable);
      for (const VariableId id : results)
        if (reading.roles[id] == Role::transformed_data) found.insert(id);
      sources.insert(results.begin(), results.end());
    }
  }
  return found;
}

bool is_simulated_given_parameters(const Reading& reading, VariableId id) {
  return reading.roles[id] == Role::observed || reading.is_latent[id];
}

std::optional<std::vector<StatementPtr>> data_simulation_order(const typed::Program& program, const Reading& reading,
                                                               StatementPtr* cycle) {
  std::vector<StatementPtr> statements;
  const std::set<VariableId> computed = computed_from_observed(program, reading);
  const auto add_observed = [&](const std::vector<StatementPtr>& block) {
    for (const StatementPtr& one : block) {
      const auto* declaration = std::get_if<typed::Declaration>(&one->node);
      const bool is_of_data = declaration ? reading.roles[declaration->variable] == Role::observed ||
                                                computed.contains(declaration->variable)
                                          : meets(accesses_of(one, program).assigned, computed);
      if (is_of_data) statements.push_back(one);
    }
  };
  add_observed(program.data);
  add_observed(without_computed(program.transformed_data, program, reading.computed));
  for (const auto* block : {&program.simulation.transformed_parameters, &program.simulation.model})
    statements.insert(statements.end(), block->begin(), block->end());
  const auto find = [&](const StatementPtr& statement) {
    Accesses one = accesses_of(statement, program);
    read_computed_data_as_drawn(one, program);
    std::erase_if(one.drawn, [&](VariableId id) { return !is_simulated_given_parameters(reading, id); });
    return one;
  };
  return put_in_order(std::move(statements), find, program, cycle);
}

} // namespace sibyl::generative
