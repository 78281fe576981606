// Branches on what is observed: zero inflation, hurdles and censoring.
#include "compiler/generative/marginal_rewriter.hpp"

#include <algorithm>
#include <cmath>

namespace sibyl::generative {

using typed::DistributionCall;
using typed::DistributionFunction;

namespace {

// What a condition says of one observed place.
struct Test {
  ExpressionPtr place;
  Builtin comparison = Builtin::not_equal; // place with value
  ExpressionPtr value;
};

struct Branch {
  std::optional<Test> test; // nothing: all else
  StatementPtr body;
  LogTerms terms;
  std::optional<std::vector<ExpressionPtr>> point = {}; // the weights of the value itself, where they are known
};

Builtin mirrored(Builtin comparison) {
  switch (comparison) {
  case Builtin::less: return Builtin::greater;
  case Builtin::less_equal: return Builtin::greater_equal;
  case Builtin::greater: return Builtin::less;
  case Builtin::greater_equal: return Builtin::less_equal;
  default: return comparison;
  }
}
Builtin opposite(Builtin comparison) {
  switch (comparison) {
  case Builtin::equal: return Builtin::not_equal;
  case Builtin::not_equal: return Builtin::equal;
  case Builtin::less: return Builtin::greater_equal;
  case Builtin::less_equal: return Builtin::greater;
  case Builtin::greater: return Builtin::less_equal;
  default: return Builtin::less;
  }
}

bool is_comparison(Builtin one) {
  return one == Builtin::equal || one == Builtin::not_equal || one == Builtin::less || one == Builtin::less_equal ||
         one == Builtin::greater || one == Builtin::greater_equal;
}

std::optional<Test> test_of(const ExpressionPtr& condition, const TermReader& reader) {
  const ExpressionPtr bare = without_promotion(condition);
  if (const auto* call = std::get_if<typed::BuiltinCall>(&bare->node)) {
    if (call->builtin == Builtin::logical_not) {
      auto inner = test_of(call->arguments[0], reader);
      if (inner) inner->comparison = opposite(inner->comparison);
      return inner;
    }
    if (is_comparison(call->builtin)) {
      const ExpressionPtr left = without_promotion(call->arguments[0]), right = without_promotion(call->arguments[1]);
      if (left->type.is_scalar() && reader.can_be_drawn(left)) return Test{left, call->builtin, right};
      if (right->type.is_scalar() && reader.can_be_drawn(right)) return Test{right, mirrored(call->builtin), left};
      return std::nullopt;
    }
  }
  if (!bare->type.is_scalar() || !reader.can_be_drawn(bare)) return std::nullopt;
  return Test{bare, Builtin::not_equal, whole_number(0, bare->span)};
}

std::optional<std::int64_t> constant(const ExpressionPtr& expression) {
  if (const auto literal = literal_number(expression); literal && *literal == std::floor(*literal))
    return static_cast<std::int64_t>(*literal);
  const ExpressionPtr bare = without_promotion(expression);
  const auto* call = std::get_if<typed::BuiltinCall>(&bare->node);
  if (!call || call->arguments.empty()) return std::nullopt;
  const auto first = constant(call->arguments[0]);
  if (call->builtin == Builtin::negate && first) return -*first;
  if (call->arguments.size() != 2) return std::nullopt;
  const auto second = constant(call->arguments[1]);
  if (!first || !second) return std::nullopt;
  if (call->builtin == Builtin::add) return *first + *second;
  if (call->builtin == Builtin::subtract) return *first - *second;
  return std::nullopt;
}

bool is_same_number(const ExpressionPtr& a, const ExpressionPtr& b) {
  const auto one = constant(a), other = constant(b);
  if (one && other) return *one == *other;
  return are_same(without_promotion(a), without_promotion(b));
}

// Whether `a` is one less than `b`.
bool is_one_less(const ExpressionPtr& a, const ExpressionPtr& b) {
  const auto one = constant(a), other = constant(b);
  if (one && other) return *one == *other - 1;
  const auto* call = std::get_if<typed::BuiltinCall>(&without_promotion(a)->node);
  return call && call->builtin == Builtin::subtract && constant(call->arguments[1]) == 1 &&
         are_same(without_promotion(call->arguments[0]), without_promotion(b));
}

// The only term, where it is a tail of that distribution.
const DistributionCall* tail_of(const LogTerms& terms, const typed::Tilde& draw) {
  if (terms.draws_anything() || terms.weights.size() != 1) return nullptr;
  const auto* call = std::get_if<DistributionCall>(&terms.weights[0]->node);
  const bool is_tail =
      call && (call->function == DistributionFunction::log_cdf || call->function == DistributionFunction::log_ccdf);
  return is_tail && is_of(*call, draw) ? call : nullptr;
}
bool has_tail(const LogTerms& terms) {
  return std::any_of(terms.weights.begin(), terms.weights.end(), [](const ExpressionPtr& one) {
    const auto* call = std::get_if<DistributionCall>(&one->node);
    return call &&
           (call->function == DistributionFunction::log_cdf || call->function == DistributionFunction::log_ccdf);
  });
}

bool reads(const ExpressionPtr& expression, VariableId id) {
  std::set<VariableId> found;
  add_reads(expression, found);
  return found.contains(id);
}

ExpressionPtr compared(Builtin comparison, const ExpressionPtr& a, const ExpressionPtr& b) {
  const bool is_integer = a->type.base == Base::integer && b->type.base == Base::integer;
  return builtin(comparison, {is_integer ? a : as_real(a), is_integer ? b : as_real(b)}, integer, b->span);
}

StatementPtr give(const ExpressionPtr& place, const ExpressionPtr& value, const typed::Program& program) {
  const bool is_integer = program.variables[*drawn_variable(place)].type.is_integer_valued();
  return given_draw(place, is_integer ? without_promotion(value) : as_real(value), place->span);
}

// The weights of the part that is the point itself, of what a branch adds there: a chance alone, or a mixture of one
// with what the distribution has there. `rest`: the weights of the distribution in the other branch.
std::vector<ExpressionPtr> weights_of_point(const LogTerms& terms, const typed::Tilde& draw,
                                            const std::vector<ExpressionPtr>& rest, const ExpressionPtr& point,
                                            Span span) {
  const std::string name = "`" + draw.distribution->name + "`";
  const auto* mixture = terms.mixtures.size() == 1 ? terms.mixtures.front().get() : nullptr;
  if (!mixture) {
    if (terms.draws_anything())
      throw Unreadable{span, "this branch draws what it has looked at, so it cannot be simulated"};
    if (!draw.distribution->support.is_discrete) return terms.weights;
    const auto excluded = draw.truncation && draw.truncation->lower ? constant(draw.truncation->lower) : std::nullopt;
    const auto at = constant(point);
    if (!excluded || !at || *excluded <= *at)
      throw Unreadable{span, name + " has a chance of its own for the value that this branch is about, and is not "
                                    "truncated there, so this cannot be simulated"};
    return terms.weights;
  }
  const std::string unlike = "what this branch adds is not the mixture of a chance with what the other branch adds, so "
                             "it cannot be simulated";
  if (!terms.draws.empty() || !terms.weights.empty() || mixture->holder || mixture->chances ||
      mixture->parts.size() != 2 || !draw.distribution->support.is_discrete)
    throw Unreadable{span, unlike};
  for (const std::size_t i : {0u, 1u}) {
    const LogTerms &alone = mixture->parts[i], &other = mixture->parts[1 - i];
    if (alone.draws_anything() || !other.mixtures.empty() || other.draws.size() != 1) continue;
    const typed::Tilde& same = other.draws.front();
    const DistributionCall call{same.distribution, DistributionFunction::log_density, [&] {
                                  std::vector<ExpressionPtr> all{same.left};
                                  all.insert(all.end(), same.arguments.begin(), same.arguments.end());
                                  return all;
                                }()};
    if (is_of(call, draw) && are_same(drawn_place(same.left), drawn_place(draw.left)) &&
        !same.truncation == !draw.truncation && are_same_weights(other.weights, rest))
      return alone.weights;
  }
  throw Unreadable{span, unlike};
}

// Without those of `rest`; nothing where one of them is not among them.
std::optional<std::vector<ExpressionPtr>> without(std::vector<ExpressionPtr> weights,
                                                  const std::vector<ExpressionPtr>& rest) {
  for (const ExpressionPtr& one : rest) {
    const auto same = std::find_if(weights.begin(), weights.end(),
                                   [&](const ExpressionPtr& other) { return are_same_weights({other}, {one}); });
    if (same == weights.end()) return std::nullopt;
    weights.erase(same);
  }
  return weights;
}

// `log(theta + (1 - theta) * exp(-lambda))` where the value is 0: a chance, and what the distribution has there in a
// closed form, which the simulation compares.
void read_closed_form(Branch& branch, const Branch& drawing, const TermReader& reader, Statements& checks) {
  const typed::Tilde& draw = drawing.terms.draws.front();
  if (!branch.test || branch.test->comparison != Builtin::equal || branch.terms.draws_anything() ||
      branch.terms.weights.size() != 1 || !draw.distribution->support.is_discrete || draw.truncation ||
      !constant(branch.test->value))
    return;
  const auto mixture = reader.parts_of(branch.terms.weights.front());
  if (!mixture || mixture->parts.size() != 2) return;
  for (const std::size_t i : {0u, 1u}) {
    const LogTerms &alone = mixture->parts[i], &other = mixture->parts[1 - i];
    const auto closed = without(other.weights, drawing.terms.weights);
    if (alone.draws_anything() || other.draws_anything() || !closed || closed->empty()) continue;
    const Span span = branch.body->span;
    DistributionCall exact{draw.distribution, DistributionFunction::log_density, {branch.test->value}};
    exact.arguments.insert(exact.arguments.end(), draw.arguments.begin(), draw.arguments.end());
    std::vector<ExpressionPtr> terms;
    for (const ExpressionPtr& one : *closed) terms.push_back(as_real(one));
    checks.push_back(reject_unless_near(sum_of(terms, span), make_expression(std::move(exact), real, span), 1e-3,
                                        "but the logarithm of the chance that `" + draw.distribution->name +
                                            "` has there is ",
                                        span));
    branch.point = alone.weights;
    return;
  }
}

} // namespace

std::optional<LogTerms> MarginalRewriter::terms_of(const StatementPtr& body) {
  LogTerms all;
  bool is_sum = true;
  const std::function<void(const StatementPtr&)> add = [&](const StatementPtr& one) {
    if (const auto* sequence = std::get_if<typed::Sequence>(&one->node)) {
      for (const StatementPtr& inner : sequence->statements) add(inner);
    } else if (const auto* tilde = std::get_if<typed::Tilde>(&one->node)) {
      if (reader_.can_be_drawn(tilde->left)) return all.draws.push_back(*tilde);
      if (tilde->truncation) is_sum = false;
      DistributionCall call{tilde->distribution, DistributionFunction::log_density, {tilde->left}};
      call.arguments.insert(call.arguments.end(), tilde->arguments.begin(), tilde->arguments.end());
      all.weights.push_back(make_expression(std::move(call), real, one->span));
    } else if (const auto* increment = std::get_if<typed::TargetIncrement>(&one->node);
               increment && !increment->is_jacobian && increment->value->type.is_scalar()) {
      const LogTerms terms = reader_.read(increment->value);
      all.weights.insert(all.weights.end(), terms.weights.begin(), terms.weights.end());
      all.draws.insert(all.draws.end(), terms.draws.begin(), terms.draws.end());
      all.mixtures.insert(all.mixtures.end(), terms.mixtures.begin(), terms.mixtures.end());
      all.checks.insert(all.checks.end(), terms.checks.begin(), terms.checks.end());
    } else if (std::holds_alternative<typed::Declaration>(one->node)) {
      note(one);
    } else if (const auto* assignment = std::get_if<typed::Assignment>(&one->node);
               assignment && program_.variables[assignment->variable].is_local) {
      note(one); // a part of what is added then
    } else {
      is_sum = false;
    }
  };
  add(body);
  return is_sum ? std::optional(all) : std::nullopt;
}

std::optional<StatementPtr> MarginalRewriter::observation(const StatementPtr& tree) {
  std::vector<Branch> branches;
  for (StatementPtr at = tree; at;) {
    if (const auto* sequence = std::get_if<typed::Sequence>(&at->node); sequence && sequence->statements.size() == 1)
      if (std::holds_alternative<typed::If>(sequence->statements.front()->node)) at = sequence->statements.front();
    const auto* branch = std::get_if<typed::If>(&at->node);
    if (!branch) {
      branches.push_back({std::nullopt, at, {}});
      break;
    }
    const auto test = test_of(branch->condition, reader_);
    if (!test || !branch->else_body) return std::nullopt;
    branches.push_back({test, branch->then_body, {}});
    at = branch->else_body;
  }
  // Branches of plain draws need no reading.
  bool is_plain = true;
  for (const Branch& branch : branches)
    for_each_statement(branch.body, [&](const StatementPtr& one) {
      if (const auto* tilde = std::get_if<typed::Tilde>(&one->node))
        is_plain = is_plain && reader_.can_be_drawn(tilde->left);
      const auto* adds = std::get_if<typed::TargetIncrement>(&one->node);
      is_plain = is_plain && (!adds || as_tilde(*adds) || is_constant(*adds, program_));
    });
  const ExpressionPtr place = branches.front().test->place;
  for (const Branch& branch : branches)
    if (branch.test && !are_same(branch.test->place, place)) return std::nullopt;
  if (is_plain) return std::nullopt;

  const VariableId tested = *drawn_variable(place);
  const auto outer = definitions_;
  try {
    std::size_t drawing = branches.size();
    for (std::size_t i = 0; i < branches.size(); ++i) {
      const auto terms = terms_of(branches[i].body);
      if (!terms) return std::nullopt;
      branches[i].terms = *terms;
      if (terms->draws.size() != 1 || !terms->mixtures.empty()) continue;
      if (drawing != branches.size()) return std::nullopt;
      drawing = i;
    }
    if (drawing == branches.size()) return std::nullopt;
    // Of two branches the drawing one may be the first.
    if (branches.size() == 2 && drawing == 0) {
      branches[1].test = branches[0].test;
      branches[1].test->comparison = opposite(branches[1].test->comparison);
      branches[0].test = std::nullopt;
      std::swap(branches[0], branches[1]);
      drawing = 1;
    }
    const Branch final = branches[drawing];
    const typed::Tilde& draw = final.terms.draws.front();
    // `poisson_lpmf(0 | lambda)` where the branch says that the value is 0.
    for (Branch& branch : branches) {
      if (!branch.test || branch.test->comparison == Builtin::not_equal) continue;
      const auto at_the_place = [&](const ExpressionPtr& one) -> ExpressionPtr {
        const auto* call = std::get_if<DistributionCall>(&one->node);
        if (!call || call->function != DistributionFunction::log_density || !is_of(*call, draw) ||
            !is_same_number(call->arguments[0], branch.test->value))
          return nullptr;
        DistributionCall copy = *call;
        copy.arguments[0] = draw.left;
        return make_expression(std::move(copy), one->type, one->span);
      };
      const auto terms = terms_of(typed::with_operands(branch.body, at_the_place));
      if (!terms) return std::nullopt;
      branch.terms = *terms;
    }
    const typed::Distribution& distribution = *draw.distribution;
    const VariableId drawn = *drawn_variable(draw.left);
    const ExpressionPtr outcome = drawn_place(draw.left);
    const Span span = tree->span;
    if (!outcome->type.is_scalar() || distribution.draws_container()) return std::nullopt;
    const bool is_by_value = are_same(outcome, place);
    const bool is_censored =
        std::any_of(branches.begin(), branches.end(), [&](const Branch& one) { return has_tail(one.terms); });
    if (!is_by_value && !is_censored) return std::nullopt;
    if (drawing + 1 != branches.size() && is_by_value)
      throw Unreadable{span, "the values that are no draw do not come first here, so this cannot be simulated"};
    Statements result;
    if (!is_censored) {
      for (Branch& branch : branches) read_closed_form(branch, final, reader_, result);
      std::vector<std::vector<ExpressionPtr>> weights;
      std::vector<Statements> parts;
      for (std::size_t i = 0; i + 1 < branches.size(); ++i) {
        const Test& test = *branches[i].test;
        const typed::Variable& declared = program_.variables[drawn];
        const bool at_lower =
            test.comparison == Builtin::less_equal && declared.lower && is_same_number(declared.lower, test.value);
        if (test.comparison != Builtin::equal && !at_lower)
          throw Unreadable{span, "this branch is about more than one value, so this cannot be simulated"};
        if (reads(test.value, drawn)) return std::nullopt;
        weights.push_back(branches[i].point ? *branches[i].point
                                            : weights_of_point(branches[i].terms, draw, final.terms.weights, test.value,
                                                               branches[i].body->span));
        parts.push_back({give(place, test.value, program_)});
      }
      weights.push_back(final.terms.weights);
      parts.push_back(final.terms.checks);
      parts.back().push_back(make_statement(draw, draw.left->span));
      for (const auto& part : weights) require_apart(part, {place}, span);
      const ExpressionPtr is_first = parts.size() == 2 ? choice_between(weights[0], weights[1]) : nullptr;
      if (is_first)
        result.push_back(
            make_statement(typed::If{is_first, in_sequence(parts[0], span), in_sequence(parts[1], span)}, span));
      else {
        const ExpressionPtr number = choose(weights, span, result);
        result.push_back(chosen(number, parts, span));
      }
    } else {
      if (!final.terms.weights.empty() || draw.truncation)
        throw Unreadable{span,
                         "what is drawn here has a chance or is truncated, but what is censored has and is not, so "
                         "this cannot be simulated"};
      const VariableId value_id = new_scalar(program_.variables[drawn].name,
                                             distribution.support.is_discrete ? Base::integer : Base::real, span);
      const ExpressionPtr value = reference(value_id, span);
      result.push_back(make_statement(
          typed::Declaration{
              value_id, make_expression(DistributionCall{draw.distribution, DistributionFunction::draw, draw.arguments},
                                        program_.variables[value_id].type, span)},
          span));
      std::set<std::int64_t> codes;
      for (const Branch& one : branches)
        if (one.test)
          if (const auto code = constant(one.test->value)) codes.insert(*code);
      // The number of what no test names; of a test that leaves one out (`cens[n] != 0`), of that.
      const auto code_of = [&](const Branch& one) -> ExpressionPtr {
        if (one.test && one.test->comparison == Builtin::equal) return one.test->value;
        if (one.test && one.test->comparison != Builtin::not_equal)
          throw Unreadable{span, "this branch is about more than one value, so this cannot be simulated"};
        // Beside one test that leaves a number out, all else is that number.
        if (!one.test)
          for (const Branch& other : branches)
            if (other.test && other.test->comparison == Builtin::not_equal) return other.test->value;
        for (const std::int64_t free : {0, 1, 2, -1})
          if (!codes.contains(free)) return whole_number(free, span);
        throw Unreadable{span, "this branch is about more than one value, so this cannot be simulated"};
      };
      const auto given = [&](const ExpressionPtr& number, const Branch& branch) {
        Statements both;
        if (!is_by_value) both.push_back(give(place, code_of(branch), program_));
        both.push_back(give(outcome, number, program_));
        return in_sequence(both, span);
      };
      StatementPtr chain = given(value, final);
      for (std::size_t i = branches.size(); i-- > 0;) {
        if (i == drawing) continue;
        const Branch& branch = branches[i];
        const auto* tail = tail_of(branch.terms, draw);
        if (!tail)
          throw Unreadable{branch.body->span, "this is not the tail of the distribution that the other branch draws "
                                              "from, so it cannot be simulated"};
        const ExpressionPtr bound = tail->arguments[0];
        const bool is_upper = tail->function == DistributionFunction::log_ccdf;
        if (reads(bound, drawn) && !is_by_value)
          throw Unreadable{branch.body->span,
                           "until where `" + program_.variables[drawn].name +
                               "` could have been observed is known only where it was not: give that limit in data of "
                               "its own, for every value, and write it here instead"};
        ExpressionPtr recorded = bound;
        if (is_by_value) {
          if (!branch.test) return std::nullopt;
          recorded = branch.test->value;
          const Builtin comparison = branch.test->comparison;
          const bool is_beyond = is_upper ? comparison == Builtin::greater_equal || comparison == Builtin::greater
                                          : comparison == Builtin::less_equal || comparison == Builtin::less;
          const bool is_limit = comparison == Builtin::equal || (is_beyond && !distribution.support.is_discrete);
          const ExpressionPtr limit =
              reads(bound, drawn) && are_same(without_promotion(bound), place) ? recorded : bound;
          const bool is_at = is_upper && distribution.support.is_discrete ? is_one_less(limit, recorded)
                                                                          : is_same_number(limit, recorded);
          if (!is_limit || !is_at)
            throw Unreadable{branch.body->span, "the values of this branch are not those that the tail is of, so this "
                                                "cannot be simulated"};
          const Builtin beyond = !is_upper                          ? Builtin::less_equal
                                 : distribution.support.is_discrete ? Builtin::greater_equal
                                                                    : Builtin::greater;
          const ExpressionPtr is_cut = compared(beyond, value, recorded);
          chain = make_statement(typed::If{is_cut, given(recorded, branch), chain}, span);
          continue;
        }
        if (program_.variables[drawn].type.is_integer_valued() && without_promotion(bound)->type.base != Base::integer)
          throw Unreadable{bound->span, "this limit of counts is no int, so this cannot be simulated"};
        const ExpressionPtr is_cut = compared(is_upper ? Builtin::greater : Builtin::less_equal, value, bound);
        chain = make_statement(typed::If{is_cut, given(bound, branch), chain}, span);
      }
      for (const Branch& one : branches)
        if (&one != &branches[drawing] && reads(one.terms.weights.front(), tested) && !is_by_value)
          throw Unreadable{span, "this limit depends on what it decides, so this cannot be simulated"};
      result.push_back(chain);
    }
    definitions_ = outer;
    mark(tree, drawn);
    return in_sequence(std::move(result), span);
  } catch (const Unreadable& found) {
    definitions_ = outer;
    for_each_statement(tree, [&](const StatementPtr& one) {
      if (std::holds_alternative<typed::TargetIncrement>(one->node) || std::holds_alternative<typed::Tilde>(one->node))
        program_.simulation.refusals.try_emplace(one.get(), found.text);
    });
    return tree;
  }
}

} // namespace sibyl::generative
