#include "compiler/generative/log_terms.hpp"

#include "compiler/generative/tree_building.hpp"
#include "lang/errors.hpp"
#include "lang/library.hpp"

#include <algorithm>

namespace sibyl::generative {

using typed::DistributionCall;
using typed::DistributionFunction;

namespace {

const typed::BuiltinCall* as_builtin(const ExpressionPtr& expression, Builtin builtin) {
  const auto* call = std::get_if<typed::BuiltinCall>(&without_promotion(expression)->node);
  return call && call->builtin == builtin ? call : nullptr;
}

ExpressionPtr math(const char* name, const ExpressionPtr& of) {
  return make_expression(typed::BuiltinCall{Builtin::math, {of}, name}, real, of->span);
}
ExpressionPtr negated(const ExpressionPtr& of) { return builtin(Builtin::negate, {of}, of->type, of->span); }

// x of `log(x)`, or of another function of mathematics; null for anything else.
ExpressionPtr of_math(const ExpressionPtr& expression, const char* name) {
  const auto* call = as_builtin(expression, Builtin::math);
  return call && call->math == name ? call->arguments[0] : nullptr;
}

// The bound itself for reals; for integers what lies beyond `P(Y > bound)` starts one later.
ExpressionPtr lower_of_tail(const typed::Distribution& distribution, const ExpressionPtr& bound) {
  if (!distribution.support.is_discrete) return bound;
  return builtin(Builtin::add, {bound, whole_number(1, bound->span)}, integer, bound->span);
}

// Whether its least outcome is 0, whatever its parameters are.
bool begins_at_zero(const typed::Distribution& distribution) {
  if (!distribution.support.is_discrete || !distribution.support.lower) return false;
  const auto* value = std::get_if<typed::Return>(&typed::without_braces(distribution.support.lower->body)->node);
  return value && literal_number(value->value) == 0;
}

// `- log1m_exp(-lambda)` behind `poisson_lpmf(y | lambda)`: what the distribution has above zero, in a closed form.
bool leaves_zero_out(const ExpressionPtr& normalizer, const typed::Tilde& draw, LogTerms& terms) {
  const ExpressionPtr inside = of_math(normalizer, "log");
  const auto* difference = inside ? as_builtin(inside, Builtin::subtract) : nullptr;
  const bool is_complement = (difference && literal_number(difference->arguments[0]) == 1) ||
                             as_library_call(normalizer, "log1m_exp") || as_library_call(normalizer, "log1m");
  const auto drawn = drawn_variable(draw.left);
  std::set<VariableId> read;
  add_reads(normalizer, read);
  if (!is_complement || !begins_at_zero(*draw.distribution) || !drawn || read.contains(*drawn)) return false;
  const Span span = normalizer->span;
  std::vector<ExpressionPtr> arguments{whole_number(0, span)};
  arguments.insert(arguments.end(), draw.arguments.begin(), draw.arguments.end());
  const ExpressionPtr at_zero = make_expression(
      DistributionCall{draw.distribution, DistributionFunction::log_density, std::move(arguments)}, real, span);
  const ExpressionPtr exact = library_call("log1m_exp", {at_zero}, span);
  terms.checks.push_back(reject_unless_near(
      normalizer, exact, 1e-6, "but the logarithm of what `" + draw.distribution->name + "` has above 0 is ", span));
  return true;
}

// Takes a normalizer of the last draw among the terms into it: `- normal_lccdf(0 | mu, sigma)`.
bool truncate(const ExpressionPtr& normalizer, LogTerms& terms) {
  if (terms.draws.empty() || terms.draws.back().truncation || !terms.draws.back().left->type.is_scalar()) return false;
  typed::Tilde& draw = terms.draws.back();
  const ExpressionPtr bare = without_promotion(normalizer);
  const auto tail = [&](const ExpressionPtr& one, DistributionFunction function) -> const DistributionCall* {
    const auto* call = std::get_if<DistributionCall>(&without_promotion(one)->node);
    return call && call->function == function && is_of(*call, draw) ? call : nullptr;
  };
  typed::Truncation truncation{nullptr, nullptr, normalizer->span};
  if (const auto* above = tail(bare, DistributionFunction::log_ccdf))
    truncation.lower = lower_of_tail(*draw.distribution, above->arguments[0]);
  else if (const auto* below = tail(bare, DistributionFunction::log_cdf)) truncation.upper = below->arguments[0];
  else if (const auto* difference = as_library_call(bare, "log_diff_exp")) {
    const auto *to = tail(difference->arguments[0], DistributionFunction::log_cdf),
               *from = tail(difference->arguments[1], DistributionFunction::log_cdf);
    if (!to || !from) return false;
    truncation.lower = lower_of_tail(*draw.distribution, from->arguments[0]);
    truncation.upper = to->arguments[0];
  } else if (const auto* rest = as_library_call(bare, "log1m_exp");
             rest && tail(rest->arguments[0], DistributionFunction::log_density)) {
    // log(1 - P(0)): zero is left out.
    const auto* at = tail(rest->arguments[0], DistributionFunction::log_density);
    if (!draw.distribution->support.is_discrete || !draw.distribution->support.lower ||
        literal_number(at->arguments[0]) != 0)
      return false;
    truncation.lower = lower_of_tail(*draw.distribution, at->arguments[0]);
  } else if (leaves_zero_out(bare, draw, terms)) {
    truncation.lower = whole_number(1, bare->span);
  } else return false;
  draw.truncation = truncation;
  return true;
}

} // namespace

// Closed forms lose digits where nearly all is at one value.
StatementPtr reject_unless_near(const ExpressionPtr& closed, const ExpressionPtr& exact, double tolerance,
                                const std::string& message, Span span) {
  const auto of_reals = [&](Builtin which, std::vector<ExpressionPtr> of) {
    return builtin(which, std::move(of), real, span);
  };
  const ExpressionPtr size = of_reals(Builtin::add, {real_number(1, span), of_reals(Builtin::absolute, {exact})});
  const ExpressionPtr most = of_reals(Builtin::multiply, {real_number(tolerance, span), size});
  const ExpressionPtr error = of_reals(Builtin::absolute, {of_reals(Builtin::subtract, {closed, exact})});
  return reject_if(builtin(Builtin::greater, {error, most}, integer, span),
                   {words("what is written here is ", span), closed, words(", " + message, span), exact}, span);
}

const typed::FunctionCall* as_library_call(const ExpressionPtr& expression, const char* name) {
  const auto* call = std::get_if<typed::FunctionCall>(&without_promotion(expression)->node);
  return call && call->function->span.source != 0 && call->function->name == name ? call : nullptr;
}

ExpressionPtr library_call(const char* name, std::vector<ExpressionPtr> arguments, Span span) {
  for (const auto& function : library_functions(name)) {
    const auto takes = [&](VariableId id, const ExpressionPtr& given) {
      return function->variables[id].type == given->type;
    };
    if (!std::equal(function->arguments.begin(), function->arguments.end(), arguments.begin(), arguments.end(), takes))
      continue;
    complete(*function);
    return make_expression(typed::FunctionCall{function, std::move(arguments)}, function->result, span);
  }
  throw InternalError(std::string("the library has no `") + name + "` of such arguments");
}

ExpressionPtr drawn_from(const char* name, std::vector<ExpressionPtr> arguments, Span span) {
  const auto distribution = library_distribution(name);
  complete(*distribution);
  return make_expression(DistributionCall{distribution, DistributionFunction::draw, std::move(arguments)},
                         Type{distribution->support.is_discrete ? Base::integer : Base::real, 0}, span);
}

bool TermReader::can_be_drawn(const ExpressionPtr& outcome) const {
  const auto id = drawn_variable(outcome);
  if (!id) return false;
  const typed::Variable& variable = program_.variables[*id];
  return !variable.is_local && (variable.block == typed::Block::data || variable.block == typed::Block::parameters ||
                                variable.block == typed::Block::transformed_data);
}

// `log(phi[k, w[n]])`: the chance that a datum has the outcome it has.
std::optional<typed::Tilde> TermReader::chosen_outcome(const ExpressionPtr& value) const {
  const ExpressionPtr element = of_math(value, "log");
  const auto* index = element ? std::get_if<typed::Index>(&element->node) : nullptr;
  if (!index || !element->type.is_scalar()) return std::nullopt;
  ExpressionPtr base = index->base;
  std::vector<IndexItem> items = index->items;
  if (const auto* outer = std::get_if<typed::Index>(&base->node)) {
    items.insert(items.begin(), outer->items.begin(), outer->items.end());
    base = outer->base;
  }
  const auto* reference = std::get_if<typed::VariableReference>(&base->node);
  if (!reference) return std::nullopt;
  const typed::Variable& variable = program_.variables[reference->variable];
  if (!variable.transform || variable.transform->name != "simplex" || !can_be_drawn(items.back().first))
    return std::nullopt;
  items.pop_back();
  const ExpressionPtr outcome = index->items.back().first;
  const ExpressionPtr chances =
      items.empty() ? base
                    : make_expression(typed::Index{base, std::move(items)}, Type{Base::vector, 0}, element->span);
  const auto distribution = library_distribution("categorical");
  complete(*distribution);
  return typed::Tilde{outcome, distribution, {chances}, std::nullopt};
}

// `p[y[n]] - log_sum_exp(p)`: the outcome of a datum, of logits.
std::optional<typed::Tilde> TermReader::outcome_of_logits(const ExpressionPtr& value) const {
  const auto* difference = as_builtin(value, Builtin::subtract);
  const auto* total = difference ? as_library_call(difference->arguments[1], "log_sum_exp") : nullptr;
  if (!total || total->arguments.size() != 1) return std::nullopt;
  const ExpressionPtr logits = without_promotion(total->arguments[0]);
  const auto* index = std::get_if<typed::Index>(&without_promotion(difference->arguments[0])->node);
  if (!index || index->items.size() != 1 || index->items[0].kind != IndexItem::Kind::single ||
      logits->type != Type{Base::vector, 0} || !are_same(index->base, logits) || !can_be_drawn(index->items[0].first))
    return std::nullopt;
  const auto distribution = library_distribution("categorical_logit");
  complete(*distribution);
  return typed::Tilde{index->items[0].first, distribution, {logits}, std::nullopt};
}

bool TermReader::draws(const ExpressionPtr& value) const {
  bool found = false;
  for_each_expression(value, [&](const ExpressionPtr& one) {
    if (chosen_outcome(one) || outcome_of_logits(one)) found = true;
    else if (const auto* call = std::get_if<DistributionCall>(&one->node))
      found = found || (call->function == DistributionFunction::log_density && can_be_drawn(call->arguments.front()));
    else if (std::holds_alternative<typed::VariableReference>(one->node) ||
             std::holds_alternative<typed::Index>(one->node))
      if (const ExpressionPtr meaning = definition_(one)) found = found || draws(meaning);
  });
  return found;
}

LogTerms TermReader::read(const ExpressionPtr& value) const {
  LogTerms terms;
  add(value, terms);
  return terms;
}

void TermReader::add(const ExpressionPtr& value, LogTerms& terms) const {
  const ExpressionPtr bare = without_promotion(value);
  if (const auto* call = std::get_if<DistributionCall>(&bare->node);
      call && call->function == DistributionFunction::log_density && can_be_drawn(call->arguments.front())) {
    typed::Tilde tilde{call->arguments.front(),
                       call->distribution,
                       {call->arguments.begin() + 1, call->arguments.end()},
                       std::nullopt};
    terms.draws.push_back(std::move(tilde));
    return;
  }
  if (auto chosen = chosen_outcome(bare)) {
    terms.draws.push_back(std::move(*chosen));
    return;
  }
  if (auto chosen = outcome_of_logits(bare)) {
    terms.draws.push_back(std::move(*chosen));
    return;
  }
  if (const auto* sum = as_builtin(bare, Builtin::add); sum && bare->type.is_scalar()) {
    add(sum->arguments[0], terms);
    return add(sum->arguments[1], terms);
  }
  if (const auto* difference = as_builtin(bare, Builtin::subtract); difference && bare->type.is_scalar()) {
    add(difference->arguments[0], terms);
    return subtract(difference->arguments[1], terms);
  }
  if (const auto* negative = as_builtin(bare, Builtin::negate); negative && truncate(negative->arguments[0], terms))
    return;
  if (const auto* call = as_library_call(bare, "log_mix")) {
    Mixture found;
    if (call->arguments.size() == 3) {
      found = of_two(*call);
      found.span = bare->span;
    } else {
      found = of_list(call->arguments[1], bare->span);
      found.chances = call->arguments[0];
    }
    if (found.holder || std::any_of(found.parts.begin(), found.parts.end(),
                                    [](const LogTerms& part) { return part.draws_anything(); })) {
      terms.mixtures.push_back(std::make_shared<const Mixture>(std::move(found)));
      return;
    }
  }
  if (const auto* call = as_library_call(bare, "log_sum_exp"); call && bare->type.is_scalar()) {
    Mixture found =
        call->arguments.size() == 2 ? mixture(call->arguments, bare->span) : of_list(call->arguments[0], bare->span);
    if (found.holder || std::any_of(found.parts.begin(), found.parts.end(),
                                    [](const LogTerms& part) { return part.draws_anything(); })) {
      terms.mixtures.push_back(std::make_shared<const Mixture>(std::move(found)));
      return;
    }
  }
  if (const ExpressionPtr chance = of_math(bare, "log"); chance && draws(chance))
    if (const ExpressionPtr logarithm = logarithm_of(chance)) return add(logarithm, terms);
  if (const auto* call = as_library_call(bare, "sum"))
    if (const auto parts = listed(call->arguments[0])) {
      for (const ExpressionPtr& one : *parts) add(one, terms);
      return;
    }
  if (std::holds_alternative<typed::VariableReference>(bare->node) || std::holds_alternative<typed::Index>(bare->node))
    if (const ExpressionPtr meaning = definition_(bare); meaning && draws(meaning)) return add(meaning, terms);
  if (draws(bare))
    throw Unreadable{bare->span,
                     "this takes more of a log density than its sum with others, so it cannot be simulated"};
  if (literal_number(bare) != 0) terms.weights.push_back(bare);
}

void TermReader::subtract(const ExpressionPtr& value, LogTerms& terms) const {
  if (truncate(value, terms)) return;
  if (draws(value)) throw Unreadable{value->span, "this takes a log density away, so it cannot be simulated"};
  terms.weights.push_back(negated(without_promotion(value)));
}

// Of what is written on the scale of chances: `log(a + b * exp(c))` is `log_sum_exp(log(a), log(b) + c)`. Null where it
// is no sum, product or power of such.
ExpressionPtr TermReader::logarithm_of(const ExpressionPtr& chance) const {
  const ExpressionPtr bare = without_promotion(chance);
  if (!bare->type.is_scalar()) return nullptr;
  const auto either = [&](const ExpressionPtr& one) {
    const ExpressionPtr found = logarithm_of(one);
    return found ? found : math("log", as_real(without_promotion(one)));
  };
  if (const ExpressionPtr exponent = of_math(bare, "exp")) return exponent;
  if (const auto* sum = as_builtin(bare, Builtin::add))
    return library_call("log_sum_exp", {either(sum->arguments[0]), either(sum->arguments[1])}, bare->span);
  for (const auto& [operation, of_logarithms] :
       {std::pair{Builtin::multiply, Builtin::add}, {Builtin::divide, Builtin::subtract}})
    if (const auto* both = as_builtin(bare, operation); both && bare->type.base == Base::real)
      return builtin(of_logarithms, {either(both->arguments[0]), either(both->arguments[1])}, real, bare->span);
  if (const auto* power = as_builtin(bare, Builtin::power))
    return builtin(Builtin::multiply, {as_real(power->arguments[1]), either(power->arguments[0])}, real, bare->span);
  if (std::holds_alternative<typed::VariableReference>(bare->node) || std::holds_alternative<typed::Index>(bare->node))
    if (const ExpressionPtr meaning = definition_(bare); meaning && draws(meaning)) return logarithm_of(meaning);
  return nullptr;
}

std::optional<Mixture> TermReader::parts_of(const ExpressionPtr& value) const {
  ExpressionPtr bare = without_promotion(value);
  if (const ExpressionPtr chance = of_math(bare, "log"))
    if (const ExpressionPtr logarithm = logarithm_of(chance)) bare = logarithm;
  if (const auto* call = as_library_call(bare, "log_mix"); call && call->arguments.size() == 3) return of_two(*call);
  const auto* call = as_library_call(bare, "log_sum_exp");
  if (!call || call->arguments.size() != 2) return std::nullopt;
  return mixture(call->arguments, bare->span);
}

Mixture TermReader::of_two(const typed::FunctionCall& log_mix) const {
  const ExpressionPtr& chance = log_mix.arguments[0];
  Mixture found;
  found.span = chance->span;
  found.parts = {read(log_mix.arguments[1]), read(log_mix.arguments[2])};
  found.parts[0].weights.push_back(math("log", chance));
  found.parts[1].weights.push_back(math("log1p", negated(chance)));
  return found;
}

Mixture TermReader::mixture(const std::vector<ExpressionPtr>& parts, Span span) const {
  Mixture found;
  found.span = span;
  for (const ExpressionPtr& part : parts) {
    const LogTerms terms = read(part);
    const Mixture* inner = terms.mixtures.size() == 1 ? terms.mixtures.front().get() : nullptr;
    const bool adds_up =
        inner && (inner->holder || inner->chances ||
                  (inner->parts.size() == 2 && choice_between(inner->parts[0].weights, inner->parts[1].weights)));
    if (!inner || adds_up) {
      found.parts.push_back(terms);
      continue;
    }
    // log(exp(w) (a + b) + c): its parts are three.
    for (LogTerms one : inner->parts) {
      one.weights.insert(one.weights.begin(), terms.weights.begin(), terms.weights.end());
      one.draws.insert(one.draws.begin(), terms.draws.begin(), terms.draws.end());
      found.parts.push_back(std::move(one));
    }
  }
  return found;
}

// The elements of `{a, b}`, `[a, b]'` and what is made of such.
std::optional<std::vector<ExpressionPtr>> TermReader::listed(const ExpressionPtr& list) const {
  const ExpressionPtr bare = without_promotion(list);
  if (const auto* array = std::get_if<typed::ArrayLiteral>(&bare->node)) return array->elements;
  if (const auto* row = std::get_if<typed::RowVectorLiteral>(&bare->node)) return row->elements;
  if (const auto* call = std::get_if<typed::BuiltinCall>(&bare->node);
      call && (call->builtin == Builtin::transpose || call->builtin == Builtin::to_vector ||
               call->builtin == Builtin::to_row_vector || call->builtin == Builtin::to_array_1d))
    return listed(call->arguments[0]);
  if (std::holds_alternative<typed::VariableReference>(bare->node))
    if (const ExpressionPtr meaning = definition_(bare)) return listed(meaning);
  return std::nullopt;
}

Mixture TermReader::of_list(const ExpressionPtr& list, Span span) const {
  if (const auto parts = listed(list)) return mixture(*parts, span);
  Mixture found;
  found.span = span;
  if (const auto* reference = std::get_if<typed::VariableReference>(&without_promotion(list)->node))
    found.holder = reference->variable;
  return found;
}

// ---- chances

std::optional<Chance> chance_of(const ExpressionPtr& log_weight) {
  const ExpressionPtr bare = without_promotion(log_weight);
  const auto whole = [](const ExpressionPtr& theta, bool is_complement, bool is_logit = false) {
    return Chance{without_promotion(theta), is_complement, is_logit};
  };
  if (const ExpressionPtr theta = of_math(bare, "log")) {
    const auto* difference = as_builtin(theta, Builtin::subtract);
    if (difference && literal_number(difference->arguments[0]) == 1) return whole(difference->arguments[1], true);
    return whole(theta, false);
  }
  if (const ExpressionPtr minus = of_math(bare, "log1p"))
    if (const auto* negative = as_builtin(minus, Builtin::negate)) return whole(negative->arguments[0], true);
  for (const auto& [name, is_complement, is_logit] :
       {std::tuple{"log1m", true, false}, {"log_inv_logit", false, true}, {"log1m_inv_logit", true, true}})
    if (const auto* call = as_library_call(bare, name)) return whole(call->arguments[0], is_complement, is_logit);
  const auto* call = std::get_if<DistributionCall>(&bare->node);
  if (!call || call->function != DistributionFunction::log_density || !call->arguments.front()->type.is_scalar() ||
      !call->arguments.back()->type.is_scalar())
    return std::nullopt;
  const bool is_logit = call->distribution->name == "bernoulli_logit";
  if (!is_logit && call->distribution->name != "bernoulli") return std::nullopt;
  for (const int outcome : {0, 1})
    if (literal_number(call->arguments[0]) == outcome) return whole(call->arguments[1], outcome == 0, is_logit);
  return std::nullopt;
}

bool are_same(const Chance& a, const Chance& b) {
  return a.is_complement == b.is_complement && a.is_logit == b.is_logit && are_same(a.of, b.of);
}

bool are_same_weights(const std::vector<ExpressionPtr>& a, const std::vector<ExpressionPtr>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ExpressionPtr& one, const ExpressionPtr& other) {
    const auto x = chance_of(one), y = chance_of(other);
    if (x && y) return are_same(*x, *y);
    return are_same(without_promotion(one), without_promotion(other));
  });
}

ExpressionPtr choice_between(const std::vector<ExpressionPtr>& first, const std::vector<ExpressionPtr>& second) {
  if (first.size() != 1 || second.size() != 1) return nullptr;
  const auto a = chance_of(first[0]), b = chance_of(second[0]);
  if (!a || !b || a->is_complement == b->is_complement) return nullptr;
  if (!are_same(*a, Chance{b->of, a->is_complement, b->is_logit}) || !a->of->type.is_scalar()) return nullptr;
  ExpressionPtr chance = a->of;
  chance = as_real(chance);
  const ExpressionPtr drawn = drawn_from(a->is_logit ? "bernoulli_logit" : "bernoulli", {chance}, chance->span);
  if (!a->is_complement) return drawn;
  return builtin(Builtin::logical_not, {drawn}, integer, chance->span);
}

// ---- places

bool is_of(const DistributionCall& call, const typed::Tilde& draw) {
  return call.distribution == draw.distribution &&
         std::equal(call.arguments.begin() + 1, call.arguments.end(), draw.arguments.begin(), draw.arguments.end(),
                    typed::are_same);
}

std::vector<ExpressionPtr> drawn_places(const LogTerms& terms) {
  std::vector<ExpressionPtr> places;
  const auto add = [&](const ExpressionPtr& place) {
    if (std::none_of(places.begin(), places.end(), [&](const auto& one) { return are_same(one, place); }))
      places.push_back(place);
  };
  for (const typed::Tilde& draw : terms.draws) add(drawn_place(draw.left));
  for (const auto& mixture : terms.mixtures)
    for (const LogTerms& part : mixture->parts)
      for (const ExpressionPtr& place : drawn_places(part)) add(place);
  return places;
}

bool draw_the_same(const LogTerms& a, const LogTerms& b) {
  const auto one = drawn_places(a), other = drawn_places(b);
  return one.size() == other.size() && std::all_of(one.begin(), one.end(), [&](const ExpressionPtr& place) {
           return std::any_of(other.begin(), other.end(),
                              [&](const ExpressionPtr& match) { return are_same(place, match); });
         });
}

} // namespace sibyl::generative
