#include "compiler/facts/symmetry.hpp"

#include "compiler/facts/prover.hpp"
#include "compiler/generative/accesses.hpp"

#include <algorithm>

namespace sibyl {

using generative::for_each_expression;
using generative::for_each_operand;
using generative::for_each_statement;
using typed::Builtin;
using typed::ExpressionPtr;
using typed::IndexItem;
using typed::StatementPtr;
using typed::VariableId;

namespace facts {

Prover::Prover(const typed::Program& program, const generative::Reading& reading,
               const std::set<std::pair<VariableId, int>>& keys)
    : program_(program), reading_(reading), keys_(keys) {
  const auto& [variable, dimension] = *keys.begin();
  size_ = size_spelling(program.variables[variable].sizes[static_cast<std::size_t>(dimension)]);
  scope_.variables = &program.variables;
  scope_.statements = generative::without_computed(program.transformed_data, program, reading.computed);
  for (const auto* block : {&program.transformed_parameters, &program.model})
    scope_.statements.insert(scope_.statements.end(), block->begin(), block->end());
}

void Prover::run() {
  see_scope();
  for (const typed::Variable& variable : program_.variables)
    if (variable.block == typed::Block::parameters && !variable.is_local) see_declared(variable);
}

// What a variable's dimensions do is known once nothing new is learned of them.
void Prover::see_scope() {
  for (bool changed = true; changed;) {
    const auto before = scope_.known;
    const auto counts = scope_.counts;
    scope_.returned.reset();
    const std::vector<StatementPtr> statements = scope_.statements;
    for (const StatementPtr& statement : statements) see(statement);
    changed = scope_.known != before || scope_.counts != counts;
  }
}

// Sizes and bounds of a parameter are part of its distribution.
void Prover::see_declared(const typed::Variable& parameter) {
  for (const ExpressionPtr& size : parameter.sizes) number(size);
  for (const ExpressionPtr& bound : {parameter.lower, parameter.upper, parameter.offset, parameter.multiplier})
    if (bound) require_still(bound, "each position bounds an element of its own of `" + parameter.name + "`");
}

bool Prover::is_given(VariableId id) const {
  const typed::Variable& one = variable(id);
  if (scope_.function) return one.is_argument;
  return reading_.roles[id] == Role::observed ||
         (!one.is_local && (one.block == typed::Block::data || one.block == typed::Block::parameters));
}

// The very size of the moving dimensions, or that of a value that has them.
bool Prover::is_count(const ExpressionPtr& expression) {
  if (!scope_.function && size_spelling(expression) == size_) return true;
  if (const auto* reference = std::get_if<typed::VariableReference>(&expression->node))
    return scope_.counts.contains(reference->variable);
  const auto* call = std::get_if<typed::BuiltinCall>(&expression->node);
  if (!call || call->arguments.size() != 1) return false;
  const auto is = [&](Builtin one) { return call->builtin == one; };
  if (!is(Builtin::size) && !is(Builtin::num_elements) && !is(Builtin::rows) && !is(Builtin::cols)) return false;
  const Dimensions dimensions = number(call->arguments[0]);
  const auto array_rank = static_cast<std::size_t>(call->arguments[0]->type.array_rank);
  if (dimensions.size() == 1)
    return dimensions[0] == moving &&
           (array_rank == 1 || !is(Builtin::cols) || call->arguments[0]->type.base == Base::row_vector);
  if (is(Builtin::size)) return array_rank > 0 && dimensions.front() == moving;
  if (array_rank > 0 || dimensions.size() != 2) return false;
  return (is(Builtin::rows) && dimensions[0] == moving) || (is(Builtin::cols) && dimensions[1] == moving);
}

Dimensions Prover::dimensions_of(VariableId id) const {
  const auto rank = static_cast<std::size_t>(variable(id).type.rank());
  if (scope_.function || !is_given(id)) {
    const auto found = scope_.known.find(id);
    return found != scope_.known.end() ? found->second : Dimensions(rank, same);
  }
  Dimensions found(rank, staying);
  for (std::size_t d = 0; d < rank; ++d)
    if (keys_.contains({id, static_cast<int>(d)})) found[d] = moving;
  return found;
}

// Of what is drawn no two elements are alike: where nothing else tells what they do, the variable's size from the
// dimension `from` on does.
Dimensions Prover::unlike(VariableId id, Dimensions drawn, std::size_t from) {
  const std::vector<ExpressionPtr>& sizes = variable(id).sizes;
  for (std::size_t d = 0; d < drawn.size(); ++d)
    if (drawn[d] == same) drawn[d] = from + d < sizes.size() && is_count(sizes[from + d]) ? moving : staying;
  return drawn;
}

void Prover::learn(VariableId id, const Dimensions& dimensions) {
  if (is_given(id)) return;
  const auto [found, is_new] = scope_.known.try_emplace(id, dimensions);
  if (!is_new)
    join(found->second, dimensions, "an element of " + name(id) + " belongs to each position in one place only");
}

Dimension Prover::join(const Dimension& a, const Dimension& b, const std::string& what) const {
  if (a == b || b == same) return a;
  if (a == same) return b;
  throw Asymmetry{what};
}
void Prover::join(Dimensions& into, const Dimensions& other, const std::string& what) const {
  if (into.empty()) into = other;
  for (std::size_t d = 0; d < into.size() && d < other.size(); ++d) into[d] = join(into[d], other[d], what);
}

void Prover::see(const StatementPtr& tree) {
  if (tree) std::visit([&](const auto& node) { see(node); }, tree->node);
}
void Prover::see(const typed::Sequence& sequence) {
  for (const StatementPtr& one : sequence.statements) see(one);
}
void Prover::see(const typed::Declaration& declaration) {
  const VariableId id = declaration.variable;
  scope_.loops_at_declaration[id] = scope_.loops.size();
  for (const ExpressionPtr& size : variable(id).sizes) number(size);
  if (!declaration.initializer) return;
  if (variable(id).type == Type{Base::integer, 0} && is_count(declaration.initializer)) {
    bool changes = false;
    for (const StatementPtr& top : scope_.statements)
      for_each_statement(top, [&](const StatementPtr& one) {
        const auto* assignment = std::get_if<typed::Assignment>(&one->node);
        changes = changes || (assignment && assignment->variable == id);
      });
    if (!changes) scope_.counts.insert(id);
  }
  assign(id, {}, declaration.initializer);
}
void Prover::see(const typed::Assignment& assignment) {
  assign(assignment.variable, assignment.indices, assignment.value);
}
void Prover::see(const typed::Tilde& tilde) {
  std::vector<ExpressionPtr> arguments = tilde.arguments;
  const auto truncate = [&](Dimensions& rows) {
    if (!tilde.truncation) return;
    for (const ExpressionPtr& bound : {tilde.truncation->lower, tilde.truncation->upper})
      join(rows, number(bound), "each position has a bound of its own");
  };
  const auto drawn = generative::drawn_variable(tilde.left);
  if (!scope_.function && drawn && !is_given(*drawn)) {
    // A latent: its rows do what its parameters do, or are alike.
    Dimensions rows = vectorized(arguments, *tilde.distribution, false);
    truncate(rows);
    const typed::Variable& latent = variable(*drawn);
    const auto* index = std::get_if<typed::Index>(&generative::drawn_place(tilde.left)->node);
    require_own(*drawn, index ? index->items : std::vector<IndexItem>{}, nullptr);
    const auto rank = static_cast<std::size_t>(latent.type.rank());
    if (!index) {
      if (rows.empty() || rank != 1) rows.assign(rank, same);
      learn(*drawn, unlike(*drawn, rows, 0));
    } else {
      learn(*drawn, unlike(*drawn, target(*drawn, index->items, rows), 0));
    }
    return;
  }
  arguments.insert(arguments.begin(), tilde.left);
  Dimensions rows = vectorized(arguments, *tilde.distribution, true);
  truncate(rows);
}
void Prover::see(const typed::TargetIncrement& increment) {
  if (const auto tilde = generative::as_tilde(increment)) return see(*tilde);
  number(increment.value);
}
void Prover::see(const typed::If& branch) {
  number(branch.condition);
  see(branch.then_body);
  see(branch.else_body);
}
void Prover::see(const typed::While& loop) {
  number(loop.condition);
  see_body(loop.body, std::nullopt, false);
}
void Prover::see(const typed::For& loop) {
  const bool is_whole = runs_over_positions(loop);
  if (!is_whole) {
    number(loop.first);
    number(loop.last);
    if (indexes_moving(loop.body, loop.variable)) throw Asymmetry{"a loop runs over a part of the positions"};
  }
  if (is_whole) scope_.positions.insert(loop.variable);
  see_body(loop.body, loop.variable, is_whole);
  scope_.positions.erase(loop.variable);
}
void Prover::see(const typed::ForEach& loop) {
  Dimensions each = number(loop.container);
  const bool over_positions = each.front() == moving;
  if (!over_positions && moves(each.front())) throw Asymmetry{"a loop runs over flattened positions"};
  each.erase(each.begin());
  if (loop.container->type.array_rank == 0) each.clear();
  scope_.known[loop.variable] = each;
  see_body(loop.body, std::nullopt, over_positions);
}
void Prover::see(const typed::Break&) {
  if (!scope_.loops.empty() && scope_.loops.back().is_innermost)
    throw Asymmetry{"a loop over the positions may stop early"};
}
void Prover::see(const typed::Return& result) {
  if (!scope_.loops.empty()) throw Asymmetry{"a loop over the positions may stop early"};
  if (!result.value) return;
  const Dimensions found = number(result.value);
  if (!scope_.returned) scope_.returned = found;
  else join(*scope_.returned, found, "what is returned moves along in one case only");
}
void Prover::see(const typed::CallStatement& statement) { number(statement.call); }

void Prover::see_body(const StatementPtr& body, std::optional<VariableId> position, bool over_positions) {
  const bool outer = !scope_.loops.empty() && scope_.loops.back().is_innermost;
  if (outer) scope_.loops.back().is_innermost = false;
  if (over_positions) scope_.loops.push_back({body, position, true});
  see(body);
  if (over_positions) scope_.loops.pop_back();
  if (outer) scope_.loops.back().is_innermost = true;
}

bool Prover::runs_over_positions(const typed::For& loop) {
  const auto* first = std::get_if<typed::IntegerLiteral>(&loop.first->node);
  return first && first->value == 1 && is_count(loop.last);
}

bool Prover::indexes_moving(const StatementPtr& body, VariableId position) const {
  bool found = false;
  for_each_statement(body, [&](const StatementPtr& statement) {
    for_each_operand(statement, [&](const ExpressionPtr& operand) {
      for_each_expression(operand, [&](const ExpressionPtr& one) {
        const auto* index = std::get_if<typed::Index>(&one->node);
        const auto* base = index ? std::get_if<typed::VariableReference>(&index->base->node) : nullptr;
        if (!base) return;
        const Dimensions dimensions = dimensions_of(base->variable);
        for (std::size_t d = 0; d < index->items.size() && d < dimensions.size(); ++d) {
          std::set<VariableId> reads;
          if (index->items[d].first) generative::add_reads(index->items[d].first, reads);
          found = found || (dimensions[d] == moving && reads.contains(position));
        }
      });
    });
  });
  return found;
}

// What the dimensions of a variable do, given what is assigned to these elements of it.
Dimensions Prover::target(VariableId id, const std::vector<IndexItem>& items, const Dimensions& assigned) {
  Dimensions result;
  std::size_t next = 0;
  const auto rank = static_cast<std::size_t>(variable(id).type.rank());
  for (std::size_t d = 0; d < rank; ++d) {
    if (d < items.size() && items[d].kind == IndexItem::Kind::single) {
      result.push_back(value(items[d].first).is_position ? moving : staying);
      continue;
    }
    const Dimension one = next < assigned.size() ? assigned[next] : same;
    ++next;
    const bool whole = d >= items.size() || items[d].kind == IndexItem::Kind::all;
    if (!whole && moves(one)) throw Asymmetry{"positions go to a part of " + name(id)};
    result.push_back(whole ? one : staying);
  }
  return result;
}

void Prover::assign(VariableId id, const std::vector<IndexItem>& items, const ExpressionPtr& assigned) {
  Dimensions found = number(assigned);
  require_own(id, items, assigned);
  if (!is_given(id)) return learn(id, target(id, items, found));
  // Data that are computed: their positions are what they are.
  join(found, indexed(dimensions_of(id), items, name(id)),
       "each position of " + name(id) + " meets an element of its own of another value");
}

// Whatever is declared outside of a loop over the positions and gets a value in it passes from one to the next, unless
// each has its own element, a sum is accumulated that nothing else looks at, or each iteration begins by giving it a
// value that nothing outside of the loop looks at.
void Prover::require_own(VariableId id, const std::vector<IndexItem>& items, const ExpressionPtr& assigned) {
  const auto declared = scope_.loops_at_declaration.find(id);
  const std::size_t depth = declared != scope_.loops_at_declaration.end() ? declared->second : 0;
  const auto has_own_element = [&](const Loop& loop) {
    return loop.variable && std::any_of(items.begin(), items.end(), [&](const IndexItem& item) {
             if (item.kind != IndexItem::Kind::single) return false;
             const auto* reference = std::get_if<typed::VariableReference>(&item.first->node);
             return reference && reference->variable == *loop.variable;
           });
  };
  const auto first = scope_.loops.begin() + static_cast<std::ptrdiff_t>(std::min(depth, scope_.loops.size()));
  const auto passed = std::find_if_not(first, scope_.loops.end(), has_own_element);
  if (passed == scope_.loops.end() || (assigned && is_sum(id, items, assigned, *passed)) ||
      begins_anew(scope_.loops.back().body, id, scope_.statements))
    return;
  throw Asymmetry{"the loop carries " + name(id) + " along"};
}

// `s += ...` or `s[k] += ...` in the loop, with no other look at s in there.
bool Prover::is_sum(VariableId id, const std::vector<IndexItem>& items, const ExpressionPtr& assigned,
                    const Loop& outermost) const {
  const auto* sum = std::get_if<typed::BuiltinCall>(&assigned->node);
  if (!sum || sum->builtin != Builtin::add || looks_at(outermost.body, id) != 1) return false;
  ExpressionPtr old = sum->arguments[0];
  std::vector<IndexItem> found;
  if (const auto* index = std::get_if<typed::Index>(&old->node)) {
    found = index->items;
    old = index->base;
  }
  const auto* reference = std::get_if<typed::VariableReference>(&old->node);
  if (!reference || reference->variable != id) return false;
  return std::equal(items.begin(), items.end(), found.begin(), found.end(), [](const IndexItem& a, const IndexItem& b) {
    return a.kind == IndexItem::Kind::single && b.kind == a.kind && size_spelling(a.first) == size_spelling(b.first);
  });
}

} // namespace facts

std::optional<std::string> find_asymmetry(const typed::Program& program, const generative::Reading& reading,
                                          const std::set<std::pair<VariableId, int>>& keys) {
  try {
    facts::Prover(program, reading, keys).run();
  } catch (const facts::Asymmetry& found) {
    return found.text;
  }
  return std::nullopt;
}

std::string size_spelling(const ExpressionPtr& size) {
  std::string text;
  for_each_expression(size, [&](const ExpressionPtr& one) {
    if (const auto* literal = std::get_if<typed::IntegerLiteral>(&one->node)) text += std::to_string(literal->value);
    else if (const auto* reference = std::get_if<typed::VariableReference>(&one->node))
      text += "v" + std::to_string(reference->variable);
    else if (const auto* call = std::get_if<typed::BuiltinCall>(&one->node))
      text += "b" + std::to_string(static_cast<int>(call->builtin));
    else text += "?" + std::to_string(one->span.begin);
    text += " ";
  });
  return text;
}

} // namespace sibyl
