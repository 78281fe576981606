#include "compiler/generative/computed_data.hpp"

#include "compiler/generative/accesses.hpp"

#include <algorithm>
#include <functional>

namespace sibyl::generative {

namespace {

// What a declaration needs before it has any value: its sizes and bounds.
std::set<VariableId> shape_reads(const StatementPtr& statement, const typed::Program& program) {
  std::set<VariableId> reads;
  if (const auto* declaration = std::get_if<typed::Declaration>(&statement->node)) {
    const typed::Variable& variable = program.variables[declaration->variable];
    for (const auto& size : variable.sizes) add_reads(size, reads);
    if (variable.lower) add_reads(variable.lower, reads);
    if (variable.upper) add_reads(variable.upper, reads);
  }
  return reads;
}

// One statement of the transformed data: which variables it gives values, and from which.
struct Computation {
  std::set<VariableId> results, operands;
};

std::vector<Computation> computations(const typed::Program& program) {
  std::vector<Computation> all;
  for (const StatementPtr& statement : program.transformed_data) {
    const Accesses accesses = accesses_of(statement, program);
    Computation one{accesses.assigned, accesses.reads};
    if (const auto* declaration = std::get_if<typed::Declaration>(&statement->node)) {
      if (!declaration->initializer) continue;
      one.results.insert(declaration->variable);
    }
    all.push_back(std::move(one));
  }
  return all;
}

// What the variables of `ids` are computed from, directly or through others.
std::set<VariableId> sources(std::set<VariableId> ids, const std::vector<Computation>& all) {
  for (std::size_t before = 0; before != ids.size();) {
    before = ids.size();
    for (const Computation& one : all)
      if (meets(one.results, ids)) ids.insert(one.operands.begin(), one.operands.end());
  }
  return ids;
}

// What is computed from the variables of `ids`, directly or through others.
std::set<VariableId> results(std::set<VariableId> ids, const std::vector<Computation>& all) {
  for (std::size_t before = 0; before != ids.size();) {
    before = ids.size();
    for (const Computation& one : all)
      if (meets(one.operands, ids)) ids.insert(one.results.begin(), one.results.end());
  }
  return ids;
}

// Calls `visit` for every statement that simulation runs, other than the transformed data's, and what it reads.
void for_each_use(const typed::Program& program,
                  const std::function<void(const StatementPtr&, const std::set<VariableId>&)>& visit) {
  for (const auto* block : {&program.design, &program.transformed_parameters, &program.model})
    for (const StatementPtr& statement : *block) visit(statement, accesses_of(statement, program).reads);
  for (const auto* block : {&program.data, &program.transformed_data, &program.parameters})
    for (const StatementPtr& statement : *block)
      if (auto reads = shape_reads(statement, program); !reads.empty()) visit(statement, reads);
}

} // namespace

ComputedData find_computed_data(const typed::Program& program, const std::set<VariableId>& drawn,
                                std::optional<Reason>& refusal) {
  ComputedData computed;
  computed.drawn = drawn;
  if (drawn.empty()) return computed;
  const std::vector<Computation> all = computations(program);
  std::set<VariableId> used;
  for_each_use(program, [&](const StatementPtr&, const std::set<VariableId>& reads) {
    used.insert(reads.begin(), reads.end());
  });
  const auto quoted = [&](VariableId id) { return "`" + program.variables[id].name + "`"; };
  for (const VariableId id : drawn) {
    std::set<VariableId> data, underlying;
    for (const VariableId source : sources({id}, all)) {
      const typed::Variable& variable = program.variables[source];
      if (variable.block != typed::Block::data || variable.is_local) continue;
      data.insert(source);
      if (!used.contains(source)) underlying.insert(source);
    }
    // Sizes are declared before what has them: the last one is data proper.
    if (!data.empty() && underlying.empty() && !refusal)
      refusal = Reason{program.variables[id].span,
                       quoted(id) + " is computed from " + quoted(*data.rbegin()) +
                           ", which the model uses elsewhere too, so drawing it would not give the data themselves"};
    computed.underlying.insert(underlying.begin(), underlying.end());
  }
  for (const VariableId id : results(computed.underlying, all))
    if (!computed.underlying.contains(id) && !drawn.contains(id)) computed.derived.insert(id);
  for_each_use(program, [&](const StatementPtr& statement, const std::set<VariableId>& reads) {
    for (const VariableId id : reads)
      if (computed.derived.contains(id) && !refusal)
        refusal =
            Reason{statement->span, "this uses " + quoted(id) + ", which is computed from " +
                                        quoted(*computed.underlying.begin()) + ", and simulation has no value of that"};
  });
  return computed;
}

std::vector<StatementPtr> without_computed(const std::vector<StatementPtr>& transformed_data,
                                           const typed::Program& program, const ComputedData& computed) {
  if (computed.drawn.empty()) return transformed_data;
  std::vector<StatementPtr> kept;
  for (const StatementPtr& statement : transformed_data) {
    if (const auto* declaration = std::get_if<typed::Declaration>(&statement->node)) {
      const bool lacks = computed.lacks(declaration->variable);
      kept.push_back(lacks ? std::make_shared<const typed::Statement>(
                                 typed::Statement{typed::Declaration{declaration->variable, nullptr}, statement->span})
                           : statement);
      continue;
    }
    const Accesses accesses = accesses_of(statement, program);
    const auto lacks = [&](const std::set<VariableId>& ids) {
      return std::any_of(ids.begin(), ids.end(), [&](VariableId id) { return computed.lacks(id); });
    };
    if (!lacks(accesses.assigned) && !lacks(accesses.reads)) kept.push_back(statement);
  }
  return kept;
}

} // namespace sibyl::generative
