#include "compiler/generative/inlined_densities.hpp"

#include "compiler/generative/tree_building.hpp"

#include <algorithm>
#include <map>

namespace sibyl::generative {

using typed::FunctionCall;

namespace {

using Kind = IndexItem::Kind;

bool contains_return(const StatementPtr& tree) {
  bool found = false;
  for_each_statement(
      tree, [&](const StatementPtr& one) { found = found || std::holds_alternative<typed::Return>(one->node); });
  return found;
}

bool surely_returns(const Statements& list) {
  return std::any_of(list.begin(), list.end(), [](const StatementPtr& one) {
    if (std::holds_alternative<typed::Return>(one->node)) return true;
    if (std::holds_alternative<typed::Sequence>(one->node)) return surely_returns(typed::statements_of(one));
    const auto* branch = std::get_if<typed::If>(&one->node);
    return branch && surely_returns(typed::statements_of(branch->then_body)) &&
           surely_returns(typed::statements_of(branch->else_body));
  });
}

// The statements in an order in which nothing stands behind a return: it is in the other branch. Nothing where the ways
// through them would have to be copied.
std::optional<Statements> with_returns_last(const Statements& list) {
  Statements result;
  for (auto one = list.begin(); one != list.end(); ++one) {
    const auto followed = [&](Statements way) {
      if (!surely_returns(way)) way.insert(way.end(), one + 1, list.end());
      return with_returns_last(way);
    };
    if (std::holds_alternative<typed::Return>((*one)->node)) {
      result.push_back(*one);
      return result;
    }
    if (!contains_return(*one)) {
      result.push_back(*one);
      continue;
    }
    if (std::holds_alternative<typed::Sequence>((*one)->node)) {
      const auto inner = followed(typed::statements_of(*one));
      if (!inner) return std::nullopt;
      result.push_back(make_statement(typed::Sequence{*inner}, (*one)->span));
      return result;
    }
    const auto* branch = std::get_if<typed::If>(&(*one)->node);
    if (!branch) return std::nullopt;
    const Statements first = typed::statements_of(branch->then_body), second = typed::statements_of(branch->else_body);
    if (!surely_returns(first) && !surely_returns(second) && one + 1 != list.end()) return std::nullopt;
    const auto then_way = followed(first), else_way = followed(second);
    if (!then_way || !else_way) return std::nullopt;
    const Span span = (*one)->span;
    result.push_back(
        make_statement(typed::If{branch->condition, make_statement(typed::Sequence{*then_way}, span),
                                 else_way->empty() ? nullptr : make_statement(typed::Sequence{*else_way}, span)},
                       span));
    return result;
  }
  return result;
}

// first + second - 1: where position `second` of what begins at `first` is.
ExpressionPtr shifted(const ExpressionPtr& first, const ExpressionPtr& second) {
  if (literal_number(first) == 1) return second;
  if (literal_number(second) == 1) return first;
  const Span span = second->span;
  const ExpressionPtr sum = builtin(Builtin::add, {first, second}, integer, span);
  return builtin(Builtin::subtract, {sum, whole_number(1, span)}, integer, span);
}

// The item that takes `outer` of what `inner` (which keeps its dimension) takes; nothing where there is none.
std::optional<IndexItem> composed(const IndexItem& inner, const IndexItem& outer) {
  if (outer.kind == Kind::all) return inner;
  if (inner.kind == Kind::all) return outer;
  const bool has_begin = inner.kind == Kind::from || inner.kind == Kind::between;
  if (outer.kind == Kind::single) {
    if (has_begin) return IndexItem{Kind::single, shifted(inner.first, outer.first), nullptr, outer.span};
    if (inner.kind == Kind::up_to) return outer;
    const ExpressionPtr element = make_expression(typed::Index{inner.first, {outer}}, integer, outer.span);
    return IndexItem{Kind::single, element, nullptr, outer.span};
  }
  if (outer.kind == Kind::between && (has_begin || inner.kind == Kind::up_to)) {
    if (inner.kind == Kind::up_to) return outer;
    return IndexItem{Kind::between, shifted(inner.first, outer.first), shifted(inner.first, outer.second), outer.span};
  }
  return std::nullopt;
}

// `base[items]` as an index of a variable, where `base` is one already.
ExpressionPtr indexed(const ExpressionPtr& base, std::vector<IndexItem> items, Type type, Span span) {
  const auto* inner = std::get_if<typed::Index>(&base->node);
  const auto whole = [&] { return make_expression(typed::Index{base, items}, type, span); };
  if (!inner) return whole();
  std::vector<IndexItem> all;
  std::size_t next = 0;
  for (const IndexItem& item : inner->items) {
    if (item.kind == Kind::single || next == items.size()) {
      all.push_back(item);
      continue;
    }
    const auto both = composed(item, items[next++]);
    if (!both) return whole();
    all.push_back(*both);
  }
  all.insert(all.end(), items.begin() + static_cast<std::ptrdiff_t>(next), items.end());
  return make_expression(typed::Index{inner->base, std::move(all)}, type, span);
}

// Whether it can stand in several places: a number, a variable, or a part of one.
bool is_simple(const ExpressionPtr& expression) {
  const ExpressionPtr bare = without_promotion(expression);
  if (std::holds_alternative<typed::IntegerLiteral>(bare->node) ||
      std::holds_alternative<typed::RealLiteral>(bare->node) ||
      std::holds_alternative<typed::VariableReference>(bare->node))
    return true;
  const auto* index = std::get_if<typed::Index>(&bare->node);
  return index && std::holds_alternative<typed::VariableReference>(index->base->node);
}

class Inliner {
 public:
  explicit Inliner(typed::Program& program) : program_(program) {}

  StatementPtr read(const StatementPtr& tree) {
    return typed::rewritten(
        tree,
        [&](const StatementPtr& one) -> StatementPtr {
          const auto* increment = std::get_if<typed::TargetIncrement>(&one->node);
          const auto* assignment = std::get_if<typed::Assignment>(&one->node);
          const auto* statement = std::get_if<typed::CallStatement>(&one->node);
          const ExpressionPtr value = increment && !increment->is_jacobian ? increment->value
                                      : assignment                         ? assignment->value
                                      : statement                          ? statement->call
                                                                           : nullptr;
          const ExpressionPtr call = value ? term_to_read(value) : nullptr;
          if (!call) return nullptr;
          return body_of(one, call);
        },
        [&](const ExpressionPtr& one) -> ExpressionPtr {
          const auto* call = std::get_if<FunctionCall>(&one->node);
          return call && may_be_read(*call) ? value_of(*call) : nullptr;
        });
  }

 private:
  using Bindings = std::map<VariableId, ExpressionPtr>; // of a function's variables, in the program's

  bool can_be_drawn(const ExpressionPtr& argument) const {
    const auto id = drawn_variable(argument);
    if (!id) return false;
    const typed::Variable& variable = program_.variables[*id];
    return !variable.is_local && (variable.block == typed::Block::data || variable.block == typed::Block::parameters ||
                                  variable.block == typed::Block::transformed_data);
  }

  // Which arguments of the function some distribution in it has as its outcome.
  const std::set<std::size_t>& outcomes_of(const typed::Function& function) {
    const auto [found, is_new] = outcomes_.try_emplace(&function);
    if (!is_new || !function.body) return found->second;
    std::set<std::size_t> outcomes;
    const auto add = [&](ExpressionPtr outcome) {
      // `categorical_lpmf(y + 1 | p)` of what is counted from zero.
      if (const auto* sum = std::get_if<typed::BuiltinCall>(&outcome->node);
          sum && (sum->builtin == Builtin::add || sum->builtin == Builtin::subtract) &&
          literal_number(sum->arguments[1]))
        outcome = sum->arguments[0];
      const auto id = drawn_variable(outcome);
      const auto argument =
          id ? std::find(function.arguments.begin(), function.arguments.end(), *id) : function.arguments.end();
      if (argument != function.arguments.end())
        outcomes.insert(static_cast<std::size_t>(argument - function.arguments.begin()));
    };
    for_each_statement(function.body, [&](const StatementPtr& one) {
      if (const auto* tilde = std::get_if<typed::Tilde>(&one->node)) add(tilde->left);
      for_each_operand(one, [&](const ExpressionPtr& operand) {
        for_each_expression(operand, [&](const ExpressionPtr& part) {
          const auto* density = std::get_if<typed::DistributionCall>(&part->node);
          if (density && density->function == typed::DistributionFunction::log_density) add(density->arguments.front());
          // `p[y] - log_sum_exp(p)`, `log(p[y])`: the chance of an outcome.
          const auto* chance = std::get_if<typed::BuiltinCall>(&part->node);
          const bool is_chance = chance && (chance->builtin == Builtin::subtract || chance->math == "log");
          const auto* element = is_chance ? std::get_if<typed::Index>(&chance->arguments[0]->node) : nullptr;
          if (element && element->items.back().kind == Kind::single) add(element->items.back().first);
          const auto* call = std::get_if<FunctionCall>(&part->node);
          if (!call || !is_of_text(*call->function)) return;
          for (const std::size_t i : outcomes_of(*call->function)) add(call->arguments[i]);
        });
      });
    });
    return outcomes_[&function] = outcomes;
  }

  static bool is_of_text(const typed::Function& function) { return function.span.source == 0 && function.body; }

  bool may_be_read(const FunctionCall& call) {
    const typed::Function& function = *call.function;
    if (!is_of_text(function) || function.is_recursive || function.draws || call.elementwise ||
        call.arguments.size() != function.arguments.size())
      return false;
    const auto& outcomes = outcomes_of(function);
    return std::any_of(outcomes.begin(), outcomes.end(),
                       [&](std::size_t i) { return can_be_drawn(call.arguments[i]); });
  }

  ExpressionPtr substituted(const ExpressionPtr& expression, const Bindings& bindings) {
    const std::function<ExpressionPtr(const ExpressionPtr&)> replace = [&](const ExpressionPtr& one) -> ExpressionPtr {
      if (const auto* reference = std::get_if<typed::VariableReference>(&one->node))
        return bindings.at(reference->variable);
      const auto* index = std::get_if<typed::Index>(&one->node);
      if (!index) return nullptr;
      std::vector<IndexItem> items = index->items;
      for (IndexItem& item : items) {
        item.first = typed::rewritten(item.first, replace);
        item.second = typed::rewritten(item.second, replace);
      }
      return indexed(typed::rewritten(index->base, replace), std::move(items), one->type, one->span);
    };
    return typed::rewritten(expression, replace);
  }

  // The one value that it returns, without anything before it; nothing for other functions.
  ExpressionPtr value_of(const FunctionCall& call) {
    const Statements all = typed::statements_of(call.function->body);
    const auto* value = all.size() == 1 ? std::get_if<typed::Return>(&all.front()->node) : nullptr;
    if (!value || !value->value || !std::all_of(call.arguments.begin(), call.arguments.end(), is_simple))
      return nullptr;
    Bindings bindings;
    for (std::size_t i = 0; i < call.arguments.size(); ++i) bindings[call.function->arguments[i]] = call.arguments[i];
    return typed::rewritten(substituted(value->value, bindings), [&](const ExpressionPtr& one) -> ExpressionPtr {
      const auto* inner = std::get_if<FunctionCall>(&one->node);
      return inner && may_be_read(*inner) ? value_of(*inner) : nullptr;
    });
  }

  // A call among the terms of a sum that has more to be read than one value.
  ExpressionPtr term_to_read(const ExpressionPtr& sum) {
    const ExpressionPtr bare = without_promotion(sum);
    if (const auto* terms = std::get_if<typed::BuiltinCall>(&bare->node);
        terms && bare->type.is_scalar() && (terms->builtin == Builtin::add || terms->builtin == Builtin::subtract)) {
      for (const ExpressionPtr& one : terms->arguments)
        if (const ExpressionPtr found = term_to_read(one)) return found;
      return nullptr;
    }
    const auto* call = std::get_if<FunctionCall>(&bare->node);
    return call && may_be_read(*call) && !value_of(*call) ? bare : nullptr;
  }

  // The function's body, with the statement in the place of each return, where it has what is returned in the place of
  // the call; nothing where the body cannot be read.
  StatementPtr body_of(const StatementPtr& statement, const ExpressionPtr& called) {
    const auto& call = std::get<FunctionCall>(called->node);
    const Span span = statement->span;
    const typed::Function& function = *call.function;
    const auto body = with_returns_last(typed::statements_of(function.body));
    if (!body) return nullptr;
    Bindings bindings;
    Statements result;
    for (std::size_t i = 0; i < call.arguments.size(); ++i) {
      const ExpressionPtr& given = call.arguments[i];
      const VariableId id = function.arguments[i];
      if (is_simple(given)) {
        bindings[id] = given;
        continue;
      }
      typed::Variable local = function.variables[id];
      local.type = given->type;
      bindings[id] = new_local(std::move(local), span);
      result.push_back(make_statement(
          typed::Declaration{std::get<typed::VariableReference>(bindings[id]->node).variable, given}, span));
    }
    // Sizes of a variable stand behind those that they are computed from.
    for (VariableId id = 0; id < function.variables.size(); ++id) {
      if (bindings.contains(id)) continue;
      const typed::Variable& variable = function.variables[id];
      bindings[id] = new_local(variable, variable.span);
    }
    for (VariableId id = 0; id < function.variables.size(); ++id) {
      const typed::Variable& variable = function.variables[id];
      if (variable.is_argument) continue;
      typed::Variable& local = program_.variables[std::get<typed::VariableReference>(bindings[id]->node).variable];
      for (ExpressionPtr* one : {&local.lower, &local.upper, &local.offset, &local.multiplier})
        if (*one) *one = substituted(*one, bindings);
      for (auto* sizes : {&local.sizes, &local.transform_sizes})
        for (ExpressionPtr& size : *sizes) size = substituted(size, bindings);
    }
    const auto returning = [&](const ExpressionPtr& value) {
      if (!value) return make_statement(typed::Sequence{}, span);
      return typed::rewritten(
          statement, [](const StatementPtr&) -> StatementPtr { return nullptr; },
          [&](const ExpressionPtr& one) { return one == called ? value : nullptr; });
    };
    for (const StatementPtr& one : *body) result.push_back(read(renamed(one, bindings, returning)));
    return make_statement(typed::Sequence{std::move(result)}, span);
  }

  ExpressionPtr new_local(typed::Variable variable, Span span) {
    variable.block = typed::Block::model;
    variable.is_local = true;
    variable.is_argument = false;
    const Type type = variable.type;
    program_.variables.push_back(std::move(variable));
    return reference(static_cast<VariableId>(program_.variables.size() - 1), type, span);
  }

  StatementPtr renamed(const StatementPtr& tree, const Bindings& bindings,
                       const std::function<StatementPtr(const ExpressionPtr&)>& returning) {
    const auto operand = [&](const ExpressionPtr& one) { return substituted(one, bindings); };
    const auto id_of = [&](VariableId id) {
      return std::get<typed::VariableReference>(bindings.at(id)->node).variable;
    };
    const std::function<StatementPtr(const StatementPtr&)> replace = [&](const StatementPtr& one) -> StatementPtr {
      return std::visit(
          [&](const auto& node) -> StatementPtr {
            using Node = std::decay_t<decltype(node)>;
            if constexpr (std::is_same_v<Node, typed::Return>) {
              return returning(node.value ? operand(node.value) : nullptr);
            } else if constexpr (requires(Node copy) { copy.variable; }) {
              Node copy = node;
              copy.variable = id_of(node.variable);
              if constexpr (std::is_same_v<Node, typed::Declaration>) {
                if (copy.initializer) copy.initializer = operand(copy.initializer);
              } else if constexpr (std::is_same_v<Node, typed::Assignment>) {
                for (IndexItem& item : copy.indices) {
                  if (item.first) item.first = operand(item.first);
                  if (item.second) item.second = operand(item.second);
                }
                copy.value = operand(copy.value);
              } else {
                if constexpr (std::is_same_v<Node, typed::For>) {
                  copy.first = operand(copy.first);
                  copy.last = operand(copy.last);
                } else copy.container = operand(copy.container);
                copy.body = typed::rewritten(copy.body, replace, operand);
              }
              return make_statement(std::move(copy), one->span);
            } else return nullptr;
          },
          one->node);
    };
    return typed::rewritten(tree, replace, operand);
  }

  typed::Program& program_;
  std::map<const typed::Function*, std::set<std::size_t>> outcomes_;
};

} // namespace

void inline_densities(typed::Program& program) {
  Inliner inliner(program);
  for (StatementPtr& one : program.model) one = inliner.read(one);
}

} // namespace sibyl::generative
