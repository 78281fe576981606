// Branches on whether anything was counted where nothing can be if a state that nobody sees is absent: occupancy.
//
//   if (sum(y[i]) > 0)                                             z ~ bernoulli(psi);
//     target += log(psi) + bernoulli_lpmf(y[i] | p);               if (z) y[i] ~ bernoulli(p);
//   else                                                           else y[i] ~ bernoulli(0);
//     target += log_sum_exp(log(psi) + bernoulli_lpmf(y[i] | p), log1m(psi));
//
// The log densities may also be added up before, in a local variable that both branches have in their place.
#include "compiler/generative/interleaving.hpp"
#include "compiler/generative/marginal_rewriter.hpp"
#include "lang/library.hpp"

#include <algorithm>

namespace sibyl::generative {

namespace {

struct Condition {
  ExpressionPtr total; // zero where nothing was counted, else above
  bool is_seen = true; // holds where something was
};

std::optional<Condition> condition_of(const ExpressionPtr& expression) {
  const ExpressionPtr bare = without_promotion(expression);
  const auto* call = std::get_if<typed::BuiltinCall>(&bare->node);
  if (!call) return Condition{bare, true};
  if (call->builtin == Builtin::logical_not) {
    auto inner = condition_of(call->arguments[0]);
    if (inner) inner->is_seen = !inner->is_seen;
    return inner;
  }
  if (call->arguments.size() != 2) return std::nullopt;
  const bool is_mirrored = literal_number(call->arguments[0]).has_value();
  const auto limit = literal_number(call->arguments[is_mirrored ? 0 : 1]);
  const ExpressionPtr total = without_promotion(call->arguments[is_mirrored ? 1 : 0]);
  const auto is = [&](Builtin one, Builtin mirrored, double at) {
    return call->builtin == (is_mirrored ? mirrored : one) && limit == at;
  };
  if (is(Builtin::greater, Builtin::less, 0) || is(Builtin::greater_equal, Builtin::less_equal, 1) ||
      is(Builtin::not_equal, Builtin::not_equal, 0))
    return Condition{total, true};
  if (is(Builtin::equal, Builtin::equal, 0) || is(Builtin::less, Builtin::greater, 1) ||
      is(Builtin::less_equal, Builtin::greater_equal, 0))
    return Condition{total, false};
  return std::nullopt;
}

bool counts(const typed::Distribution& distribution) {
  static constexpr const char* names[] = {"bernoulli",      "bernoulli_logit", "binomial",
                                          "binomial_logit", "poisson",         "poisson_log",
                                          "neg_binomial",   "neg_binomial_2",  "neg_binomial_2_log"};
  return std::any_of(std::begin(names), std::end(names), [&](const char* one) { return distribution.name == one; });
}

bool are_same_draws(const typed::Tilde& a, const typed::Tilde& b) {
  return a.distribution == b.distribution && !a.truncation && !b.truncation &&
         are_same(drawn_place(a.left), drawn_place(b.left)) &&
         std::equal(a.arguments.begin(), a.arguments.end(), b.arguments.begin(), b.arguments.end(), typed::are_same);
}

// The same with the draw, where it stands with zeros in its place: `bernoulli_lpmf(0 | p[i])` of a list of chances.
LogTerms with_draw(LogTerms terms, const typed::Tilde& draw) {
  const auto is_at_zero = [&](const ExpressionPtr& weight) {
    const auto* call = std::get_if<typed::DistributionCall>(&without_promotion(weight)->node);
    return call && call->function == typed::DistributionFunction::log_density && is_of(*call, draw) &&
           literal_number(call->arguments[0]) == 0 &&
           std::any_of(draw.arguments.begin(), draw.arguments.end(),
                       [](const ExpressionPtr& one) { return !one->type.is_scalar(); });
  };
  const auto found = std::find_if(terms.weights.begin(), terms.weights.end(), is_at_zero);
  if (!terms.draws.empty() || found == terms.weights.end()) return terms;
  terms.weights.erase(found);
  terms.draws.push_back(draw);
  return terms;
}

} // namespace

ExpressionPtr computed_value(const ExpressionPtr& place, const typed::Program& program) {
  const auto* index = std::get_if<typed::Index>(&place->node);
  const auto* base = std::get_if<typed::VariableReference>(&(index ? index->base : place)->node);
  if (!base || program.variables[base->variable].block != typed::Block::transformed_data) return nullptr;
  int count = 0;
  const typed::Assignment* only = nullptr;
  ExpressionPtr value;
  std::set<VariableId> loops;
  const std::function<void(const StatementPtr&, bool)> look = [&](const StatementPtr& tree, bool is_sure) {
    if (const auto* sequence = std::get_if<typed::Sequence>(&tree->node))
      for (const StatementPtr& one : sequence->statements) look(one, is_sure);
    else if (const auto* loop = std::get_if<typed::For>(&tree->node)) {
      loops.insert(loop->variable);
      look(loop->body, is_sure);
    } else if (count_assignments(tree, base->variable) > 0) {
      count += is_sure ? 1 : 2;
      if (const auto* given = std::get_if<typed::Assignment>(&tree->node)) only = given;
      const auto* declared = std::get_if<typed::Declaration>(&tree->node);
      value = only ? only->value : declared ? declared->initializer : nullptr;
    }
  };
  for (const StatementPtr& one : program.transformed_data) look(one, true);
  const std::vector<IndexItem> given = only ? only->indices : std::vector<IndexItem>{};
  const std::vector<IndexItem> asked = items_of(place);
  if (count != 1 || !value || given.size() != asked.size()) return nullptr;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto* position = given[i].kind == IndexItem::Kind::single
                               ? std::get_if<typed::VariableReference>(&given[i].first->node)
                               : nullptr;
    if (!position || !loops.contains(position->variable) || asked[i].kind != IndexItem::Kind::single) return nullptr;
    value = typed::rewritten(value, replacing(position->variable, asked[i].first));
  }
  std::set<VariableId> reads;
  add_reads(value, reads);
  const bool is_bound = std::any_of(
      reads.begin(), reads.end(), [&](VariableId id) { return program.variables[id].is_local && loops.contains(id); });
  return is_bound ? nullptr : value;
}

// The statements that add to the variable, as draws, and the same with zeros drawn: of an occupied place, of another.
std::optional<std::vector<Statements>> MarginalRewriter::accumulated_counts(const LogTerms& seen,
                                                                            std::vector<LogTerms>& both,
                                                                            const ExpressionPtr& place,
                                                                            const Statements& before) {
  // The variable that all weights of what is present have among them.
  const auto held_in = [&](const LogTerms& terms) {
    std::vector<VariableId> found;
    for (const ExpressionPtr& one : terms.weights)
      if (const auto* reference = std::get_if<typed::VariableReference>(&without_promotion(one)->node))
        if (program_.variables[reference->variable].is_local) found.push_back(reference->variable);
    return found.size() == 1 ? std::optional(found.front()) : std::nullopt;
  };
  const auto id = held_in(seen);
  const auto building = id ? building_of(*id, before) : std::nullopt;
  if (!building || !only_grows(building->statements, *id)) return std::nullopt;
  std::size_t present = 0;
  for (LogTerms& one : both)
    if (held_in(one) == id) {
      ++present;
      std::erase_if(one.weights, [&](const ExpressionPtr& weight) { return count_looks(weight, *id) > 0; });
    }
  const auto looks = looks_.find(*id);
  int own_looks = 2; // of the branches
  for (const StatementPtr& one : building->statements) own_looks += count_looks_in(one, *id);
  if (present != 1 || looks == looks_.end() || looks->second != own_looks) return std::nullopt;

  const auto bernoulli = library_distribution("bernoulli");
  complete(*bernoulli);
  const ExpressionPtr never = real_number(0, place->span);
  // Every element of the place: a loop from the first to the last, or the place whole.
  const std::vector<IndexItem> prefix = items_of(place);
  const auto are_all = [&](const ExpressionPtr& left, const std::vector<const typed::For*>& loops) {
    if (are_same(left, place)) return loops.empty();
    const auto* index = std::get_if<typed::Index>(&left->node);
    if (!index || drawn_variable(left) != drawn_variable(place) || loops.size() != 1 ||
        index->items.size() != prefix.size() + 1 || index->items.back().kind != IndexItem::Kind::single)
      return false;
    for (std::size_t i = 0; i < prefix.size(); ++i)
      if (index->items[i].kind != prefix[i].kind || !are_same(index->items[i].first, prefix[i].first)) return false;
    const auto& sizes = program_.variables[*drawn_variable(left)].sizes;
    const auto* at = std::get_if<typed::VariableReference>(&index->items.back().first->node);
    return at && at->variable == loops[0]->variable && literal_number(loops[0]->first) == 1 &&
           sizes.size() == index->items.size() &&
           are_same(without_promotion(loops[0]->last), without_promotion(sizes.back()));
  };
  bool is_readable = true;
  std::size_t draws = 0;
  std::function<Statements(const StatementPtr&, const std::vector<const typed::For*>&, bool)> drawing =
      [&](const StatementPtr& tree, const std::vector<const typed::For*>& loops, bool is_present) -> Statements {
    if (const auto* sequence = std::get_if<typed::Sequence>(&tree->node)) {
      Statements all;
      for (const StatementPtr& one : sequence->statements)
        for (const StatementPtr& made : drawing(one, loops, is_present)) all.push_back(made);
      return all;
    }
    if (const auto* loop = std::get_if<typed::For>(&tree->node)) {
      auto inner = loops;
      inner.push_back(loop);
      typed::For copy = *loop;
      copy.body = in_sequence(drawing(loop->body, inner, is_present), tree->span);
      return {make_statement(std::move(copy), tree->span)};
    }
    const auto* assignment = std::get_if<typed::Assignment>(&tree->node);
    const auto* declaration = std::get_if<typed::Declaration>(&tree->node);
    if (declaration && declaration->variable == *id) {
      is_readable = is_readable && (!declaration->initializer || literal_number(declaration->initializer) == 0);
      return {};
    }
    if (!assignment || assignment->variable != *id) {
      is_readable = is_readable && (declaration || assignment);
      return {tree};
    }
    const auto* sum = std::get_if<typed::BuiltinCall>(&assignment->value->node);
    if (literal_number(assignment->value) == 0) return {};
    const LogTerms terms = sum ? reader_.read(sum->arguments[1]) : LogTerms();
    if (terms.draws.size() != 1 || !terms.weights.empty() || !terms.mixtures.empty() || !terms.checks.empty()) {
      is_readable = false;
      return {};
    }
    typed::Tilde draw = terms.draws.front();
    is_readable = is_readable && counts(*draw.distribution) && are_all(drawn_place(draw.left), loops);
    ++draws;
    if (!is_present) draw = typed::Tilde{draw.left, bernoulli, {never}, std::nullopt};
    return {make_statement(std::move(draw), tree->span)};
  };
  std::vector<Statements> parts(2);
  for (const StatementPtr& one : building->statements) {
    for (const StatementPtr& made : drawing(one, {}, true)) parts[0].push_back(made);
    for (const StatementPtr& made : drawing(one, {}, false)) parts[1].push_back(made);
  }
  if (!is_readable || draws != 2) return std::nullopt; // one, read twice
  dropped_.insert(building->originals.begin(), building->originals.end());
  return parts;
}

std::optional<StatementPtr> MarginalRewriter::occupancy(const StatementPtr& tree, const Statements& before) {
  const auto* branch = std::get_if<typed::If>(&tree->node);
  if (!branch || !branch->else_body) return std::nullopt;
  auto condition = condition_of(branch->condition);
  if (!condition) return std::nullopt;
  if (const ExpressionPtr computed = computed_value(condition->total, program_)) {
    const bool is_seen = condition->is_seen;
    condition = condition_of(computed);
    if (!condition) return std::nullopt;
    condition->is_seen = condition->is_seen == is_seen;
  }
  const auto* total = as_library_call(condition->total, "sum");
  if (!total) total = as_library_call(condition->total, "max");
  if (!total) return std::nullopt;
  const ExpressionPtr place = without_promotion(total->arguments[0]);
  if (place->type.base != Base::integer || !reader_.can_be_drawn(place)) return std::nullopt;

  const auto outer = definitions_;
  std::optional<LogTerms> seen, unseen;
  std::vector<LogTerms> both; // where nothing was counted: present and absent, in either order
  try {
    seen = terms_of(condition->is_seen ? branch->then_body : branch->else_body);
    definitions_ = outer;
    unseen = terms_of(condition->is_seen ? branch->else_body : branch->then_body);
    if (unseen && unseen->mixtures.size() == 1 && unseen->weights.empty()) {
      const Mixture& mixture = *unseen->mixtures.front();
      if (!mixture.holder && !mixture.chances) both = mixture.parts;
      if (mixture.holder && program_.variables[*mixture.holder].type.rank() == 1) {
        // `lp[1] = ...; lp[2] = ...;`
        const ExpressionPtr held = reference(*mixture.holder, tree->span);
        const ExpressionPtr size = program_.variables[*mixture.holder].sizes.front();
        for (const std::int64_t i : {1, 2})
          if (const ExpressionPtr part = definition(element_of(held, whole_number(i, tree->span)));
              part && literal_number(size) == 2)
            both.push_back(reader_.read(part));
      }
    } else if (unseen && unseen->mixtures.empty() &&
               unseen->weights.size() == 1) { // with zeros in the places of what is drawn
      if (const auto* sum = as_library_call(unseen->weights[0], "log_sum_exp"); sum && sum->arguments.size() == 2)
        both = {reader_.read(sum->arguments[0]), reader_.read(sum->arguments[1])};
    }
  } catch (const Unreadable&) {
  }
  definitions_ = outer;
  if (!seen || !seen->mixtures.empty() || both.size() != 2 || !unseen->draws.empty()) return std::nullopt;
  if (seen->draws.empty()) {
    const auto held = *seen;
    const auto parts = accumulated_counts(held, both, place, before);
    if (!parts) return std::nullopt;
    std::erase_if(seen->weights, [&](const ExpressionPtr& one) {
      return std::holds_alternative<typed::VariableReference>(without_promotion(one)->node);
    });
    const bool is_first = are_same_weights(both[0].weights, seen->weights);
    const LogTerms& absent = both[is_first ? 1 : 0];
    if (!are_same_weights(both[is_first ? 0 : 1].weights, seen->weights) || absent.draws_anything())
      return std::nullopt;
    return occupied_or_not(seen->weights, absent.weights, *parts, place, tree);
  }
  if (seen->draws.size() != 1) return std::nullopt;
  const typed::Tilde& draw = seen->draws.front();
  if (!counts(*draw.distribution) || !are_same(drawn_place(draw.left), place)) return std::nullopt;
  const LogTerms zeros[] = {with_draw(both[0], draw), with_draw(both[1], draw)};
  const bool is_first = !zeros[0].draws.empty();
  const LogTerms &present = zeros[is_first ? 0 : 1], &absent = zeros[is_first ? 1 : 0];
  if (present.draws.size() != 1 || !present.mixtures.empty() || absent.draws_anything() ||
      !are_same_draws(present.draws.front(), draw) || !are_same_weights(present.weights, seen->weights))
    return std::nullopt;

  const Span span = tree->span;
  const auto bernoulli = library_distribution("bernoulli");
  complete(*bernoulli);
  const ExpressionPtr never = real_number(0, span);
  return occupied_or_not(seen->weights, absent.weights,
                         {{make_statement(draw, draw.left->span)},
                          {make_statement(typed::Tilde{draw.left, bernoulli, {never}, std::nullopt}, draw.left->span)}},
                         place, tree);
}

std::optional<StatementPtr> MarginalRewriter::occupied_or_not(const std::vector<ExpressionPtr>& present,
                                                              const std::vector<ExpressionPtr>& absent,
                                                              const std::vector<Statements>& parts,
                                                              const ExpressionPtr& place, const StatementPtr& tree) {
  const Span span = tree->span;
  try {
    require_apart(present, {place}, span);
    require_apart(absent, {place}, span);
    Statements result;
    if (const ExpressionPtr is_present = choice_between(present, absent)) {
      // Drawn once, however the elements are drawn then.
      const VariableId state = new_scalar("present", Base::integer, span);
      result.push_back(make_statement(typed::Declaration{state, is_present}, span));
      result.push_back(make_statement(
          typed::If{reference(state, span), in_sequence(parts[0], span), in_sequence(parts[1], span)}, span));
    }
    else result.push_back(chosen(choose({present, absent}, span, result), parts, span));
    mark(tree, *drawn_variable(place));
    return in_sequence(std::move(result), span);
  } catch (const Unreadable&) {
    return std::nullopt;
  }
}

} // namespace sibyl::generative
