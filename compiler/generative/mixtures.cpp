// Mixtures: how their part is chosen, and what it draws.
#include "compiler/generative/marginal_rewriter.hpp"
#include "lang/words.hpp"

#include <algorithm>

namespace sibyl::generative {

namespace {

// Floats add a thousand weights to a few of these.
constexpr double tolerated_error = 1e-4;

bool is_empty(const StatementPtr& tree) {
  const auto* sequence = std::get_if<typed::Sequence>(&tree->node);
  return sequence && sequence->statements.empty();
}

} // namespace

Statements MarginalRewriter::draws_of(const LogTerms& terms, const Statements& before) {
  Statements result = terms.checks;
  for (const typed::Tilde& draw : terms.draws) result.push_back(make_statement(draw, draw.left->span));
  for (const auto& mixture : terms.mixtures) {
    const Statements made = draws_of(*mixture, before);
    result.insert(result.end(), made.begin(), made.end());
  }
  return result;
}

void MarginalRewriter::require_apart(const std::vector<ExpressionPtr>& weights, const std::vector<ExpressionPtr>& drawn,
                                     Span span) const {
  std::set<VariableId> reads;
  for (const ExpressionPtr& weight : weights) add_reads(weight, reads);
  for (const ExpressionPtr& place : drawn)
    if (const auto id = drawn_variable(place); id && reads.contains(*id))
      throw Unreadable{span, "the chance of a part of this mixture depends on " + quoted(program_.variables[*id].name) +
                                 ", which the part draws, so it cannot be simulated"};
}

// Whether weights differ from one simulation to the next.
bool MarginalRewriter::varies(const std::vector<ExpressionPtr>& weights) const {
  std::set<VariableId> reads;
  for (const ExpressionPtr& weight : weights) add_reads(weight, reads);
  return std::any_of(reads.begin(), reads.end(), [&](VariableId id) {
    const typed::Variable& variable = program_.variables[id];
    const bool is_counter = variable.is_loop_variable && variable.type == integer;
    const bool is_data = !variable.is_local &&
                         (variable.block == typed::Block::data || variable.block == typed::Block::transformed_data);
    return !is_counter && !is_data;
  });
}

Statements MarginalRewriter::require_sum_of_one(const ExpressionPtr& log_weights, Span span) const {
  const ExpressionPtr total = library_call("log_sum_exp", {log_weights}, span);
  const ExpressionPtr error = builtin(Builtin::absolute, {total}, real, span);
  const ExpressionPtr sum = make_expression(typed::BuiltinCall{Builtin::math, {total}, "exp"}, real, span);
  return {reject_if(builtin(Builtin::greater, {error, real_number(tolerated_error, span)}, integer, span),
                    {words("the chances of this mixture's parts add up to ", span), sum,
                     words(", must add up to 1 to be simulated", span)},
                    span)};
}

ExpressionPtr MarginalRewriter::choose_by(const ExpressionPtr& chances, Span span, Statements& into) {
  ExpressionPtr vector = chances;
  if (vector->type != Type{Base::vector, 0})
    vector = builtin(Builtin::to_vector, {vector}, Type{Base::vector, 0}, span);
  const VariableId z = new_scalar("part", Base::integer, span);
  into.push_back(make_statement(typed::Declaration{z, drawn_from("categorical", {vector}, span)}, span));
  return reference(z, span);
}

ExpressionPtr MarginalRewriter::choose(const std::vector<std::vector<ExpressionPtr>>& weights, Span span,
                                       Statements& into) {
  std::vector<ExpressionPtr> sums, all;
  for (const auto& part : weights) {
    sums.push_back(sum_of(part, span));
    all.insert(all.end(), part.begin(), part.end());
  }
  const auto is_plain = [](const std::vector<ExpressionPtr>& part) {
    const auto chance = part.size() == 1 ? chance_of(part[0]) : std::nullopt;
    return chance && std::holds_alternative<typed::VariableReference>(chance->of->node);
  };
  if (weights.size() == 2 && is_plain(weights[0]) && is_plain(weights[1]))
    throw Unreadable{span, "the chances of this mixture's parts do not add up to one, so it cannot be simulated"};
  const ExpressionPtr list = make_expression(typed::ArrayLiteral{sums}, Type{Base::real, 1}, span);
  const ExpressionPtr vector = builtin(Builtin::to_vector, {list}, Type{Base::vector, 0}, span);
  if (depth_ > 0 || varies(all)) { // within another mixture what they add up to is part of a chance
    const Statements check = require_sum_of_one(vector, span);
    into.insert(into.end(), check.begin(), check.end());
  } else {
    // Of the design they may add up to anything, but not of what is drawn.
    for (const ExpressionPtr& one : all) into.push_back(make_statement(typed::TargetIncrement{as_real(one)}, span));
  }
  return choose_by(library_call("softmax", {vector}, span), span, into);
}

StatementPtr MarginalRewriter::chosen(const ExpressionPtr& number, const std::vector<Statements>& parts,
                                      Span span) const {
  StatementPtr tree = in_sequence(parts.back(), span);
  for (std::size_t i = parts.size() - 1; i-- > 0;) {
    const ExpressionPtr is_it =
        builtin(Builtin::equal, {number, whole_number(static_cast<std::int64_t>(i) + 1, span)}, integer, span);
    tree = make_statement(typed::If{is_it, in_sequence(parts[i], span), tree}, span);
  }
  return tree;
}

Statements MarginalRewriter::draws_of(const Mixture& mixture, const Statements& before) {
  if (mixture.holder) return draws_of_held(mixture, before);
  std::vector<Statements> parts;
  std::vector<std::vector<ExpressionPtr>> weights;
  for (const LogTerms& part : mixture.parts) {
    if (!draw_the_same(part, mixture.parts.front()))
      throw Unreadable{mixture.span, "the parts of this mixture draw different variables, so it cannot be simulated"};
    require_apart(part.weights, drawn_places(part), mixture.span);
    ++depth_;
    parts.push_back(draws_of(part, before));
    --depth_;
    weights.push_back(part.weights);
  }
  Statements result;
  if (mixture.chances) {
    for (const auto& part : weights)
      if (!part.empty()) throw Unreadable{mixture.span, "these parts have chances twice, so they cannot be simulated"};
    require_apart({mixture.chances}, drawn_places(mixture.parts.front()), mixture.span);
    const ExpressionPtr number = choose_by(mixture.chances, mixture.span, result);
    result.push_back(chosen(number, parts, mixture.span));
    return result;
  }
  if (parts.size() == 2)
    if (const ExpressionPtr is_first = choice_between(weights[0], weights[1])) {
      result.push_back(make_statement(
          typed::If{is_first, in_sequence(parts[0], mixture.span), in_sequence(parts[1], mixture.span)}, mixture.span));
      return result;
    }
  const ExpressionPtr number = choose(weights, mixture.span, result);
  result.push_back(chosen(number, parts, mixture.span));
  return result;
}

// `log_sum_exp(lps)`: the statements that fill `lps` run twice, first without their draws for the chances, then for the
// draws of the part that was chosen, its number in the place of theirs.
Statements MarginalRewriter::draws_of_held(const Mixture& mixture, const Statements& before) {
  const VariableId id = *mixture.holder;
  const typed::Variable held = program_.variables[id];
  const Span span = mixture.span;
  const std::string unreadable = quoted(held.name) + " is not filled with log densities, part by part, before it is "
                                                     "summed, so this cannot be simulated";
  const auto building = building_of(id, before);
  if (!building || held.type.rank() != 1) throw Unreadable{span, unreadable};
  definitions_.erase(key_of(id));
  std::erase_if(definitions_, [&](const auto& entry) { return entry.first.starts_with(key_of(id) + "["); });

  typed::Variable copy = held;
  copy.lower = copy.upper = copy.offset = copy.multiplier = nullptr;
  const VariableId weights_id = new_variable(std::move(copy));
  const ExpressionPtr weights = reference(weights_id, span);

  // Which part an assignment belongs to: a constant, or any, by the variable of a loop around it.
  std::set<VariableId> counters;
  std::set<std::int64_t> constants;
  std::vector<ExpressionPtr> all_weights, places;
  std::map<std::int64_t, std::vector<ExpressionPtr>> by_part; // what is drawn; 0: by any
  const auto value_of = [&](const StatementPtr& tree) -> ExpressionPtr {
    if (const auto* assignment = std::get_if<typed::Assignment>(&tree->node))
      return assignment->variable == id ? assignment->value : nullptr;
    const auto* declaration = std::get_if<typed::Declaration>(&tree->node);
    return declaration && declaration->variable == id ? declaration->initializer : nullptr;
  };
  // What is drawn must not be overwritten: `lps = next;` begins anew. (One branch of an `if` overwrites no other.)
  std::set<const typed::Statement*> in_branches;
  for (const StatementPtr& top : building->statements)
    for_each_statement(top, [&](const StatementPtr& one) {
      if (const auto* branch = std::get_if<typed::If>(&one->node))
        for (const StatementPtr& body : {branch->then_body, branch->else_body})
          for_each_statement(body, [&](const StatementPtr& nested) { in_branches.insert(nested.get()); });
    });
  const auto require_kept = [&](const StatementPtr& one, const ExpressionPtr& value, std::optional<std::int64_t> part) {
    if (count_looks(value, id) > 0 || in_branches.contains(one.get())) return;
    for (const auto& [other, drawn] : by_part)
      if (!drawn.empty() && (!part || *part == other)) throw Unreadable{span, unreadable};
  };
  for (const StatementPtr& top : building->statements)
    for_each_statement(top, [&](const StatementPtr& one) {
      const ExpressionPtr value = value_of(one);
      if (!value) {
        const bool is_harmless =
            std::holds_alternative<typed::Declaration>(one->node) ||
            std::holds_alternative<typed::Assignment>(one->node) || std::holds_alternative<typed::For>(one->node) ||
            std::holds_alternative<typed::If>(one->node) || std::holds_alternative<typed::Sequence>(one->node);
        if (!is_harmless) throw Unreadable{span, unreadable};
        return;
      }
      const auto* assignment = std::get_if<typed::Assignment>(&one->node);
      if (!value->type.is_scalar()) {
        if (reader_.draws(value)) throw Unreadable{span, unreadable};
        require_kept(one, value, std::nullopt);
        all_weights.push_back(value);
        return;
      }
      if (const auto* constant = constant_index(assignment->indices)) constants.insert(constant->value);
      else {
        const auto* counter = assignment->indices.size() == 1 && assignment->indices[0].first
                                  ? std::get_if<typed::VariableReference>(&assignment->indices[0].first->node)
                                  : nullptr;
        if (!counter || !program_.variables[counter->variable].is_loop_variable) throw Unreadable{span, unreadable};
        counters.insert(counter->variable);
      }
      const LogTerms terms = reader_.read(value);
      for (const ExpressionPtr& weight : terms.weights)
        if (count_looks(weight, id) == 0) all_weights.push_back(weight);
      const auto* constant = constant_index(assignment->indices);
      require_kept(one, value, constant ? constant->value : 0);
      for (const ExpressionPtr& place : drawn_places(terms)) {
        places.push_back(place);
        by_part[constant ? constant->value : 0].push_back(place);
      }
    });
  if (places.empty()) throw Unreadable{span, unreadable};
  const std::string different = "the parts of this mixture draw different variables, so it cannot be simulated";
  for (const auto& [part, drawn] : by_part)
    for (const ExpressionPtr& place : drawn) {
      std::set<VariableId> reads;
      add_reads(place, reads);
      for (const VariableId counter : counters)
        if (reads.contains(counter)) throw Unreadable{span, different};
      for (const auto& [other, also_drawn] : by_part)
        if (std::none_of(also_drawn.begin(), also_drawn.end(),
                         [&](const ExpressionPtr& match) { return are_same(place, match); }))
          throw Unreadable{span, different};
    }
  require_apart(all_weights, places, span);

  Statements result;
  const auto to_copy = replacing(id, weights);
  const bool has_constant_weights = depth_ == 0 && !varies(all_weights);
  if (!mixture.chances) {
    if (std::none_of(building->statements.begin(), building->statements.end(), [&](const StatementPtr& one) {
          const auto* declaration = std::get_if<typed::Declaration>(&one->node);
          return declaration && declaration->variable == id;
        }))
      result.push_back(make_statement(typed::Declaration{weights_id, nullptr}, span));
    const auto without_draws = [&](const StatementPtr& tree) -> StatementPtr {
      if (const auto* declaration = std::get_if<typed::Declaration>(&tree->node);
          declaration && declaration->variable == id)
        return make_statement(typed::Declaration{weights_id, typed::rewritten(declaration->initializer, to_copy)},
                              tree->span);
      const auto* assignment = std::get_if<typed::Assignment>(&tree->node);
      if (!assignment || assignment->variable != id) return nullptr;
      typed::Assignment made{weights_id, assignment->indices, assignment->value};
      if (made.value->type.is_scalar()) made.value = sum_of(reader_.read(made.value).weights, tree->span);
      made.value = typed::rewritten(made.value, to_copy);
      return make_statement(std::move(made), tree->span);
    };
    for (const StatementPtr& one : building->statements) result.push_back(typed::rewritten(one, without_draws));
  } else if (!all_weights.empty()) {
    throw Unreadable{span, "these parts have chances twice, so they cannot be simulated"};
  }
  ExpressionPtr chances = mixture.chances;
  if (!chances) {
    const ExpressionPtr vector = held.type == Type{Base::vector, 0}
                                     ? weights
                                     : builtin(Builtin::to_vector, {weights}, Type{Base::vector, 0}, span);
    if (has_constant_weights) {
      for (const ExpressionPtr& one : all_weights)
        result.push_back(make_statement(typed::TargetIncrement{as_real(one)}, span));
    } else {
      const Statements check = require_sum_of_one(vector, span);
      result.insert(result.end(), check.begin(), check.end());
    }
    chances = library_call("softmax", {vector}, span);
  }
  const ExpressionPtr number = choose_by(chances, span, result);

  // The draws of assignments to one part, or of those to any by a loop, whose variable becomes the part's number.
  const auto draws_of_part = [&](std::optional<std::int64_t> part) {
    Statements draws;
    for (const StatementPtr& top : building->statements) {
      bool draws_here = false;
      const typed::RewriteStatement replace = [&](const StatementPtr& tree) -> StatementPtr {
        if (const auto* loop = std::get_if<typed::For>(&tree->node); loop && counters.contains(loop->variable))
          return typed::with_operands(typed::rewritten(loop->body, replace), replacing(loop->variable, number));
        const auto* declaration = std::get_if<typed::Declaration>(&tree->node);
        if (declaration && declaration->variable == id) return make_statement(typed::Sequence{}, tree->span);
        const auto* assignment = std::get_if<typed::Assignment>(&tree->node);
        if (!assignment || assignment->variable != id) return nullptr;
        const auto* constant = constant_index(assignment->indices);
        const bool is_of_part = part ? constant && constant->value == *part : !constant;
        const LogTerms terms =
            is_of_part && assignment->value->type.is_scalar() ? reader_.read(assignment->value) : LogTerms();
        draws_here = draws_here || terms.draws_anything();
        ++depth_;
        StatementPtr made = make_statement(typed::Sequence{draws_of(terms, before)}, tree->span);
        --depth_;
        return made;
      };
      const StatementPtr made = typed::rewritten(top, replace);
      if (draws_here && !is_empty(made)) draws.push_back(made);
    }
    return draws;
  };
  std::vector<Statements> parts;
  for (const std::int64_t constant : constants) {
    if (constant != static_cast<std::int64_t>(parts.size()) + 1) throw Unreadable{span, unreadable};
    parts.push_back(draws_of_part(constant));
  }
  if (!counters.empty()) parts.push_back(draws_of_part(std::nullopt));
  if (std::any_of(parts.begin(), parts.end(), [](const Statements& part) { return part.empty(); }))
    throw Unreadable{span, different};
  result.push_back(chosen(number, parts, span));

  // What only filled the variable has done its work.
  const int own_looks = [&] {
    int count = 1;
    for (const StatementPtr& one : building->statements) count += count_looks_in(one, id);
    return count;
  }();
  const auto looks = looks_.find(id);
  if (held.is_local && looks != looks_.end() && looks->second == own_looks)
    dropped_.insert(building->originals.begin(), building->originals.end());
  return result;
}

} // namespace sibyl::generative
