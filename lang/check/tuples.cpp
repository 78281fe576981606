// Tuples are taken apart where they are checked: a variable of tuple type is one variable for each part (`t:1`, `t:2`),
// an array of tuples one array for each, an argument several arguments. What returns a tuple is evaluated into local
// variables before the statement that it stands in.
#include "lang/check/checker.hpp"
#include "lang/typed_rewrite.hpp"
#include "lang/typed_walk.hpp"

#include <algorithm>
#include <utility>

namespace sibyl::checking {

using typed::ExpressionPtr;
using typed::make_statement;
using typed::StatementPtr;

ExpressionPtr make_tuple(std::vector<ExpressionPtr> elements, int array_rank, Span span) {
  std::vector<Type> parts;
  for (const ExpressionPtr& one : elements) {
    parts.push_back(one->type);
    parts.back().array_rank -= array_rank;
  }
  return make(typed::Tuple{std::move(elements)}, tuple_type(parts, array_rank), span);
}

ExpressionPtr with_leaves(const ExpressionPtr& expression, int array_rank,
                          const std::function<ExpressionPtr(const ExpressionPtr&)>& of_leaf) {
  const auto* tuple = std::get_if<typed::Tuple>(&expression->node);
  if (!tuple) return of_leaf(expression);
  std::vector<ExpressionPtr> elements;
  for (const ExpressionPtr& one : tuple->elements)
    elements.push_back(with_leaves(one, array_rank + one->type.array_rank - expression->type.array_rank, of_leaf));
  return make_tuple(std::move(elements), array_rank, expression->span);
}

namespace {

// The same tuple with these leaves.
ExpressionPtr tuple_of(const Type& type, const std::vector<ExpressionPtr>& leaves, std::size_t& next, Span span) {
  if (!type.parts) return leaves[next++];
  std::vector<ExpressionPtr> elements;
  for (std::size_t i = 0; i < type.parts->size(); ++i)
    elements.push_back(tuple_of(part_type(type, i), leaves, next, span));
  return make_tuple(std::move(elements), type.array_rank, span);
}

// The number of its place: `t:2`, `t:2:1`.
void add_names(const Type& type, const std::string& name, std::vector<std::string>& names) {
  if (!type.parts) return names.push_back(name);
  for (std::size_t i = 0; i < type.parts->size(); ++i)
    add_names(part_type(type, i), name + ":" + std::to_string(i + 1), names);
}

// The variable at the root of what is assigned; nothing where there is none.
const ast::VariableReference* root(const ast::ExpressionPtr& tree) {
  if (const auto* index = std::get_if<ast::Index>(&tree->node)) return root(index->base);
  if (const auto* part = std::get_if<ast::TuplePart>(&tree->node)) return root(part->operand);
  if (const auto* inner = std::get_if<ast::Parenthesized>(&tree->node)) return root(inner->inner);
  return std::get_if<ast::VariableReference>(&tree->node);
}

} // namespace

ExpressionPtr Checker::tuple_literal(const ast::TupleLiteral& literal, Span span) {
  std::vector<ExpressionPtr> elements;
  for (const ast::ExpressionPtr& one : literal.elements) {
    elements.push_back(expression(one));
    const Type type = elements.back()->type;
    if (type.is_error()) return poison(span);
    if (type.base == Base::none) {
      error(one->span, "void-value", "this has no value");
      return poison(span);
    }
  }
  return make_tuple(std::move(elements), 0, span);
}

ExpressionPtr Checker::tuple_part(const ast::TuplePart& part, Span span) {
  const ExpressionPtr whole = expression(part.operand);
  if (whole->type.is_error()) return poison(span);
  const auto* tuple = std::get_if<typed::Tuple>(&whole->node);
  if (!tuple || whole->type.array_rank > 0) {
    Diagnostic& diagnostic = error(span, "part-of-no-tuple", "only a tuple has parts, but this is " + describe(whole));
    if (tuple)
      diagnostic.notes.push_back("index the array first: `" + std::string(source_.slice(part.operand->span)) + "[i]." +
                                 std::to_string(part.number) + "`");
    return poison(span);
  }
  if (part.number < 1 || part.number > static_cast<std::int64_t>(tuple->elements.size())) {
    error(span, "no-such-part",
          "`" + to_string(whole->type) + "` has parts 1 to " + std::to_string(tuple->elements.size()) +
              ", but here is " + std::to_string(part.number));
    return poison(span);
  }
  return tuple->elements[static_cast<std::size_t>(part.number) - 1];
}

typed::VariableId Checker::hidden_variable(const std::string& name, Type type, Span span) {
  typed::Variable variable{.name = name, .type = type};
  variable.block = in_function_ ? typed::Block::function : typed::Block::model;
  variable.is_local = true;
  variable.span = span;
  variable.type_text = to_string(type);
  const auto id = static_cast<typed::VariableId>(variables_->size());
  variables_->push_back(std::move(variable));
  used_.insert(id);
  return id;
}

ExpressionPtr Checker::evaluated_before(const ExpressionPtr& call) {
  const std::string& name = std::get<typed::FunctionCall>(call->node).function->name;
  if (!before_) {
    error(call->span, "misplaced-tuple",
          "`" + name + "` returns a tuple, which must be given to a variable before it is used here");
    return poison(call->span);
  }
  const std::vector<Type> types = leaf_types(call->type);
  std::vector<std::string> names;
  add_names(call->type, name, names);
  const std::uint32_t evaluation = evaluations_++;
  std::vector<ExpressionPtr> references;
  Statements parts;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const typed::VariableId id = hidden_variable(names[i], types[i], call->span);
    parts.push_back(make_statement(
        typed::Declaration{id, make(typed::CallPart{call, i, evaluation}, types[i], call->span)}, call->span));
    references.push_back(make(typed::VariableReference{id}, types[i], call->span));
  }
  before_->push_back(make_statement(typed::Sequence{std::move(parts)}, call->span));
  std::size_t next = 0;
  return tuple_of(call->type, references, next, call->span);
}

void Checker::name_tuple(const std::string& name, Span place, ExpressionPtr tuple, typed::VariableId first) {
  require_new_name(name, place);
  scopes_.back()[name] = first;
  tuples_[first] = std::move(tuple);
}

// Declares a variable for each part and returns their tuple; the declarations go before the statement.
ExpressionPtr Checker::declare_parts(const ast::SizedType& type, const std::string& name, Span place,
                                     const ExpressionPtr& initializer, Span span) {
  if (type.parts.empty()) {
    std::string text;
    if (!type.array_sizes.empty()) {
      for (const ast::ExpressionPtr& size : type.array_sizes)
        text += (text.empty() ? "array[" : ", ") + std::string(source_.slice(size->span));
      text += "] ";
    }
    const typed::VariableId id = declare_one(type, name, place, text + std::string(source_.slice(type.span)), true);
    const Type declared = (*variables_)[id].type;
    if (declared.is_error()) return poison(span);
    before_->push_back(make_statement(typed::Declaration{id, initializer}, span));
    return make(typed::VariableReference{id}, declared, place);
  }
  std::vector<ExpressionPtr> elements;
  const auto* tuple = initializer ? std::get_if<typed::Tuple>(&initializer->node) : nullptr;
  for (std::size_t i = 0; i < type.parts.size(); ++i) {
    ast::SizedType part = type.parts[i];
    // The span of the element type alone, in front of which stand the sizes of both arrays.
    if (!part.array_sizes.empty()) {
      std::uint32_t begin = part.array_sizes.back()->span.end;
      while (begin < part.span.end && source_.text()[begin] != ']') ++begin;
      for (++begin; begin < part.span.end && source_.text()[begin] == ' '; ++begin) {
      }
      part.span.begin = std::min(begin, part.span.end);
    }
    part.array_sizes.insert(part.array_sizes.begin(), type.array_sizes.begin(), type.array_sizes.end());
    elements.push_back(
        declare_parts(part, name + ":" + std::to_string(i + 1), place, tuple ? tuple->elements[i] : nullptr, span));
    if (elements.back()->type.is_error()) return poison(span);
  }
  return make_tuple(std::move(elements), static_cast<int>(type.array_sizes.size()), place);
}

namespace {

// What is declared, as far as values fit it.
Type declared_tuple(const ast::SizedType& type) {
  if (type.parts.empty()) return type_of(type);
  std::vector<Type> parts;
  for (const ast::SizedType& one : type.parts) parts.push_back(declared_tuple(one));
  return tuple_type(parts, static_cast<int>(type.array_sizes.size()));
}

} // namespace

StatementPtr Checker::tuple_declaration(const ast::Declaration& tree, Span span) {
  ExpressionPtr initializer;
  if (tree.initializer) {
    const Type type = declared_tuple(tree.type);
    initializer = expression(tree.initializer);
    check_initializer(initializer, tree.name.name, type, std::string(source_.slice(tree.type.span)));
    if (initializer->type.is_error() || !converts(initializer->type, type)) initializer = nullptr;
    else initializer = promote(initializer, type);
  }
  const ExpressionPtr tuple = declare_parts(tree.type, tree.name.name, tree.name.span, initializer, span);
  if (tuple->type.is_error()) return nullptr;
  const typed::VariableId first = std::get<typed::VariableReference>(leaves(tuple).front()->node).variable;
  name_tuple(tree.name.name, tree.name.span, tuple, first);
  return nullptr;
}

// A name for each argument as declared.
void Checker::declare_arguments(const typed::Function& function) {
  std::size_t next = 0;
  for (const Type& type : function.signature) {
    const typed::VariableId first = function.arguments[next];
    const typed::Variable& variable = function.variables[first];
    const std::string name = variable.name.substr(0, variable.name.find(':'));
    if (scopes_.back().contains(name))
      error(variable.span, "redeclared-variable", "the argument `" + name + "` is declared twice");
    scopes_.back()[name] = first;
    if (!type.parts) {
      ++next;
      continue;
    }
    std::vector<ExpressionPtr> references;
    for (const Type& leaf : leaf_types(type))
      references.push_back(make(typed::VariableReference{function.arguments[next++]}, leaf, variable.span));
    std::size_t at = 0;
    tuples_[first] = tuple_of(type, references, at, variable.span);
  }
}

bool Checker::assigns_tuple(const ast::ExpressionPtr& target) const {
  if (std::holds_alternative<ast::TupleLiteral>(target->node) || std::holds_alternative<ast::TuplePart>(target->node))
    return true;
  if (const auto* index = std::get_if<ast::Index>(&target->node)) return assigns_tuple(index->base);
  if (const auto* inner = std::get_if<ast::Parenthesized>(&target->node)) return assigns_tuple(inner->inner);
  const auto* name = std::get_if<ast::VariableReference>(&target->node);
  const auto id = name ? find_variable(name->name) : std::nullopt;
  return id && tuples_.contains(*id);
}

StatementPtr Checker::tuple_assignment(const ast::Assignment& tree, const ExpressionPtr& given, Span span) {
  // What stands for a loop's variable is no variable of its own.
  const std::function<bool(const ast::ExpressionPtr&)> is_assignable = [&](const ast::ExpressionPtr& target) {
    if (const auto* inner = std::get_if<ast::Parenthesized>(&target->node)) return is_assignable(inner->inner);
    if (const auto* tuple = std::get_if<ast::TupleLiteral>(&target->node))
      return std::all_of(tuple->elements.begin(), tuple->elements.end(), is_assignable);
    const ast::VariableReference* name = root(target);
    const auto id = name ? find_variable(name->name) : std::nullopt;
    return !id || !(*variables_)[*id].is_loop_variable || may_be_assigned((*variables_)[*id], target->span);
  };
  if (!is_assignable(tree.target)) return nullptr;
  const ExpressionPtr target = expression(tree.target);
  if (target->type.is_error() || given->type.is_error()) return nullptr;
  ExpressionPtr value = given;
  if (tree.op != ast::AssignmentOperator::assign) {
    if (target->type.parts) {
      error(span, "operator-types", "a tuple is only assigned as a whole, by `=`");
      return nullptr;
    }
    value = combined(tree.op, target, value, span);
    if (value->type.is_error()) return nullptr;
  }
  if (!converts(value->type, target->type)) {
    error(value->span, "assignment-types",
          "this is " + describe(value) + ", but `" + std::string(source_.slice(tree.target->span)) + "` is `" +
              to_string(target->type) + "`");
    return nullptr;
  }
  std::vector<ExpressionPtr> values = leaves(promote(value, target->type));
  const std::vector<ExpressionPtr> targets = leaves(target);
  std::vector<typed::Assignment> assignments;
  std::vector<typed::VariableId> assigned;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    typed::Assignment one;
    ExpressionPtr base = targets[i];
    if (const auto* index = std::get_if<typed::Index>(&base->node)) {
      one.indices = index->items;
      base = index->base;
    }
    const auto* reference = std::get_if<typed::VariableReference>(&base->node);
    if (!reference) {
      error(tree.target->span, "not-assignable", "only variables and their elements can be assigned");
      return nullptr;
    }
    for (std::size_t j = 0; j < i; ++j)
      if (typed::are_same(targets[i], targets[j])) {
        error(targets[i]->span, "assigned-twice", "this is assigned twice at once");
        return nullptr;
      }
    if (!may_be_assigned((*variables_)[reference->variable], targets[i]->span)) return nullptr;
    one.variable = reference->variable;
    assigned.push_back(reference->variable);
    assignments.push_back(std::move(one));
  }
  // All values are there before the first is stored: `(a, b) = (b, a)`.
  const auto reads = [&](const ExpressionPtr& one) {
    bool found = false;
    typed::for_each_expression(one, [&](const ExpressionPtr& part) {
      const auto* reference = std::get_if<typed::VariableReference>(&part->node);
      found =
          found || (reference && std::find(assigned.begin(), assigned.end(), reference->variable) != assigned.end());
    });
    return found;
  };
  if (values.size() > 1 && std::any_of(values.begin(), values.end(), reads)) {
    Statements kept;
    for (ExpressionPtr& one : values) {
      const typed::VariableId id = hidden_variable("aside", one->type, one->span);
      kept.push_back(make_statement(typed::Declaration{id, one}, span));
      one = make(typed::VariableReference{id}, one->type, one->span);
    }
    before_->push_back(make_statement(typed::Sequence{std::move(kept)}, span));
  }
  for (std::size_t i = 0; i < assignments.size(); ++i) {
    assignments[i].value = values[i];
    before_->push_back(make_statement(std::move(assignments[i]), span));
  }
  return nullptr;
}

// `for (t in ts)`: t is each element in turn, found by its position.
StatementPtr Checker::for_each_tuple(const ast::ForEach& tree, const ExpressionPtr& container, Span span) {
  const Span place = tree.variable.span;
  scopes_.emplace_back();
  typed::Variable position{.name = tree.variable.name, .type = {Base::integer, 0}};
  position.is_local = position.is_loop_variable = true;
  position.span = place;
  const typed::VariableId id = declare(std::move(position));
  used_.insert(id);
  typed::IndexItem item;
  item.first = make(typed::VariableReference{id}, {Base::integer, 0}, place);
  item.span = place;
  tuples_[id] = with_leaves(container, container->type.array_rank - 1,
                            [&](const ExpressionPtr& leaf) { return indexed(leaf, {item}, place); });
  const ExpressionPtr size = make(typed::BuiltinCall{typed::Builtin::size, {leaves(container).front()}, ""},
                                  {Base::integer, 0}, container->span);
  StatementPtr body = loop_body(tree.body);
  scopes_.pop_back();
  return make_statement(typed::For{id, make(typed::IntegerLiteral{1}, {Base::integer, 0}, container->span), size, body},
                        span);
}

} // namespace sibyl::checking
