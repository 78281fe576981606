#include "lang/check/checker.hpp"
#include "lang/check/primitives.hpp"
#include "lang/edit_distance.hpp"
#include "lang/typed_walk.hpp"

#include <algorithm>
#include <utility>

namespace sibyl::checking {

using typed::ExpressionPtr;

ExpressionPtr make(decltype(typed::Expression::node) node, Type type, Span span) {
  return std::make_shared<const typed::Expression>(typed::Expression{std::move(node), type, span});
}

ExpressionPtr poison(Span span) { return make(typed::IntegerLiteral{}, {Base::error, 0}, span); }

bool converts(Type from, Type to) {
  if (from.is_error() || to.is_error() || from == to) return true;
  if (from.parts && to.parts && from.array_rank == to.array_rank && from.parts->size() == to.parts->size())
    return std::equal(from.parts->begin(), from.parts->end(), to.parts->begin(), converts);
  return from.base == Base::integer && to.base == Base::real && from.array_rank == to.array_rank;
}

ExpressionPtr promote(ExpressionPtr expression, Type target) {
  if (const auto* tuple = std::get_if<typed::Tuple>(&expression->node); tuple && target.parts) {
    std::vector<ExpressionPtr> elements;
    for (std::size_t i = 0; i < tuple->elements.size(); ++i)
      elements.push_back(promote(tuple->elements[i], part_type(target, i)));
    return make_tuple(std::move(elements), expression->type.array_rank, expression->span);
  }
  if (expression->type.base != Base::integer || target.base == Base::integer || target.is_error()) return expression;
  const Type type{Base::real, expression->type.array_rank};
  const Span span = expression->span;
  return make(typed::Promote{std::move(expression)}, type, span);
}

std::optional<std::int64_t> constant_integer(const ExpressionPtr& expression) {
  if (!expression) return std::nullopt;
  if (const auto* literal = std::get_if<typed::IntegerLiteral>(&expression->node))
    return expression->type.is_error() ? std::nullopt : std::optional(literal->value);
  if (const auto* call = std::get_if<typed::BuiltinCall>(&expression->node);
      call && call->builtin == typed::Builtin::negate && expression->type.base == Base::integer)
    if (const auto value = constant_integer(call->arguments[0])) return -*value;
  return std::nullopt;
}

Diagnostic mistake(Span place, std::string code, std::string message, std::string label) {
  Diagnostic diagnostic;
  diagnostic.code = std::move(code);
  diagnostic.message = std::move(message);
  diagnostic.primary = {place, std::move(label)};
  return diagnostic;
}

Diagnostic& Checker::error(Span place, std::string code, std::string message, std::string label) {
  diagnostics_.push_back(mistake(place, std::move(code), std::move(message), std::move(label)));
  return diagnostics_.back();
}

void Checker::note_old(const char* code, Span place, const std::string& message, std::optional<Fix> fix) {
  for (const Diagnostic& one : diagnostics_)
    if (one.code == code) return;
  Diagnostic warning = mistake(place, code, message);
  warning.severity = Severity::warning;
  warning.fix = std::move(fix);
  diagnostics_.push_back(std::move(warning));
}

void Checker::require_new_name(const std::string& name, Span place) {
  for (const auto& scope : scopes_) {
    const auto earlier = scope.find(name);
    if (earlier == scope.end()) continue;
    error(place, "redeclared-variable", "`" + name + "` is declared twice", "")
        .secondary.push_back({(*variables_)[earlier->second].span, "declared here before"});
    break;
  }
}

typed::VariableId Checker::declare(typed::Variable variable) {
  require_new_name(variable.name, variable.span);
  const auto id = static_cast<typed::VariableId>(variables_->size());
  scopes_.back()[variable.name] = id;
  variables_->push_back(std::move(variable));
  return id;
}

std::optional<typed::VariableId> Checker::find_variable(const std::string& name) const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
    if (const auto found = scope->find(name); found != scope->end()) return found->second;
  return std::nullopt;
}

std::vector<std::string> Checker::visible_variables() const {
  std::vector<std::string> names;
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
    for (const auto& [name, id] : *scope) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

std::string Checker::describe(const ExpressionPtr& expression) const {
  if (const auto* reference = std::get_if<typed::VariableReference>(&expression->node)) {
    const typed::Variable& variable = (*variables_)[reference->variable];
    if (!variable.type_text.empty()) return "`" + variable.type_text + "`";
  }
  return "`" + to_string(expression->type) + "`";
}

void Checker::label_declaration(Diagnostic& diagnostic, const ExpressionPtr& expression) const {
  if (const auto* reference = std::get_if<typed::VariableReference>(&expression->node)) {
    const typed::Variable& variable = (*variables_)[reference->variable];
    diagnostic.secondary.push_back({variable.span, "`" + variable.name + "` is declared here"});
  }
}

ExpressionPtr Checker::expression(const ast::ExpressionPtr& tree) {
  const Span span = expansion_ ? expansion_->span : tree->span;
  return std::visit(
      [&](const auto& node) -> ExpressionPtr {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, ast::IntegerLiteral>)
          return make(typed::IntegerLiteral{node.value}, {Base::integer, 0}, span);
        else if constexpr (std::is_same_v<Node, ast::RealLiteral>)
          return make(typed::RealLiteral{node.value}, {Base::real, 0}, span);
        else if constexpr (std::is_same_v<Node, ast::StringLiteral>) {
          error(span, "misplaced-string", "a string can only be printed", "strings belong in `print` and `reject`");
          return poison(span);
        } else if constexpr (std::is_same_v<Node, ast::VariableReference>) return variable(node, span);
        else if constexpr (std::is_same_v<Node, ast::Unary>) return unary(node, span);
        else if constexpr (std::is_same_v<Node, ast::Binary>) return binary(node, span);
        else if constexpr (std::is_same_v<Node, ast::Transpose>) return transpose(node, span);
        else if constexpr (std::is_same_v<Node, ast::Conditional>) return conditional(node, span);
        else if constexpr (std::is_same_v<Node, ast::Parenthesized>) return expression(node.inner);
        else if constexpr (std::is_same_v<Node, ast::Index>) return index(node, span);
        else if constexpr (std::is_same_v<Node, ast::Call>) return call(node, span);
        else if constexpr (std::is_same_v<Node, ast::ArrayLiteral>) return array_literal(node, span);
        else if constexpr (std::is_same_v<Node, ast::TupleLiteral>) return tuple_literal(node, span);
        else if constexpr (std::is_same_v<Node, ast::TuplePart>) return tuple_part(node, span);
        else return row_vector_literal(node, span);
      },
      tree->node);
}

ExpressionPtr Checker::variable(const ast::VariableReference& reference, Span span) {
  if (expansion_) return expansion_->given.at(reference.name);
  if (const auto id = find_variable(reference.name)) {
    used_.insert(*id);
    if (const auto tuple = tuples_.find(*id); tuple != tuples_.end()) {
      for (const ExpressionPtr& leaf : leaves(tuple->second))
        if (const auto* part = std::get_if<typed::VariableReference>(&leaf->node)) used_.insert(part->variable);
      return with_leaves(tuple->second, tuple->second->type.array_rank,
                         [&](const ExpressionPtr& leaf) { return make(leaf->node, leaf->type, span); });
    }
    return make(typed::VariableReference{*id}, (*variables_)[*id].type, span);
  }
  const Primitive* primitive = find_primitive(reference.name);
  if (names_.has_function(reference.name) || (primitive && !primitive->library_only)) {
    error(span, "function-as-variable", "`" + reference.name + "` is a function",
          "call it: `" + reference.name + "(...)`");
    return poison(span);
  }
  if (const auto elsewhere = declared_anywhere_.find(reference.name); elsewhere != declared_anywhere_.end()) {
    error(span, "variable-out-of-scope", "`" + reference.name + "` is not visible here")
        .secondary.push_back({elsewhere->second, "declared here"});
    return poison(span);
  }
  Diagnostic& diagnostic = error(span, "undeclared-variable", "`" + reference.name + "` is not declared");
  if (const auto nearest = nearest_name(reference.name, visible_variables())) {
    diagnostic.fix = Fix{span, *nearest, "did you mean `" + *nearest + "`?"};
    diagnostic.secondary.push_back(
        {(*variables_)[*find_variable(*nearest)].span, "`" + *nearest + "` is declared here"});
  }
  return poison(span);
}

ExpressionPtr Checker::integer(const ast::ExpressionPtr& tree, const std::string& what) {
  ExpressionPtr value = expression(tree);
  if (!value->type.is_error() && value->type != Type{Base::integer, 0}) {
    error(value->span, "not-an-integer", what + " must be an int, but this is " + describe(value));
    return poison(value->span);
  }
  return value;
}

ExpressionPtr Checker::real(const ast::ExpressionPtr& tree, const std::string& what) {
  ExpressionPtr value = expression(tree);
  if (!value->type.is_error() && !value->type.is_scalar()) {
    error(value->span, "not-a-scalar", what + " must be a number, but this is " + describe(value));
    return poison(value->span);
  }
  return value;
}

std::vector<typed::IndexItem> Checker::index_items(const std::vector<ast::IndexItem>& items) {
  std::vector<typed::IndexItem> checked;
  for (const ast::IndexItem& item : items) {
    typed::IndexItem one;
    one.span = item.span;
    using AstKind = ast::IndexItem::Kind;
    using Kind = typed::IndexItem::Kind;
    switch (item.kind) {
    case AstKind::all: one.kind = Kind::all; break;
    case AstKind::from: one.kind = Kind::from; break;
    case AstKind::up_to: one.kind = Kind::up_to; break;
    case AstKind::between: one.kind = Kind::between; break;
    case AstKind::single: one.kind = Kind::single; break;
    }
    if (item.kind == AstKind::single) {
      one.first = expression(item.first);
      if (one.first->type == Type{Base::integer, 1}) one.kind = Kind::multiple;
      else if (!one.first->type.is_error() && one.first->type != Type{Base::integer, 0}) {
        error(item.first->span, "index-not-integer", "an index must be an int, but this is " + describe(one.first));
        one.first = poison(item.first->span);
      }
    } else {
      if (item.first) one.first = integer(item.first, "an index");
      if (item.second) one.second = integer(item.second, "an index");
    }
    checked.push_back(std::move(one));
  }
  return checked;
}

Type Checker::indexed_type(Type base, const std::vector<typed::IndexItem>& items, Span span) {
  if (base.is_error()) return base;
  for (const auto& item : items)
    if ((item.first && item.first->type.is_error()) || (item.second && item.second->type.is_error()))
      return {Base::error, 0};
  if (static_cast<int>(items.size()) > base.rank()) {
    const std::string dimensions = base.rank() == 1 ? "1 dimension" : std::to_string(base.rank()) + " dimensions";
    error(span, "too-many-indexes",
          base.rank() == 0 ? "`" + to_string(base) + "` cannot be indexed"
                           : "`" + to_string(base) + "` has " + dimensions + ", but here are " +
                                 std::to_string(items.size()) + " indexes");
    return {Base::error, 0};
  }
  int array_rank = base.array_rank;
  std::size_t i = 0;
  for (; i < items.size() && static_cast<int>(i) < base.array_rank; ++i)
    if (items[i].kind == typed::IndexItem::Kind::single) --array_rank;
  Base result = base.base;
  const std::size_t left = items.size() - i;
  const auto is_single = [&](std::size_t k) { return items[k].kind == typed::IndexItem::Kind::single; };
  if (left == 1) {
    if (base.base == Base::matrix) result = is_single(i) ? Base::row_vector : Base::matrix;
    else result = is_single(i) ? Base::real : base.base;
  } else if (left == 2) {
    result = is_single(i) ? (is_single(i + 1) ? Base::real : Base::row_vector)
                          : (is_single(i + 1) ? Base::vector : Base::matrix);
  }
  return {result, array_rank, base.parts};
}

void Checker::check_constant_index(const ExpressionPtr& base, const std::vector<typed::IndexItem>& items) {
  const auto* reference = std::get_if<typed::VariableReference>(&base->node);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].kind != typed::IndexItem::Kind::single) continue;
    const auto value = constant_integer(items[i].first);
    if (!value) continue;
    if (*value < 1) {
      error(items[i].first->span, "index-below-one", "indexes begin at 1, but this one is " + std::to_string(*value));
    } else if (reference) {
      const typed::Variable& variable = (*variables_)[reference->variable];
      if (i >= variable.sizes.size()) continue;
      if (const auto size = constant_integer(variable.sizes[i]); size && *value > *size)
        error(items[i].first->span, "index-out-of-range",
              "index " + std::to_string(*value) + " is out of range: `" + variable.name + "` has " +
                  std::to_string(*size) + (*size == 1 ? " element" : " elements") + " here")
            .secondary.push_back({variable.span, "declared as `" + variable.type_text + "`"});
    }
  }
}

ExpressionPtr Checker::index(const ast::Index& index, Span span) {
  ExpressionPtr base = expression(index.base);
  std::vector<typed::IndexItem> items = index_items(index.items);
  const Type type = indexed_type(base->type, items, span);
  if (type.is_error()) return poison(span);
  return with_leaves(base, type.array_rank, [&](const ExpressionPtr& leaf) { return indexed(leaf, items, span); });
}

ExpressionPtr Checker::indexed(const ExpressionPtr& base, const std::vector<typed::IndexItem>& items, Span span) {
  const Type type = indexed_type(base->type, items, span);
  check_constant_index(base, items);
  // `a[i][j]` is `a[i, j]`.
  if (const auto* outer = std::get_if<typed::Index>(&base->node))
    if (std::all_of(outer->items.begin(), outer->items.end(),
                    [](const auto& item) { return item.kind == typed::IndexItem::Kind::single; })) {
      std::vector<typed::IndexItem> all = outer->items;
      all.insert(all.end(), items.begin(), items.end());
      return make(typed::Index{outer->base, std::move(all)}, type, span);
    }
  return make(typed::Index{base, items}, type, span);
}

ExpressionPtr Checker::conditional(const ast::Conditional& tree, Span span) {
  ExpressionPtr condition = integer(tree.condition, "a condition");
  Statements* const before = std::exchange(before_, nullptr);
  ExpressionPtr if_true = expression(tree.if_true), if_false = expression(tree.if_false);
  before_ = before;
  if (condition->type.is_error() || if_true->type.is_error() || if_false->type.is_error()) return poison(span);
  Type type = if_true->type;
  if (type != if_false->type) {
    if (converts(type, if_false->type)) type = if_false->type;
    else if (!converts(if_false->type, type)) {
      error(span, "conditional-types",
            "both sides of `? :` must have one type, but they are " + describe(if_true) + " and " + describe(if_false));
      return poison(span);
    }
  }
  if_true = promote(if_true, type);
  if_false = promote(if_false, type);
  if (!type.parts) return make(typed::Conditional{condition, if_true, if_false}, type, span);
  const auto others = leaves(if_false);
  return with_leaves(if_true, type.array_rank, [&, i = std::size_t{0}](const ExpressionPtr& leaf) mutable {
    return make(typed::Conditional{condition, leaf, others[i++]}, leaf->type, span);
  });
}

// Of the elements of a literal, those that are literals themselves: false after a diagnostic.
bool Checker::have_one_size(const std::vector<ast::ExpressionPtr>& elements) {
  std::optional<std::size_t> first;
  for (const ast::ExpressionPtr& element : elements) {
    const auto* array = std::get_if<ast::ArrayLiteral>(&element->node);
    const auto* row = std::get_if<ast::RowVectorLiteral>(&element->node);
    if (!array && !row) continue;
    const std::size_t size = array ? array->elements.size() : row->elements.size();
    if (!first) first = size;
    if (size == *first) continue;
    error(element->span, "ragged-literal",
          "this has " + std::to_string(size) + (size == 1 ? " element" : " elements") +
              " where the one before it has " + std::to_string(*first));
    return false;
  }
  return true;
}

ExpressionPtr Checker::array_literal(const ast::ArrayLiteral& literal, Span span) {
  if (literal.elements.empty()) {
    error(span, "empty-literal", "an array needs at least one element here");
    return poison(span);
  }
  std::vector<ExpressionPtr> elements;
  if (!have_one_size(literal.elements)) return poison(span);
  Type type{Base::error, 0};
  for (const auto& element : literal.elements) {
    elements.push_back(expression(element));
    const Type one = elements.back()->type;
    if (one.is_error()) return poison(span);
    if (type.is_error() || converts(type, one)) type = one;
    else if (!converts(one, type)) {
      error(element->span, "mixed-literal",
            "the elements of an array must have one type, but here are `" + to_string(type) + "` and " +
                describe(elements.back()));
      return poison(span);
    }
  }
  if (type.rank() >= most_dimensions) {
    error(span, "too-many-dimensions",
          "an array has at most " + std::to_string(most_dimensions) + " dimensions, but here are more");
    return poison(span);
  }
  for (ExpressionPtr& element : elements) element = promote(element, type);
  if (type.parts) {
    std::vector<std::vector<ExpressionPtr>> each;
    for (const ExpressionPtr& element : elements) each.push_back(leaves(element));
    return with_leaves(elements.front(), type.array_rank + 1,
                       [&, i = std::size_t{0}](const ExpressionPtr& leaf) mutable {
                         std::vector<ExpressionPtr> list;
                         for (const auto& one : each) list.push_back(one[i]);
                         ++i;
                         return make(typed::ArrayLiteral{std::move(list)},
                                     {leaf->type.base, leaf->type.array_rank + 1}, span);
                       });
  }
  return make(typed::ArrayLiteral{std::move(elements)}, {type.base, type.array_rank + 1}, span);
}

ExpressionPtr Checker::row_vector_literal(const ast::RowVectorLiteral& literal, Span span) {
  if (literal.elements.empty()) {
    error(span, "empty-literal", "a row vector needs at least one element here");
    return poison(span);
  }
  std::vector<ExpressionPtr> elements;
  if (!have_one_size(literal.elements)) return poison(span);
  bool of_rows = false;
  for (const auto& element : literal.elements) {
    ExpressionPtr value = expression(element);
    if (value->type.is_error()) return poison(span);
    const bool is_row = value->type == Type{Base::row_vector, 0};
    if ((!is_row && !value->type.is_scalar()) || (!elements.empty() && is_row != of_rows)) {
      error(element->span, "mixed-literal",
            "`[...]` holds numbers or row vectors of one kind, but this is " + describe(value));
      return poison(span);
    }
    of_rows = is_row;
    elements.push_back(is_row ? value : promote(value, {Base::real, 0}));
  }
  return make(typed::RowVectorLiteral{std::move(elements)}, {of_rows ? Base::matrix : Base::row_vector, 0}, span);
}

} // namespace sibyl::checking
