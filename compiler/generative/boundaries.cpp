// Diffusions between two boundaries: which one is reached is drawn together with when.
#include "compiler/generative/marginal_rewriter.hpp"
#include "compiler/generative/marginalized.hpp"

#include <algorithm>

namespace sibyl::generative {

namespace {

bool is_same(const ExpressionPtr& a, const ExpressionPtr& b) {
  return are_same(without_promotion(a), without_promotion(b));
}

// Whether one is `1 - other`.
bool are_complements(const ExpressionPtr& a, const ExpressionPtr& b) {
  const auto one = literal_number(a), other = literal_number(b);
  if (one && other) return *one + *other == 1;
  const auto is_rest = [](const ExpressionPtr& rest, const ExpressionPtr& of) {
    const auto* call = std::get_if<typed::BuiltinCall>(&without_promotion(rest)->node);
    return call && call->builtin == Builtin::subtract && literal_number(call->arguments[0]) == 1.0 &&
           is_same(call->arguments[1], of);
  };
  return is_rest(a, b) || is_rest(b, a);
}

// Whether one is `-other`.
bool are_opposite(const ExpressionPtr& a, const ExpressionPtr& b) {
  const auto one = literal_number(a), other = literal_number(b);
  if (one && other) return *one == -*other;
  const auto is_negated = [](const ExpressionPtr& negated, const ExpressionPtr& of) {
    const auto* call = std::get_if<typed::BuiltinCall>(&without_promotion(negated)->node);
    return call && call->builtin == Builtin::negate && is_same(call->arguments[0], of);
  };
  return is_negated(a, b) || is_negated(b, a);
}

// Another number than that, within the bounds that the variable declares where they are known.
std::int64_t other_code(std::int64_t code, const typed::Variable& variable) {
  const auto lower = literal_number(variable.lower);
  const auto upper = literal_number(variable.upper);
  if (lower && static_cast<double>(code) != *lower) return static_cast<std::int64_t>(*lower);
  if (upper && static_cast<double>(code) != *upper) return static_cast<std::int64_t>(*upper);
  return code == 1 ? 0 : 1;
}

} // namespace

bool is_diffusion(const typed::Distribution& distribution) {
  return distribution.name == "wiener" || distribution.name == "wiener_5" || distribution.name == "wiener_7";
}

// `if (upper[n] == 1) y[n] ~ wiener(a, t, b, d); else y[n] ~ wiener(a, t, 1 - b, -d);`: the densities of both branches
// have the mass one together, and that of the first is the chance of its boundary.
std::optional<StatementPtr> MarginalRewriter::boundary(const StatementPtr& tree) {
  const auto* branch = std::get_if<typed::If>(&tree->node);
  if (!branch || !branch->else_body) return std::nullopt;
  const auto first = as_draw(typed::without_braces(branch->then_body)),
             second = as_draw(typed::without_braces(branch->else_body));
  if (!first || !second || first->truncation || second->truncation) return std::nullopt;
  if (!is_diffusion(*first->distribution) || second->distribution->name != first->distribution->name ||
      !are_same(drawn_place(first->left), drawn_place(second->left)))
    return std::nullopt;
  const auto &a = first->arguments, &b = second->arguments;
  if (!is_same(a[0], b[0]) || !is_same(a[1], b[1]) || !are_complements(a[2], b[2]) || !are_opposite(a[3], b[3]) ||
      !std::equal(a.begin() + 4, a.end(), b.begin() + 4, is_same))
    return std::nullopt;

  ExpressionPtr place = without_promotion(branch->condition);
  std::int64_t code = 0;
  bool is_equal = false; // to the code where the first boundary is reached
  if (const auto* test = std::get_if<typed::BuiltinCall>(&place->node)) {
    if (test->builtin != Builtin::equal && test->builtin != Builtin::not_equal) return std::nullopt;
    const bool is_left = !literal_number(test->arguments[0]);
    const auto value = literal_number(test->arguments[is_left ? 1 : 0]);
    if (!value) return std::nullopt;
    place = without_promotion(test->arguments[is_left ? 0 : 1]);
    code = static_cast<std::int64_t>(*value);
    is_equal = test->builtin == Builtin::equal;
  }
  if (place->type != integer || !reader_.can_be_drawn(place)) return std::nullopt;
  const VariableId tested = *drawn_variable(place);
  for (const StatementPtr& one : program_.model) {
    const Accesses accesses = accesses_of(one, program_);
    if (accesses.drawn.contains(tested) || accesses.assigned.contains(tested)) return std::nullopt;
  }

  const Span span = tree->span;
  const VariableId id = new_scalar("boundary", Base::integer, span);
  const ExpressionPtr is_first = reference(id, span);
  std::vector<ExpressionPtr> of_chance = {as_real(a[0]), as_real(a[2]), as_real(a[3])};
  // Of passages that differ the chance is drawn, like the boundary itself.
  const bool varies = a.size() > 4;
  if (varies) of_chance.push_back(as_real(a[4]));
  if (varies) of_chance.push_back(a.size() > 5 ? as_real(a[5]) : as_real(whole_number(0, span)));
  const ExpressionPtr chance =
      library_call(varies ? "varying_boundary_chance_draw" : "upper_boundary_chance", std::move(of_chance), span);
  const ExpressionPtr here = whole_number(code, span),
                      there = whole_number(other_code(code, program_.variables[tested]), span);
  const ExpressionPtr reached =
      make_expression(typed::Conditional{is_first, is_equal ? here : there, is_equal ? there : here}, integer, span);
  mark(tree, *drawn_variable(first->left));
  return in_sequence({make_statement(typed::Declaration{id, drawn_from("bernoulli", {chance}, span)}, span),
                      given_draw(place, reached, span),
                      make_statement(typed::If{is_first, branch->then_body, branch->else_body}, span)},
                     span);
}

} // namespace sibyl::generative
