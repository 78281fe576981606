// The half of the prover that follows expressions and calls.
#include "compiler/facts/prover.hpp"
#include "compiler/facts/symmetry.hpp"

#include <algorithm>

namespace sibyl::facts {

using typed::Builtin;
using typed::ExpressionPtr;
using typed::IndexItem;

namespace {

// Functions of the standard library whose value does not depend on the order of their arguments' elements, and those
// that work element by element given such a value. Others with a body are walked through.
constexpr std::string_view symmetric[] = {
    "sum",      "prod",      "mean",        "variance", "sd",       "min",
    "max",      "norm1",     "norm2",       "dot_self", "quantile", "log_sum_exp",
    "sort_asc", "sort_desc", "dot_product", "distance", "log_mix",  "squared_distance"};
constexpr std::string_view equivariant[] = {"softmax", "log_softmax"};

template <typename List>
bool contains(const List& list, std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

bool any_moves(const Dimensions& dimensions) { return std::any_of(dimensions.begin(), dimensions.end(), moves); }

} // namespace

std::string Prover::base_name(const ExpressionPtr& expression) const {
  if (const auto* reference = std::get_if<typed::VariableReference>(&expression->node))
    return name(reference->variable);
  if (const auto* index = std::get_if<typed::Index>(&expression->node)) return base_name(index->base);
  if (const auto* promote = std::get_if<typed::Promote>(&expression->node)) return base_name(promote->operand);
  return "another value";
}

Prover::Value Prover::value(const ExpressionPtr& expression) {
  if (!expression) return {};
  return std::visit([&](const auto& node) { return value(node, expression); }, expression->node);
}
// A value that is used as a number: positions are none.
Dimensions Prover::number(const ExpressionPtr& expression) {
  const Value found = value(expression);
  if (found.is_position) throw Asymmetry{"the position itself is used as a number"};
  return found.dimensions;
}
void Prover::require_still(const ExpressionPtr& expression, const std::string& what) {
  if (any_moves(number(expression))) throw Asymmetry{what};
}

// Numbers, strings, and lists of elements.
template <typename Literal>
Prover::Value Prover::value(const Literal& literal, const ExpressionPtr&) {
  Dimensions result;
  if constexpr (requires { literal.elements; }) {
    for (const ExpressionPtr& element : literal.elements)
      join(result, number(element), "a literal joins values of positions with others");
    result.insert(result.begin(), staying);
  }
  return {result};
}
Prover::Value Prover::value(const typed::VariableReference& reference, const ExpressionPtr&) {
  return {dimensions_of(reference.variable), scope_.positions.contains(reference.variable)};
}
Prover::Value Prover::value(const typed::Promote& promote, const ExpressionPtr&) { return {number(promote.operand)}; }
Prover::Value Prover::value(const typed::Conditional& choice, const ExpressionPtr&) {
  number(choice.condition);
  Dimensions result = number(choice.if_true);
  join(result, number(choice.if_false), "`? :` chooses between values of positions and others");
  return {result};
}
Prover::Value Prover::value(const typed::Index& index, const ExpressionPtr&) {
  return {indexed(number(index.base), index.items, base_name(index.base))};
}
Prover::Value Prover::value(const typed::DistributionCall& call, const ExpressionPtr& expression) {
  const bool draws = call.function == typed::DistributionFunction::draw;
  Dimensions rows = vectorized(call.arguments, *call.distribution, !draws);
  if (!draws || expression->type.is_scalar()) return {};
  // No two of what is drawn are alike.
  rows.resize(static_cast<std::size_t>(expression->type.rank()), same);
  std::replace(rows.begin(), rows.end(), same, staying);
  return {rows};
}
Prover::Value Prover::value(const typed::FunctionCall& call, const ExpressionPtr& expression) {
  if (call.elementwise) return {elementwise(call.arguments)};
  const auto rank = static_cast<std::size_t>(expression->type.rank());
  const bool is_library = call.function->span.source != 0;
  if (is_library && contains(equivariant, call.function->name)) return {elementwise(call.arguments)};
  if (is_library && contains(symmetric, call.function->name)) {
    elementwise(call.arguments);
    return {Dimensions(rank, staying)};
  }
  return {called(*call.function, call.arguments, rank)};
}
Prover::Value Prover::value(const typed::CallPart& part, const ExpressionPtr& expression) {
  const auto& call = std::get<typed::FunctionCall>(part.call->node);
  for (const ExpressionPtr& argument : call.arguments)
    require_still(argument, "`" + call.function->name + "` may treat positions differently");
  return {Dimensions(static_cast<std::size_t>(expression->type.rank()), staying)};
}
Prover::Value Prover::value(const typed::SolverCall& call, const ExpressionPtr& expression) {
  for (const ExpressionPtr& argument : call.arguments)
    require_still(argument, "a solver of `" + call.given->name + "` may treat positions differently");
  return {Dimensions(static_cast<std::size_t>(expression->type.rank()), staying)};
}

Prover::Value Prover::value(const typed::BuiltinCall& call, const ExpressionPtr& expression) {
  const auto& arguments = call.arguments;
  const auto rank = static_cast<std::size_t>(expression->type.rank());
  const auto first = [&] { return number(arguments[0]); };
  const auto is_scalar = [&](std::size_t i) { return arguments[i]->type.is_scalar(); };
  switch (call.builtin) {
  case Builtin::size:
  case Builtin::rows:
  case Builtin::cols:
  case Builtin::num_elements:
  case Builtin::dims: first(); return {Dimensions(rank, staying)};
  case Builtin::multiply:
    if (!is_scalar(0) && !is_scalar(1)) return {product(call)};
    return {elementwise(arguments)};
  case Builtin::divide:
  case Builtin::left_divide:
    if (is_scalar(1) && call.builtin == Builtin::divide) return {elementwise(arguments)};
    if (is_scalar(0) && call.builtin == Builtin::divide) return {elementwise(arguments)};
    for (const ExpressionPtr& one : arguments) require_still(one, "a system of equations mixes the positions");
    return {Dimensions(rank, staying)};
  case Builtin::transpose: {
    Dimensions result = first();
    std::reverse(result.begin(), result.end());
    return {result};
  }
  case Builtin::rep_vector:
  case Builtin::rep_row_vector:
  case Builtin::rep_matrix:
  case Builtin::rep_array: {
    Dimensions result = first();
    const std::size_t outer = rank - result.size();
    const bool columns = call.builtin == Builtin::rep_matrix && arguments[0]->type.base == Base::vector;
    result.insert(columns ? result.end() : result.begin(), outer, same);
    for (std::size_t i = 1; i < arguments.size(); ++i) number(arguments[i]);
    return {result};
  }
  case Builtin::to_vector:
  case Builtin::to_row_vector:
  case Builtin::to_array_1d: {
    const Dimensions all = first();
    if (all.size() <= 1) return {all};
    if (std::all_of(all.begin(), all.end(), [&](const Dimension& one) { return one == all[0]; }) && all[0] != moving)
      return {{all[0]}};
    Dimension flattened = "flattened";
    for (const Dimension& one : all) flattened += " " + one;
    return {{flattened}};
  }
  case Builtin::to_array_2d: return {first()};
  case Builtin::to_matrix:
    if (arguments.size() == 1) {
      Dimensions result = first();
      if (result.size() == 1)
        result.insert(arguments[0]->type.base == Base::vector ? result.end() : result.begin(), same);
      return {result};
    }
    for (const ExpressionPtr& one : arguments) require_still(one, "`to_matrix` rearranges positions");
    return {Dimensions(2, staying)};
  case Builtin::append_row:
  case Builtin::append_col:
  case Builtin::append_array: return {joined(call, expression)};
  case Builtin::row:
  case Builtin::col: {
    IndexItem all, chosen;
    all.kind = IndexItem::Kind::all;
    chosen.first = arguments[1];
    const std::vector<IndexItem> items =
        call.builtin == Builtin::row ? std::vector<IndexItem>{chosen, all} : std::vector<IndexItem>{all, chosen};
    return {indexed(first(), items, base_name(arguments[0]))};
  }
  case Builtin::head:
  case Builtin::tail:
  case Builtin::segment:
  case Builtin::block:
  case Builtin::diagonal:
    for (const ExpressionPtr& one : arguments) require_still(one, "a part of the positions is taken out");
    return {Dimensions(rank, staying)};
  default: return {elementwise(arguments)};
  }
}

Dimensions Prover::elementwise(const std::vector<ExpressionPtr>& arguments) {
  Dimensions result;
  for (const ExpressionPtr& argument : arguments)
    join(result, number(argument), "each position meets an element of its own of " + base_name(argument));
  return result;
}

Dimensions Prover::product(const typed::BuiltinCall& call) {
  Dimensions left = number(call.arguments[0]), right = number(call.arguments[1]);
  const bool is_outer = call.arguments[0]->type.base == Base::vector;
  if (!is_outer) {
    join(left.back(), right.front(), "a product pairs positions with what does not move along");
    left.pop_back();
    right.erase(right.begin());
  }
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Dimensions Prover::joined(const typed::BuiltinCall& call, const ExpressionPtr& expression) {
  const auto rank = static_cast<std::size_t>(expression->type.rank());
  const std::size_t along = rank == 2 && call.builtin == Builtin::append_col ? 1 : 0;
  Dimensions result(rank, same);
  for (const ExpressionPtr& argument : call.arguments) {
    Dimensions one = number(argument);
    while (one.size() < rank) one.insert(one.begin() + static_cast<std::ptrdiff_t>(along), staying);
    if (moves(one[along])) throw Asymmetry{"positions are appended to others"};
    join(result, one, "positions are set beside what does not move along");
  }
  result[along] = staying;
  return result;
}

Dimensions Prover::indexed(const Dimensions& base, const std::vector<IndexItem>& items, const std::string& what) {
  Dimensions result;
  for (std::size_t d = 0; d < base.size(); ++d) {
    if (d >= items.size() || items[d].kind == IndexItem::Kind::all) {
      result.push_back(base[d]);
    } else if (items[d].kind == IndexItem::Kind::single) {
      const Value at = value(items[d].first);
      if (at.is_position && base[d] == staying) throw Asymmetry{"each position has an element of its own of " + what};
      if (!at.is_position && moves(base[d])) throw Asymmetry{what + " is used at other positions than the loop's own"};
    } else if (items[d].kind == IndexItem::Kind::multiple) {
      const Dimension list = number(items[d].first).front();
      if (moves(base[d])) throw Asymmetry{what + " is used at chosen positions"};
      result.push_back(list);
    } else {
      if (moves(base[d])) throw Asymmetry{"a part of " + what + " is treated apart"};
      number(items[d].first);
      number(items[d].second);
      result.push_back(staying);
    }
  }
  return result;
}

// What a function makes of arguments that move: its body tells, as the program's own statements would.
Dimensions Prover::called(const typed::Function& function, const std::vector<ExpressionPtr>& arguments,
                          std::size_t rank) {
  Called key{&function, {}, {}};
  bool any = false;
  for (const ExpressionPtr& argument : arguments) {
    std::get<1>(key).push_back(number(argument));
    std::get<2>(key).push_back(argument->type == Type{Base::integer, 0} && is_count(argument));
    any = any || any_moves(std::get<1>(key).back());
  }
  if (!any) return Dimensions(rank, staying);
  if (const auto known = results_.find(key); known != results_.end()) return known->second;
  if (function.is_recursive || !function.body || function.arguments.size() != arguments.size())
    throw Asymmetry{"`" + function.name + "` may treat positions differently"};
  Scope inner;
  inner.variables = &function.variables;
  inner.function = &function;
  inner.statements = {function.body};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    inner.known[function.arguments[i]] = std::get<1>(key)[i];
    if (std::get<2>(key)[i]) inner.counts.insert(function.arguments[i]);
  }
  std::swap(scope_, inner);
  try {
    see_scope();
  } catch (const Asymmetry& found) {
    throw Asymmetry{found.text.starts_with("in `") ? found.text : "in `" + function.name + "` " + found.text};
  }
  std::swap(scope_, inner);
  Dimensions result = inner.returned.value_or(Dimensions(rank, staying));
  results_[key] = result;
  return result;
}

// What the rows of a vectorized density do.
Dimensions Prover::vectorized(const std::vector<ExpressionPtr>& arguments, const typed::Distribution& distribution,
                              bool has_outcome) {
  const bool is_own = distribution.log_density && distribution.log_density->span.source == 0;
  if (has_outcome && is_own && distribution.draws_container()) {
    called(*distribution.log_density, arguments, 0);
    return {};
  }
  Dimensions rows;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::size_t first = arguments.size() - distribution.parameters.size();
    const bool is_outcome = has_outcome && i == 0;
    const Type wanted = is_outcome ? distribution.outcome : i < first ? Type{} : distribution.parameters[i - first];
    if (distribution.draws_container()) {
      // Rows of containers may change places, what is within one may not.
      Dimensions found = number(arguments[i]);
      const auto outer = static_cast<std::ptrdiff_t>(found.size()) - wanted.rank();
      for (auto d = std::max<std::ptrdiff_t>(outer, 0); d < static_cast<std::ptrdiff_t>(found.size()); ++d)
        if (moves(found[static_cast<std::size_t>(d)]))
          throw Asymmetry{"`" + distribution.name + "` tells the positions apart"};
      if (outer > 0)
        join(rows, Dimensions(found.begin(), found.begin() + outer),
             "each position meets an element of its own of " + base_name(arguments[i]));
      continue;
    }
    const bool is_row = is_outcome || wanted.is_scalar();
    if (is_row)
      join(rows, number(arguments[i]), "each position meets an element of its own of " + base_name(arguments[i]));
    else require_still(arguments[i], "`" + distribution.name + "` tells the positions apart");
  }
  return rows;
}

} // namespace sibyl::facts
