#include "compiler/generative/marginalized.hpp"

#include "compiler/generative/marginal_rewriter.hpp"

#include <algorithm>

namespace sibyl::generative {

namespace {

// Whether a mixture may be in it, whose parts a variable holds.
bool may_mix(const ExpressionPtr& value) {
  bool found = false;
  for_each_expression(value, [&](const ExpressionPtr& one) {
    found = found || as_library_call(one, "log_sum_exp") || as_library_call(one, "log_mix");
  });
  return found;
}

} // namespace

bool only_grows(const Statements& statements, VariableId id) {
  bool is_first = true, grows = true;
  for (const StatementPtr& top : statements)
    for_each_statement(top, [&](const StatementPtr& one) {
      if (!assigns(one, id)) return;
      const auto* assignment = std::get_if<typed::Assignment>(&one->node);
      const auto* sum = assignment ? std::get_if<typed::BuiltinCall>(&assignment->value->node) : nullptr;
      const bool adds = sum && sum->builtin == Builtin::add && count_looks(sum->arguments[0], id) == 1 &&
                        std::holds_alternative<typed::VariableReference>(sum->arguments[0]->node) &&
                        count_looks(sum->arguments[1], id) == 0;
      grows = grows && (is_first ? one == top && !adds : adds);
      is_first = false;
    });
  return grows;
}

std::string key_of(VariableId id) { return std::to_string(id); }
std::string key_of(VariableId id, std::int64_t element) { return key_of(id) + "[" + std::to_string(element) + "]"; }
const typed::IntegerLiteral* constant_index(const std::vector<IndexItem>& items) {
  const bool is_single = items.size() == 1 && items[0].kind == IndexItem::Kind::single;
  return is_single ? std::get_if<typed::IntegerLiteral>(&items[0].first->node) : nullptr;
}

MarginalRewriter::MarginalRewriter(typed::Program& program)
    : program_(program), reader_(program, [this](const ExpressionPtr& place) { return definition(place); }) {
  for (const auto* block : {&program.transformed_parameters, &program.model})
    for (const StatementPtr& top : *block)
      for_each_statement(top, [&](const StatementPtr& one) {
        if (const auto* assignment = std::get_if<typed::Assignment>(&one->node)) ++assignments_[assignment->variable];
        const auto* declaration = std::get_if<typed::Declaration>(&one->node);
        if (declaration && declaration->initializer) ++assignments_[declaration->variable];
        for_each_operand(one, [&](const ExpressionPtr& operand) {
          for_each_expression(operand, [&](const ExpressionPtr& part) {
            if (const auto* found = std::get_if<typed::VariableReference>(&part->node)) ++looks_[found->variable];
          });
        });
      });
}

void MarginalRewriter::run() {
  for (const StatementPtr& one : program_.transformed_parameters) note(one);
  program_.simulation.transformed_parameters = program_.transformed_parameters;
  program_.simulation.model = list(program_.model);
  std::erase_if(program_.simulation.model, [&](const StatementPtr& one) { return dropped_.contains(one.get()); });
}

// ---- definitions

void MarginalRewriter::forget(const StatementPtr& tree) {
  for_each_statement(tree, [&](const StatementPtr& one) {
    std::optional<VariableId> id;
    if (const auto* assignment = std::get_if<typed::Assignment>(&one->node)) id = assignment->variable;
    if (const auto* declaration = std::get_if<typed::Declaration>(&one->node)) id = declaration->variable;
    if (const auto* loop = std::get_if<typed::For>(&one->node)) id = loop->variable;
    if (const auto* loop = std::get_if<typed::ForEach>(&one->node)) id = loop->variable;
    if (!id) return;
    const std::string own = key_of(*id);
    std::erase_if(definitions_, [&](const auto& entry) {
      return entry.first == own || entry.first.starts_with(own + "[") || count_looks(entry.second, *id) > 0;
    });
  });
}

void MarginalRewriter::note(const StatementPtr& tree) {
  const auto define = [&](VariableId id, const std::string& key, ExpressionPtr value) {
    // `lp += ...` adds to what it was.
    const ExpressionPtr before = definition(reference(id, value->span));
    if (count_looks(value, id) > 0 && before && value->type.is_scalar())
      value = typed::rewritten(value, replacing(id, before));
    forget(tree);
    if (count_looks(value, id) == 0) definitions_[key] = value;
  };
  if (const auto* declaration = std::get_if<typed::Declaration>(&tree->node); declaration && declaration->initializer)
    return define(declaration->variable, key_of(declaration->variable), declaration->initializer);
  const auto* assignment = std::get_if<typed::Assignment>(&tree->node);
  if (!assignment) return forget(tree);
  const VariableId id = assignment->variable;
  if (assignment->indices.empty()) return define(id, key_of(id), assignment->value);
  const auto* element = constant_index(assignment->indices);
  if (!element || count_looks(assignment->value, id) > 0) return forget(tree);
  // Other elements keep their values.
  std::erase_if(definitions_,
                [&](const auto& entry) { return entry.first == key_of(id) || count_looks(entry.second, id) > 0; });
  definitions_[key_of(id, element->value)] = assignment->value;
}

ExpressionPtr MarginalRewriter::definition(const ExpressionPtr& place) const {
  std::string key;
  if (const auto* variable = std::get_if<typed::VariableReference>(&place->node)) key = key_of(variable->variable);
  if (const auto* index = std::get_if<typed::Index>(&place->node)) {
    const auto* base = std::get_if<typed::VariableReference>(&index->base->node);
    const auto* element = constant_index(index->items);
    if (base && element) key = key_of(base->variable, element->value);
  }
  const auto found = definitions_.find(key);
  return found == definitions_.end() ? nullptr : found->second;
}

// ---- variables

VariableId MarginalRewriter::new_variable(typed::Variable variable) {
  variable.block = typed::Block::model;
  variable.is_local = true;
  variable.is_loop_variable = false;
  program_.variables.push_back(std::move(variable));
  return static_cast<VariableId>(program_.variables.size() - 1);
}
VariableId MarginalRewriter::new_scalar(const std::string& name, Base base, Span span) {
  typed::Variable variable;
  variable.name = name;
  variable.type = {base, 0};
  variable.span = span;
  return new_variable(std::move(variable));
}
ExpressionPtr MarginalRewriter::reference(VariableId id, Span span) const {
  return generative::reference(id, program_.variables[id].type, span);
}

// ---- statements

StatementPtr MarginalRewriter::body(const StatementPtr& tree) {
  if (!tree) return tree;
  const Statements before = typed::statements_of(tree);
  Statements after = list(before);
  if (after == before) return tree;
  return make_statement(typed::Sequence{std::move(after)}, tree->span);
}

Statements MarginalRewriter::list(Statements statements) {
  statements = spread_sums(statements);
  Statements result;
  for (const StatementPtr& one : statements) {
    const Statements before(statements.begin(), std::find(statements.begin(), statements.end(), one));
    if (std::holds_alternative<typed::TargetIncrement>(one->node)) {
      auto drawn = hidden_chain(one, before);
      if (!drawn) drawn = population_size(one, before);
      const Statements made = drawn ? *drawn : increment(one, before);
      result.insert(result.end(), made.begin(), made.end());
      continue;
    }
    if (const auto grouped = groups(one, before)) {
      result.insert(result.end(), grouped->begin(), grouped->end());
      forget(one);
      continue;
    }
    const auto outer = definitions_;
    StatementPtr made = one;
    if (std::holds_alternative<typed::If>(one->node)) {
      if (const auto reached = boundary(one)) {
        made = *reached;
      } else if (const auto counted = occupancy(one, before)) {
        made = *counted;
      } else if (const auto observed = observation(one)) {
        made = *observed;
      } else {
        typed::If branch = std::get<typed::If>(one->node);
        const StatementPtr then_body = body(branch.then_body);
        definitions_ = outer;
        const StatementPtr else_body = body(branch.else_body);
        if (then_body != branch.then_body || else_body != branch.else_body)
          made = make_statement(typed::If{branch.condition, then_body, else_body}, one->span);
      }
    } else if (std::holds_alternative<typed::Sequence>(one->node)) {
      made = body(one);
    } else {
      std::visit(
          [&](const auto& node) {
            if constexpr (requires { node.body; }) {
              forget(one); // what one iteration leaves, the next one may find
              auto copy = node;
              copy.body = body(node.body);
              if (copy.body != node.body) made = make_statement(std::move(copy), one->span);
            }
          },
          one->node);
    }
    definitions_ = outer;
    note(one);
    result.push_back(made);
  }
  std::erase_if(result, [&](const StatementPtr& one) { return dropped_.contains(one.get()); });
  return result;
}

void MarginalRewriter::mark(const StatementPtr& tree, VariableId drawn) {
  for_each_statement(tree, [&](const StatementPtr& one) { program_.simulation.marginalized[one.get()] = drawn; });
}

Statements MarginalRewriter::increment(const StatementPtr& tree, const Statements& before) {
  const auto& adds = std::get<typed::TargetIncrement>(tree->node);
  if (adds.is_jacobian || !adds.value->type.is_scalar() || as_tilde(adds) || is_constant(adds, program_)) return {tree};
  depth_ = 0;
  try {
    const LogTerms terms = reader_.read(adds.value);
    if (!terms.draws_anything()) {
      for_each_expression(adds.value, [&](const ExpressionPtr& one) {
        const auto* call = std::get_if<typed::DistributionCall>(&one->node);
        if (!call || (call->function != typed::DistributionFunction::log_cdf &&
                      call->function != typed::DistributionFunction::log_ccdf))
          return;
        program_.simulation.refusals[tree.get()] =
            "this adds what values beyond a limit have together, but no variable holds those values: they, and how "
            "many "
            "they are, cannot be simulated. Let one variable hold all values, and its branch decide: `if (y[n] == U) "
            "target += " +
            call->distribution->name + "_lccdf(U | ...); else y[n] ~ " + call->distribution->name + "(...);`";
      });
      return {tree};
    }
    Statements result;
    for (const ExpressionPtr& weight : terms.weights)
      result.push_back(make_statement(typed::TargetIncrement{as_real(weight)}, tree->span));
    const Statements draws = draws_of(terms, before);
    result.insert(result.end(), draws.begin(), draws.end());
    for (const StatementPtr& one : draws)
      for (const VariableId id : accesses_of(one, program_).drawn) mark(tree, id);
    return {in_sequence(std::move(result), tree->span)};
  } catch (const Unreadable& found) {
    program_.simulation.refusals[tree.get()] = found.text;
    return {tree};
  }
}

// `target += sum(lp)` and `target += lp` of a container that statements fill with log densities, or of a local number
// that they add them to: each is a statement of its own where it is computed.
Statements MarginalRewriter::spread_sums(const Statements& statements) {
  Statements result;
  for (const StatementPtr& one : statements) {
    const auto* adds = std::get_if<typed::TargetIncrement>(&one->node);
    ExpressionPtr all = adds && !adds->is_jacobian ? without_promotion(adds->value) : nullptr;
    if (all)
      if (const auto* sum = as_library_call(all, "sum")) all = without_promotion(sum->arguments[0]);
    const auto* held = all ? std::get_if<typed::VariableReference>(&all->node) : nullptr;
    auto building = held ? building_of(held->variable, result) : std::nullopt;
    if (building && all->type.is_scalar() &&
        (!program_.variables[held->variable].is_local || !only_grows(building->statements, held->variable)))
      building = std::nullopt;
    if (!building) {
      result.push_back(one);
      continue;
    }
    const VariableId id = held->variable;
    int own_looks = 0;
    bool draws = false;
    const auto added = [&](const StatementPtr& tree) -> StatementPtr {
      ExpressionPtr value;
      if (const auto* assignment = std::get_if<typed::Assignment>(&tree->node);
          assignment && assignment->variable == id)
        value = assignment->value;
      else if (const auto* declaration = std::get_if<typed::Declaration>(&tree->node);
               declaration && declaration->variable == id)
        value = declaration->initializer;
      else return nullptr;
      if (!value) return make_statement(typed::Sequence{}, tree->span);
      // `lp[n] += ...`: what it was is added already.
      if (const auto* sum = std::get_if<typed::BuiltinCall>(&value->node); sum && sum->builtin == Builtin::add &&
                                                                           count_looks(sum->arguments[0], id) == 1 &&
                                                                           count_looks(sum->arguments[1], id) == 0) {
        ++own_looks;
        value = sum->arguments[1];
      }
      draws = draws || reader_.draws(value) || may_mix(value);
      return make_statement(typed::TargetIncrement{as_real(value)}, tree->span);
    };
    Statements spread;
    for (const StatementPtr& built : building->statements) spread.push_back(typed::rewritten(built, added));
    if (!draws || looks_[id] != own_looks + 1) {
      result.push_back(one);
      continue;
    }
    if (program_.variables[id].is_local)
      std::erase_if(result, [&](const StatementPtr& built) {
        return count_assignments(built, id) > 0 || (std::holds_alternative<typed::Declaration>(built->node) &&
                                                    std::get<typed::Declaration>(built->node).variable == id);
      });
    for (const StatementPtr& tree : spread)
      for_each_statement(tree, [&](const StatementPtr& part) {
        for_each_operand(part, [&](const ExpressionPtr& operand) {
          for_each_expression(operand, [&](const ExpressionPtr& e) {
            const auto* call = std::get_if<typed::DistributionCall>(&e->node);
            if (call && typed::may_draw(*call) && reader_.can_be_drawn(call->arguments.front()))
              mark(one, *drawn_variable(call->arguments.front()));
          });
        });
      });
    result.insert(result.end(), spread.begin(), spread.end());
  }
  return result;
}

std::optional<MarginalRewriter::Building> MarginalRewriter::building_of(VariableId id, const Statements& before) const {
  const bool is_local = program_.variables[id].is_local;
  Building found;
  int count = 0;
  for (const StatementPtr& one : is_local ? before : program_.transformed_parameters) {
    const int here = count_assignments(one, id);
    const auto* declaration = std::get_if<typed::Declaration>(&one->node);
    if (here == 0 && !(declaration && declaration->variable == id)) continue;
    count += here;
    found.statements.push_back(one);
    found.originals.push_back(one.get());
  }
  const auto all = assignments_.find(id);
  if (count == 0 || all == assignments_.end() || all->second != count) return std::nullopt;
  return found;
}

void read_marginalized(typed::Program& program) { MarginalRewriter(program).run(); }

} // namespace sibyl::generative
