// Mixtures of groups, whose members are spread over the data: documents of words, as in naive Bayes.
//
//   for (m in 1:M) for (k in 1:K) gamma[m, k] = log(theta[k]);               for (m in 1:M) z[m] ~ categorical(theta);
//   for (n in 1:N) for (k in 1:K)                                            for (n in 1:N)
//     gamma[doc[n], k] += categorical_lpmf(w[n] | phi[k]);                     w[n] ~ categorical(phi[z[doc[n]]]);
//   for (m in 1:M) target += log_sum_exp(gamma[m]);
#include "compiler/generative/marginal_rewriter.hpp"

#include <algorithm>

namespace sibyl::generative {

namespace {

struct NoGroups {};

std::optional<VariableId> variable_of(const IndexItem& item) {
  return item.kind == IndexItem::Kind::single ? typed::variable_of(item.first) : std::nullopt;
}

bool runs_over(const typed::For& loop, const ExpressionPtr& size) {
  return literal_number(loop.first) == 1 && are_same(loop.last, size);
}

// The statements that give the terms their values, apart by what they do.
class GroupReader {
 public:
  struct Member { // gamma[group, part] += the log densities of draws
    const typed::Statement* statement = nullptr;
    ExpressionPtr group;
    VariableId part = 0;
    std::vector<typed::Tilde> draws;
  };

  GroupReader(const typed::Program& program, const TermReader& reader, VariableId holder)
      : program_(program), reader_(reader), holder_(holder) {}

  // Throws NoGroups, or Unreadable.
  void read(const Statements& built) {
    for (const StatementPtr& one : built) look(one);
    if (!is_begun_ || members.empty()) throw NoGroups{};
  }

  std::vector<ExpressionPtr> weights;
  std::vector<Member> members;
  std::set<VariableId> parts; // the loops over parts in which members are

 private:
  const ExpressionPtr& size(std::size_t dimension) const { return program_.variables[holder_].sizes[dimension]; }

  // Whether it is the variable of a loop around it over all of that dimension.
  bool is_any(const IndexItem& item, std::size_t dimension) const {
    if (item.kind == IndexItem::Kind::all) return true;
    const auto id = variable_of(item);
    return id && std::any_of(loops_.begin(), loops_.end(), [&](const typed::For* loop) {
             return loop->variable == *id && runs_over(*loop, size(dimension));
           });
  }

  void look(const StatementPtr& tree) {
    if (const auto* sequence = std::get_if<typed::Sequence>(&tree->node)) {
      for (const StatementPtr& one : sequence->statements) look(one);
    } else if (const auto* loop = std::get_if<typed::For>(&tree->node)) {
      loops_.push_back(loop);
      look(loop->body);
      loops_.pop_back();
    } else if (const auto* declaration = std::get_if<typed::Declaration>(&tree->node)) {
      if (declaration->variable != holder_ || !loops_.empty()) throw NoGroups{};
      if (declaration->initializer) begin(declaration->initializer);
    } else if (const auto* assignment = std::get_if<typed::Assignment>(&tree->node)) {
      if (assignment->variable != holder_) throw NoGroups{};
      if (count_looks(assignment->value, holder_) > 0) return add_member(tree, *assignment);
      for (std::size_t d = 0; d < assignment->indices.size(); ++d)
        if (!is_any(assignment->indices[d], d)) throw NoGroups{};
      begin(assignment->value);
    } else {
      throw NoGroups{};
    }
  }

  void begin(const ExpressionPtr& value) {
    if (!members.empty() || reader_.draws(value)) throw NoGroups{};
    is_begun_ = true;
    weights.push_back(value);
  }

  void add_member(const StatementPtr& tree, const typed::Assignment& assignment) {
    const auto* sum = std::get_if<typed::BuiltinCall>(&without_promotion(assignment.value)->node);
    if (!is_begun_ || assignment.indices.size() != 2 || !sum || sum->builtin != Builtin::add) throw NoGroups{};
    const IndexItem &group = assignment.indices[0], &part = assignment.indices[1];
    const auto counter = variable_of(part);
    if (group.kind != IndexItem::Kind::single || !counter || !is_any(part, 1)) throw NoGroups{};
    const Span span = tree->span;
    const ExpressionPtr base =
        make_expression(typed::VariableReference{holder_}, program_.variables[holder_].type, span);
    const ExpressionPtr before = make_expression(typed::Index{base, assignment.indices}, real, span);
    const bool is_first = are_same(without_promotion(sum->arguments[0]), before);
    const ExpressionPtr &was = sum->arguments[is_first ? 0 : 1], &added = sum->arguments[is_first ? 1 : 0];
    if (!are_same(without_promotion(was), before) || count_looks(added, holder_) > 0) throw NoGroups{};
    const LogTerms terms = reader_.read(added);
    if (!terms.weights.empty() || !terms.mixtures.empty() || terms.draws.empty() || !terms.checks.empty())
      throw NoGroups{};
    std::set<VariableId> reads;
    add_reads(group.first, reads);
    for (const ExpressionPtr& place : drawn_places(terms)) {
      add_reads(place, reads);
      std::set<VariableId> of_group;
      add_reads(group.first, of_group);
      if (of_group.contains(*drawn_variable(place))) throw NoGroups{};
    }
    if (reads.contains(*counter)) throw NoGroups{};
    parts.insert(*counter);
    members.push_back({tree.get(), group.first, *counter, terms.draws});
  }

  const typed::Program& program_;
  const TermReader& reader_;
  VariableId holder_;
  std::vector<const typed::For*> loops_;
  bool is_begun_ = false;
};

} // namespace

std::optional<Statements> MarginalRewriter::groups(const StatementPtr& tree, const Statements& before) {
  const auto* loop = std::get_if<typed::For>(&tree->node);
  const auto* adds = loop ? std::get_if<typed::TargetIncrement>(&typed::without_braces(loop->body)->node) : nullptr;
  const auto* sum = adds && !adds->is_jacobian ? as_library_call(adds->value, "log_sum_exp") : nullptr;
  if (!sum || sum->arguments.size() != 1) return std::nullopt;
  const auto* row = std::get_if<typed::Index>(&without_promotion(sum->arguments[0])->node);
  const auto* base = row ? std::get_if<typed::VariableReference>(&row->base->node) : nullptr;
  if (!base || variable_of(row->items[0]) != loop->variable ||
      (row->items.size() > 1 && row->items[1].kind != IndexItem::Kind::all))
    return std::nullopt;
  const VariableId id = base->variable;
  const typed::Variable held = program_.variables[id];
  if (!held.is_local || held.type.rank() != 2 || held.sizes.size() != 2 || !runs_over(*loop, held.sizes[0]))
    return std::nullopt;
  const auto building = building_of(id, before);
  if (!building) return std::nullopt;
  GroupReader groups(program_, reader_, id);
  const Span span = tree->span;
  try {
    groups.read(building->statements);
    for (const auto& member : groups.members)
      for (const typed::Tilde& draw : member.draws) require_apart(groups.weights, {drawn_place(draw.left)}, span);
  } catch (const NoGroups&) {
    return std::nullopt;
  } catch (const Unreadable& found) {
    program_.simulation.refusals[typed::without_braces(loop->body).get()] = found.text;
    return std::nullopt;
  }

  typed::Variable copy = held;
  copy.lower = copy.upper = copy.offset = copy.multiplier = nullptr;
  const VariableId weights = new_variable(std::move(copy));
  typed::Variable numbers;
  numbers.name = "part";
  numbers.type = {Base::integer, 1};
  numbers.sizes = {held.sizes[0]};
  numbers.span = span;
  const VariableId part = new_variable(std::move(numbers));
  const auto is_member = [&](const StatementPtr& one) {
    return std::find_if(groups.members.begin(), groups.members.end(),
                        [&](const auto& member) { return member.statement == one.get(); });
  };
  const auto part_of = [&](const ExpressionPtr& group) {
    return make_expression(typed::Index{reference(part, span), {{IndexItem::Kind::single, group, nullptr, span}}},
                           integer, span);
  };

  // The terms without the members', which are the chances' logarithms.
  Statements result = {make_statement(typed::Declaration{weights, nullptr}, span),
                       make_statement(typed::Declaration{part, nullptr}, span)};
  for (const StatementPtr& top : building->statements) {
    bool begins = false;
    const StatementPtr made = typed::rewritten(top, [&](const StatementPtr& one) -> StatementPtr {
      if (is_member(one) != groups.members.end()) return make_statement(typed::Sequence{}, one->span);
      if (const auto* declaration = std::get_if<typed::Declaration>(&one->node);
          declaration && declaration->initializer) {
        begins = true;
        return make_statement(typed::Assignment{weights, {}, declaration->initializer}, one->span);
      }
      const auto* assignment = std::get_if<typed::Assignment>(&one->node);
      if (!assignment) return nullptr;
      begins = true;
      return make_statement(typed::Assignment{weights, assignment->indices, assignment->value}, one->span);
    });
    if (begins) result.push_back(made);
  }
  ExpressionPtr of_group = typed::rewritten(sum->arguments[0], replacing(id, reference(weights, span)));
  if (of_group->type != Type{Base::vector, 0})
    of_group = builtin(Builtin::to_vector, {of_group}, Type{Base::vector, 0}, span);
  Statements each = require_sum_of_one(of_group, span);
  each.push_back(make_statement(
      typed::Assignment{
          part, {row->items[0]}, drawn_from("categorical", {library_call("softmax", {of_group}, span)}, span)},
      span));
  result.push_back(
      make_statement(typed::For{loop->variable, loop->first, loop->last, in_sequence(std::move(each), span)}, span));

  // The members' draws, each by the part of its group.
  for (const StatementPtr& top : building->statements) {
    bool draws = false;
    const typed::RewriteStatement replace = [&](const StatementPtr& one) -> StatementPtr {
      if (const auto* inner = std::get_if<typed::For>(&one->node); inner && groups.parts.contains(inner->variable))
        return typed::rewritten(inner->body, replace);
      const auto member = is_member(one);
      if (member == groups.members.end())
        return std::holds_alternative<typed::Assignment>(one->node) ? make_statement(typed::Sequence{}, one->span)
                                                                    : nullptr;
      draws = true;
      Statements drawn;
      for (const typed::Tilde& draw : member->draws)
        drawn.push_back(
            typed::with_operands(make_statement(draw, one->span), replacing(member->part, part_of(member->group))));
      return in_sequence(std::move(drawn), one->span);
    };
    const StatementPtr made = typed::rewritten(top, replace);
    if (draws) result.push_back(made);
  }
  mark(tree, *drawn_variable(groups.members.front().draws.front().left));
  int own_looks = 1;
  for (const StatementPtr& one : building->statements) own_looks += count_looks_in(one, id);
  if (const auto looks = looks_.find(id); looks != looks_.end() && looks->second == own_looks)
    dropped_.insert(building->originals.begin(), building->originals.end());
  return result;
}

} // namespace sibyl::generative
