// Elements of computed containers.
#include "compiler/generative/interleaving.hpp"
#include "compiler/generative/tree_building.hpp"

namespace sibyl::generative {

namespace {

Type element_type(const Type& type) {
  if (type.array_rank > 0) return {type.base, type.array_rank - 1};
  return {type.base == Base::matrix ? Base::row_vector : Base::real, 0};
}

ExpressionPtr at(const ExpressionPtr& container, const ExpressionPtr& position) {
  return make_expression(typed::Index{container, {{IndexItem::Kind::single, position, nullptr, position->span}}},
                         element_type(container->type), container->span);
}

// position + (first - 1)
ExpressionPtr moved(const ExpressionPtr& position, const ExpressionPtr& first) {
  const auto* literal = std::get_if<typed::IntegerLiteral>(&first->node);
  if (literal && literal->value == 1) return position;
  const Span span = first->span;
  const ExpressionPtr shift = literal ? whole_number(literal->value - 1, span)
                                      : builtin(Builtin::subtract, {first, whole_number(1, span)}, integer, span);
  return builtin(Builtin::add, {position, shift}, integer, span);
}

ExpressionPtr element_of_index(const typed::Index& index, const ExpressionPtr& whole, const ExpressionPtr& position) {
  // The first dimension that is left is the one that `position` counts.
  for (std::size_t i = 0; i < index.items.size(); ++i) {
    const IndexItem& item = index.items[i];
    ExpressionPtr place;
    switch (item.kind) {
    case IndexItem::Kind::single: continue;
    case IndexItem::Kind::all:
    case IndexItem::Kind::up_to: place = position; break;
    case IndexItem::Kind::from:
    case IndexItem::Kind::between: place = moved(position, item.first); break;
    case IndexItem::Kind::multiple: place = at(item.first, position); break;
    }
    typed::Index copy = index;
    copy.items[i] = {IndexItem::Kind::single, place, nullptr, item.span};
    return make_expression(std::move(copy), element_type(whole->type), whole->span);
  }
  typed::Index longer = index;
  longer.items.push_back({IndexItem::Kind::single, position, nullptr, position->span});
  return make_expression(std::move(longer), element_type(whole->type), whole->span);
}

} // namespace

ExpressionPtr element_of(const ExpressionPtr& container, const ExpressionPtr& position) {
  if (container->type.is_scalar()) return container;
  const Type type = element_type(container->type);
  if (const auto* index = std::get_if<typed::Index>(&container->node))
    return element_of_index(*index, container, position);
  if (const auto* promote = std::get_if<typed::Promote>(&container->node))
    return make_expression(typed::Promote{element_of(promote->operand, position)}, type, container->span);
  const auto of_elements = [&](auto call) {
    for (ExpressionPtr& one : call.arguments) one = element_of(one, position);
    return make_expression(std::move(call), type, container->span);
  };
  if (const auto* call = std::get_if<typed::FunctionCall>(&container->node))
    return call->elementwise && type.is_scalar() ? of_elements(*call) : at(container, position);
  const auto* call = std::get_if<typed::BuiltinCall>(&container->node);
  if (!call) return at(container, position);
  const ExpressionPtr& first = call->arguments.front();
  typed::BuiltinCall scalar = *call;
  switch (call->builtin) {
  case Builtin::rep_vector:
  case Builtin::rep_row_vector: return first;
  case Builtin::rep_array: return call->arguments.size() == 2 ? first : at(container, position);
  case Builtin::to_vector:
  case Builtin::to_row_vector:
  case Builtin::to_array_1d: return first->type.rank() == 1 ? element_of(first, position) : at(container, position);
  case Builtin::transpose: return first->type.rank() == 1 ? element_of(first, position) : at(container, position);
  case Builtin::multiply: {
    const Type left = first->type, right = call->arguments[1]->type;
    if (left.base == Base::matrix && right.base == Base::vector) { // a row of it times the vector
      scalar.arguments[0] = at(first, position);
      return make_expression(std::move(scalar), type, container->span);
    }
    if (!left.is_scalar() && !right.is_scalar()) return at(container, position);
    break;
  }
  case Builtin::divide:
    if (!call->arguments[1]->type.is_scalar()) return at(container, position);
    break;
  case Builtin::elementwise_multiply: scalar.builtin = Builtin::multiply; break;
  case Builtin::elementwise_divide: scalar.builtin = Builtin::divide; break;
  case Builtin::elementwise_power: scalar.builtin = Builtin::power; break;
  case Builtin::power:
  case Builtin::negate:
  case Builtin::add:
  case Builtin::subtract:
  case Builtin::absolute:
  case Builtin::math: break;
  default: return at(container, position);
  }
  return type.is_scalar() ? of_elements(std::move(scalar)) : at(container, position);
}

} // namespace sibyl::generative
