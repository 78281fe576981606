#include "lang/check/checker.hpp"
#include "lang/errors.hpp"
#include "lang/typed_rewrite.hpp"
#include "lang/typed_walk.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace sibyl::checking {

using ast::BlockKind;
using typed::ExpressionPtr;
using typed::make_statement;
using typed::StatementPtr;

bool Checker::may_be_assigned(const typed::Variable& variable, Span place) {
  if (variable.is_loop_variable) {
    error(place, "assigned-loop-variable", "the loop variable `" + variable.name + "` cannot be assigned")
        .secondary.push_back({variable.span, "the loop over `" + variable.name + "`"});
    return false;
  }
  if (variable.is_argument) {
    error(place, "assigned-argument", "the argument `" + variable.name + "` cannot be assigned")
        .notes.push_back("copy it into a local variable first");
    return false;
  }
  if (variable.is_local || in_function_) return true;
  if (variable.block == typed::Block::parameters) {
    error(place, "assigned-parameter", "the parameter `" + variable.name + "` cannot be assigned")
        .secondary.push_back({variable.span, "a parameter"});
    diagnostics_.back().notes.push_back("give it a distribution: `" + variable.name + " ~ ...`");
    return false;
  }
  const bool data_here =
      variable.block == typed::Block::data && (block_ == BlockKind::model || block_ == BlockKind::design);
  if (data_here || variable.block == block_of(block_)) return true;
  error(place, "assigned-elsewhere", "`" + variable.name + "` cannot be assigned in this block")
      .secondary.push_back({variable.span, "declared in another block"});
  return false;
}

ExpressionPtr Checker::combined(ast::AssignmentOperator op, const ExpressionPtr& target, const ExpressionPtr& value,
                                Span span) {
  static constexpr std::pair<typed::Builtin, const char*> kinds[] = {{typed::Builtin::add, "="},
                                                                     {typed::Builtin::add, "+"},
                                                                     {typed::Builtin::subtract, "-"},
                                                                     {typed::Builtin::multiply, "*"},
                                                                     {typed::Builtin::divide, "/"},
                                                                     {typed::Builtin::elementwise_multiply, ".*"},
                                                                     {typed::Builtin::elementwise_divide, "./"}};
  const auto& [builtin, symbol] = kinds[static_cast<int>(op)];
  return binary_builtin(builtin, symbol, target, value, span);
}

StatementPtr Checker::assignment(const ast::Assignment& tree, Span span) {
  if (assigns_tuple(tree.target)) return tuple_assignment(tree, expression(tree.value), span);
  // `a[i][j] = ...` means `a[i, j] = ...`.
  std::vector<ast::IndexItem> written_items;
  ast::ExpressionPtr base_tree = tree.target;
  while (const auto* outer = std::get_if<ast::Index>(&base_tree->node)) {
    const bool is_slice = std::any_of(outer->items.begin(), outer->items.end(),
                                      [](const auto& item) { return item.kind != ast::IndexItem::Kind::single; });
    if (is_slice && !written_items.empty()) {
      error(tree.target->span, "not-assignable", "an element of a slice cannot be assigned; index the variable itself");
      return nullptr;
    }
    written_items.insert(written_items.begin(), outer->items.begin(), outer->items.end());
    base_tree = outer->base;
  }
  const bool index = !written_items.empty();
  const auto* name = std::get_if<ast::VariableReference>(&base_tree->node);
  ExpressionPtr value = expression(tree.value);
  if (!name) {
    error(tree.target->span, "not-assignable", "only a variable or its elements can be assigned");
    return nullptr;
  }
  ExpressionPtr base = expression(base_tree);
  if (base->type.is_error()) return nullptr;
  const typed::VariableId id = std::get<typed::VariableReference>(base->node).variable;
  std::vector<typed::IndexItem> items;
  Type type = base->type;
  if (index) {
    items = index_items(written_items);
    type = indexed_type(base->type, items, tree.target->span);
    if (type.is_error()) return nullptr;
    check_constant_index(base, items);
  }
  if (!may_be_assigned((*variables_)[id], tree.target->span)) return nullptr;
  if (tree.op != ast::AssignmentOperator::assign) {
    const ExpressionPtr old = index ? make(typed::Index{base, items}, type, tree.target->span) : base;
    value = combined(tree.op, old, value, span);
  }
  if (value->type.is_error()) return nullptr;
  if (!converts(value->type, type)) {
    const typed::Variable& variable = (*variables_)[id];
    Diagnostic& diagnostic =
        error(value->span, "assignment-types",
              "this is " + describe(value) + ", but `" + std::string(source_.slice(tree.target->span)) + "` is `" +
                  (index ? to_string(type) : variable.type_text) + "`");
    label_declaration(diagnostic, value);
    diagnostic.secondary.push_back({variable.span, "`" + variable.name + "` is declared here"});
    if (type.base == Base::integer && value->type == Type{Base::real, 0})
      diagnostic.notes.push_back("an int holds no fraction");
    return nullptr;
  }
  if (!index) check_constant_sizes(base, value, "=", span);
  value = promote(value, type);
  return make_statement(typed::Assignment{id, std::move(items), std::move(value)}, span);
}

StatementPtr Checker::tilde(const ast::Tilde& tree, Span span) {
  if (refuse_solver(tree.distribution)) return nullptr;
  ExpressionPtr left = expression(tree.left);
  Arguments arguments{left};
  for (const auto& argument : tree.arguments) arguments.push_back(expression(argument));
  if (in_function_ && !adds_to_density()) {
    error(span, "tilde-in-function", "`~` has no meaning in a function unless its name ends in `_lp`");
    return nullptr;
  }
  if (!in_function_ && block_ != BlockKind::model && block_ != BlockKind::design) {
    error(span, "tilde-outside-model", "`~` belongs in the model block")
        .notes.push_back("to draw a value here, call `" + tree.distribution.name + "_rng(...)`");
    return nullptr;
  }
  bool draws_integers = false; // in the design
  if (block_ == BlockKind::design && !left->type.is_error()) {
    ExpressionPtr base = left;
    while (true) {
      if (const auto* at = std::get_if<typed::Index>(&base->node)) base = at->base;
      else if (const auto* promoted = std::get_if<typed::Promote>(&base->node)) base = promoted->operand;
      else if (const auto* call = std::get_if<typed::BuiltinCall>(&base->node);
               call && (call->builtin == typed::Builtin::to_vector || call->builtin == typed::Builtin::to_array_1d))
        base = call->arguments.front();
      else break;
    }
    const auto* reference = std::get_if<typed::VariableReference>(&base->node);
    const typed::Variable* variable = reference ? &(*variables_)[reference->variable] : nullptr;
    if (!variable || variable->is_loop_variable || !(variable->is_local || variable->block == typed::Block::data)) {
      error(left->span, "design-of-something-else",
            "the design gives data variables their distributions, but this is " + describe(left));
      return nullptr;
    }
    draws_integers = variable->type.is_integer_valued();
  }
  // The user's own distribution: `y ~ shifted(mu)` adds `shifted_lpdf(y | mu)`.
  if (!tree.truncation)
    for (const char* suffix : {"_lpdf", "_lpmf", "_log"})
      if (const std::string density = tree.distribution.name + suffix;
          library_distribution(tree.distribution.name) ? has_own(density, arguments, false)
                                                       : names_.has_function(density)) {
        ExpressionPtr value = function_call({{density, tree.distribution.span}, {}}, std::move(arguments), span);
        return value->type.is_error() ? nullptr : make_statement(typed::TargetIncrement{std::move(value)}, span);
      }
  auto distribution = find_distribution(tree.distribution);
  if (!distribution || !resolve_distribution(distribution, arguments, true, tree.distribution.span)) return nullptr;
  if (draws_integers && !distribution->support.is_discrete) {
    error(left->span, "design-of-real-draws",
          "what is drawn here is int, but `" + tree.distribution.name + "` draws reals");
    return nullptr;
  }
  std::optional<typed::Truncation> truncation;
  if (tree.truncation) {
    truncation = typed::Truncation{nullptr, nullptr, tree.truncation->span};
    const auto bound = [&](const ast::ExpressionPtr& given) {
      const std::string what = "the truncation bound";
      return distribution->support.is_discrete ? integer(given, what) : real(given, what);
    };
    if (tree.truncation->lower) truncation->lower = bound(tree.truncation->lower);
    if (tree.truncation->upper) truncation->upper = bound(tree.truncation->upper);
    if (distribution->draws_container()) {
      error(tree.truncation->span, "truncated-container", "only numbers can be truncated");
      return nullptr;
    }
    if (!distribution->log_tail) {
      error(tree.truncation->span, "no-distribution-function",
            "`" + distribution->name +
                "` cannot be truncated: it has no distribution function in this version of Sibyl");
      return nullptr;
    }
  }
  left = arguments.front();
  arguments.erase(arguments.begin());
  return make_statement(typed::Tilde{left, distribution, std::move(arguments), std::move(truncation)}, span);
}

StatementPtr Checker::loop_body(const ast::StatementPtr& body) {
  ++loop_depth_;
  ++nesting_;
  StatementPtr checked = statement(body);
  --nesting_;
  --loop_depth_;
  return checked ? checked : make_statement(typed::Sequence{}, body->span);
}

std::pair<typed::VariableId, StatementPtr> Checker::looped(const ast::Identifier& name, Type type,
                                                           const ast::StatementPtr& body) {
  scopes_.emplace_back();
  typed::Variable variable{.name = name.name, .type = type};
  variable.is_local = variable.is_loop_variable = true;
  variable.span = name.span;
  const typed::VariableId id = declare(std::move(variable));
  used_.insert(id);
  StatementPtr checked = loop_body(body);
  scopes_.pop_back();
  return {id, std::move(checked)};
}

StatementPtr Checker::for_loop(const ast::For& tree, Span span) {
  ExpressionPtr first = integer(tree.first, "a loop's bound"), last = integer(tree.last, "a loop's bound");
  auto [id, body] = looped(tree.variable, {Base::integer, 0}, tree.body);
  return make_statement(typed::For{id, first, last, std::move(body)}, span);
}

StatementPtr Checker::for_each(const ast::ForEach& tree, Span span) {
  ExpressionPtr container = expression(tree.container);
  const Type type = container->type;
  if (type.parts && type.array_rank > 0) return for_each_tuple(tree, container, span);
  if (!type.is_error() && type.rank() == 0) {
    error(container->span, "loop-over-scalar",
          "a loop runs over a range or a container, but this is " + describe(container))
        .notes.push_back("write `1:" + std::string(source_.slice(tree.container->span)) + "`");
    container = poison(container->span);
  }
  const Type element =
      type.array_rank > 0 ? Type{type.base, type.array_rank - 1} : Type{type.is_error() ? Base::error : Base::real, 0};
  auto [id, body] = looped(tree.variable, element, tree.body);
  return make_statement(typed::ForEach{id, container, std::move(body)}, span);
}

StatementPtr Checker::return_statement(const ast::Return& tree, Span span) {
  ExpressionPtr value = tree.value ? expression(tree.value) : nullptr;
  if (!in_function_) {
    error(span, "return-outside-function", "`return` belongs in a function");
    return nullptr;
  }
  const Type wanted = function_->result;
  if (!value && wanted.base != Base::none)
    error(span, "missing-return-value", "`" + function_->name + "` must return `" + to_string(wanted) + "`");
  if (value && !value->type.is_error()) {
    if (wanted.base == Base::none)
      error(value->span, "return-value-in-void", "`" + function_->name + "` returns nothing");
    else if (!converts(value->type, wanted))
      error(value->span, "return-type",
            "`" + function_->name + "` must return `" + to_string(wanted) + "`, but this is " + describe(value));
    else value = promote(value, wanted);
  }
  return make_statement(typed::Return{value}, span);
}

Checker::Arguments Checker::printed(const std::vector<ast::ExpressionPtr>& arguments) {
  Arguments checked;
  for (const auto& argument : arguments) {
    if (const auto* text = std::get_if<ast::StringLiteral>(&argument->node))
      checked.push_back(make(typed::StringLiteral{text->value}, {Base::string, 0}, argument->span));
    else {
      const auto write = [&](const char* one) {
        checked.push_back(make(typed::StringLiteral{one}, {Base::string, 0}, argument->span));
      };
      const std::function<void(const ExpressionPtr&)> add = [&](const ExpressionPtr& value) {
        const auto* tuple = std::get_if<typed::Tuple>(&value->node);
        if (!tuple) return checked.push_back(value);
        for (std::size_t i = 0; i < tuple->elements.size(); ++i) {
          write(i == 0 ? "(" : ",");
          add(tuple->elements[i]);
        }
        write(")");
      };
      add(expression(argument));
    }
  }
  return checked;
}

Checker::Statements Checker::statements(const std::vector<ast::StatementPtr>& list) {
  Statements checked;
  bool warned = false;
  for (const auto& one : list) {
    if (!warned && !checked.empty() && checked.back() &&
        (std::holds_alternative<typed::Break>(checked.back()->node) ||
         std::holds_alternative<typed::Continue>(checked.back()->node) ||
         std::holds_alternative<typed::Return>(checked.back()->node))) {
      Diagnostic warning = mistake(one->span, "unreachable", "this is never reached");
      warning.severity = Severity::warning;
      diagnostics_.push_back(std::move(warning));
      warned = true;
    }
    add_statement(one, checked);
  }
  return checked;
}

bool Checker::adds_to_density() const {
  return in_function_ ? function_->name.ends_with("_lp") : block_ == BlockKind::model;
}

// Whether no parameter, latent or draw is in it: a constant of the density.
bool Checker::is_constant(const ExpressionPtr& value) const {
  bool constant = true;
  for_each_expression(value, [&](const ExpressionPtr& one) {
    if (const auto* reference = std::get_if<typed::VariableReference>(&one->node)) {
      const typed::Variable& variable = (*variables_)[reference->variable];
      constant = constant && !variable.is_local &&
                 (variable.block == typed::Block::data || variable.block == typed::Block::transformed_data);
    }
    if (const auto* call = std::get_if<typed::BuiltinCall>(&one->node))
      constant = constant && call->builtin != typed::Builtin::target;
    if (const auto* call = std::get_if<typed::DistributionCall>(&one->node))
      constant = constant && !typed::may_draw(*call);
  });
  return constant;
}

bool Checker::reads_parameters(const ExpressionPtr& value) const {
  bool found = false;
  typed::for_each_expression(value, [&](const ExpressionPtr& one) {
    if (const auto* reference = std::get_if<typed::VariableReference>(&one->node)) {
      const typed::Block block = (*variables_)[reference->variable].block;
      found = found || block == typed::Block::parameters || block == typed::Block::transformed_parameters;
    }
  });
  return found;
}

StatementPtr Checker::target_increment(const ast::ExpressionPtr& tree, bool is_jacobian, Span span) {
  ExpressionPtr value = expression(tree);
  if (is_jacobian) {
    const bool is_allowed =
        in_function_ ? function_->name.ends_with("_jacobian") : block_ == BlockKind::transformed_parameters;
    if (!is_allowed) {
      error(span, "jacobian-elsewhere",
            "`jacobian` can be incremented only in transformed parameters and in functions whose names end in "
            "`_jacobian`");
      return nullptr;
    }
  } else if (!adds_to_density()) {
    error(span, "target-outside-model",
          "`target` can be incremented only in the model block and in functions whose names end in `_lp`");
    return nullptr;
  }
  if (value->type.is_error()) return nullptr;
  if (value->type.base == Base::none) {
    error(value->span, "void-value", "this has no value");
    return nullptr;
  }
  if (value->type.parts) {
    error(value->span, "not-a-scalar", "a tuple cannot be added to the density");
    return nullptr;
  }
  if (is_jacobian) return make_statement(typed::TargetIncrement{promote(value, {Base::real, 0}), true}, span);
  Statements terms = density_terms(value);
  if (terms.size() > 1) return make_statement(typed::Sequence{std::move(terms)}, span);
  return make_statement(terms.front()->node, span);
}

// A sum of log densities and constants is one statement for each: each may draw its variable.
Checker::Statements Checker::density_terms(const ExpressionPtr& value) {
  Statements terms;
  const auto add = [&](const ExpressionPtr& term) {
    terms.push_back(make_statement(typed::TargetIncrement{promote(term, {Base::real, 0})}, term->span));
  };
  const std::function<bool(const ExpressionPtr&)> split = [&](const ExpressionPtr& term) {
    if (const auto* sum = std::get_if<typed::BuiltinCall>(&term->node);
        sum && term->type.is_scalar() && !is_constant(term)) {
      if (sum->builtin == typed::Builtin::add) return split(sum->arguments[0]) && split(sum->arguments[1]);
      if (sum->builtin == typed::Builtin::subtract && is_constant(sum->arguments[1]))
        return split(sum->arguments[0]) &&
               split(make(typed::BuiltinCall{typed::Builtin::negate, {sum->arguments[1]}, ""}, sum->arguments[1]->type,
                          sum->arguments[1]->span));
    }
    if (const auto* promoted = std::get_if<typed::Promote>(&term->node)) return split(promoted->operand);
    const auto* density = std::get_if<typed::DistributionCall>(&term->node);
    add(term);
    return (density && density->function == typed::DistributionFunction::log_density) || is_constant(term);
  };
  if (split(value)) return terms;
  terms.clear();
  add(value);
  return terms;
}

void Checker::add_statement(const ast::StatementPtr& tree, Statements& into) {
  Statements* const outer = std::exchange(before_, &into);
  StatementPtr last = one_statement(tree);
  before_ = outer;
  if (last) into.push_back(std::move(last));
}

StatementPtr Checker::statement(const ast::StatementPtr& tree) {
  Statements list;
  add_statement(tree, list);
  if (list.empty()) return nullptr;
  return list.size() == 1 ? list.front() : make_statement(typed::Sequence{std::move(list)}, tree->span);
}

StatementPtr Checker::one_statement(const ast::StatementPtr& tree) {
  const Span span = tree->span;
  if (const auto* node = std::get_if<ast::Declaration>(&tree->node)) return declaration(*node, span);
  if (const auto* node = std::get_if<ast::Assignment>(&tree->node)) return assignment(*node, span);
  if (const auto* node = std::get_if<ast::Tilde>(&tree->node)) return tilde(*node, span);
  if (const auto* node = std::get_if<ast::TargetIncrement>(&tree->node))
    return target_increment(node->value, node->is_jacobian, span);
  if (const auto* node = std::get_if<ast::For>(&tree->node)) return for_loop(*node, span);
  if (const auto* node = std::get_if<ast::ForEach>(&tree->node)) return for_each(*node, span);
  if (const auto* node = std::get_if<ast::While>(&tree->node)) {
    Statements* const before = std::exchange(before_, nullptr); // what is evaluated each time anew
    ExpressionPtr condition = real(node->condition, "a condition");
    note_real_condition(condition);
    before_ = before;
    return make_statement(typed::While{condition, loop_body(node->body)}, span);
  }
  if (const auto* node = std::get_if<ast::If>(&tree->node)) {
    ExpressionPtr condition = real(node->condition, "a condition");
    note_real_condition(condition);
    const auto branch = [&](const ast::StatementPtr& body) -> StatementPtr {
      if (!body) return nullptr;
      scopes_.emplace_back();
      ++nesting_;
      StatementPtr checked = statement(body);
      --nesting_;
      scopes_.pop_back();
      return checked ? checked : make_statement(typed::Sequence{}, body->span);
    };
    StatementPtr then_body = branch(node->then_body);
    return make_statement(typed::If{condition, then_body, branch(node->else_body)}, span);
  }
  if (std::holds_alternative<ast::Break>(tree->node) || std::holds_alternative<ast::Continue>(tree->node)) {
    const bool is_break = std::holds_alternative<ast::Break>(tree->node);
    if (loop_depth_ == 0) {
      error(span, "jump-outside-loop", is_break ? "`break` belongs in a loop" : "`continue` belongs in a loop");
      return nullptr;
    }
    return is_break ? make_statement(typed::Break{}, span) : make_statement(typed::Continue{}, span);
  }
  if (const auto* node = std::get_if<ast::Return>(&tree->node)) return return_statement(*node, span);
  if (const auto* node = std::get_if<ast::Block>(&tree->node)) {
    scopes_.emplace_back();
    ++nesting_;
    Statements inner = statements(node->statements);
    --nesting_;
    scopes_.pop_back();
    return make_statement(typed::Sequence{std::move(inner)}, span);
  }
  if (const auto* node = std::get_if<ast::Print>(&tree->node))
    return make_statement(typed::Print{printed(node->arguments)}, span);
  if (const auto* node = std::get_if<ast::Reject>(&tree->node))
    return make_statement(typed::Reject{printed(node->arguments)}, span);
  if (const auto* node = std::get_if<ast::CallStatement>(&tree->node)) {
    if (const auto* old = std::get_if<ast::Call>(&node->call->node);
        old && old->function.name == "increment_log_prob" && old->arguments.size() == 1 &&
        !names_.has_function(old->function.name)) {
      note_old("old-increment", span, "`increment_log_prob(x)` is written `target += x` today");
      return target_increment(old->arguments[0], false, span);
    }
    ExpressionPtr call = expression(node->call);
    if (call->type.is_error()) return nullptr;
    if (call->type.base != Base::none) {
      Diagnostic& diagnostic = error(span, "unused-value", "this value is not used");
      if (const auto* binary = std::get_if<ast::Binary>(&node->call->node);
          binary && binary->op == ast::BinaryOperator::equal)
        diagnostic.fix = Fix{binary->operator_span, "=", "write `=` to assign"};
      return nullptr;
    }
    return make_statement(typed::CallStatement{call}, span);
  }
  return nullptr;
}

bool Checker::always_returns(const StatementPtr& statement) {
  if (!statement) return false;
  if (std::holds_alternative<typed::Return>(statement->node) || std::holds_alternative<typed::Reject>(statement->node))
    return true;
  if (const auto* sequence = std::get_if<typed::Sequence>(&statement->node)) {
    for (const auto& one : sequence->statements)
      if (always_returns(one)) return true;
    return false;
  }
  if (const auto* branch = std::get_if<typed::If>(&statement->node))
    return always_returns(branch->then_body) && always_returns(branch->else_body);
  return false;
}

} // namespace sibyl::checking
