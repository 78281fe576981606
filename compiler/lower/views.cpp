#include "compiler/lower/lowering.hpp"

#include "lang/errors.hpp"

namespace sibyl::lower {

using ir::MathFunction;
using ir::Op;
using typed::Builtin;
using typed::ExpressionPtr;
using typed::IndexItem;

void Lowering::loop(const std::vector<ValueId>& sizes, const std::function<void(const std::vector<ValueId>&)>& body) {
  std::vector<ValueId> index;
  std::function<void(std::size_t)> nest = [&](std::size_t dimension) {
    if (dimension == sizes.size()) return body(index);
    b_.for_(b_.integer(0), b_.subtract(sizes[dimension], b_.integer(1)), [&](ValueId i) {
      index.push_back(i);
      nest(dimension + 1);
      index.pop_back();
    });
  };
  nest(0);
}

// A text that is equal for equal sizes: constants, and variables that never change.
std::string Lowering::size_key(const ExpressionPtr& size) const {
  if (const auto* literal = std::get_if<typed::IntegerLiteral>(&size->node)) return std::to_string(literal->value);
  const auto* reference = std::get_if<typed::VariableReference>(&size->node);
  if (!reference || frames_.back() != &program_frame_) return "";
  const typed::Variable& one = variable(reference->variable);
  const bool is_data =
      !one.is_local && (one.block == typed::Block::data || one.block == typed::Block::transformed_data);
  return is_data && !context_.changing.contains(reference->variable) ? one.name : "";
}

void Lowering::require_same_size(ValueId a, ValueId b, const std::string& key_a, const std::string& key_b,
                                 const std::string& what, Span span) {
  if (a == b || (!key_a.empty() && key_a == key_b)) return;
  b_.check(b_.compare(Op::equal, a, b), message(what, span), {a, b});
}

ValueId Lowering::position(ValueId index, ValueId size, const std::string& key, const std::string& name, Span span) {
  const auto range = in_range_.find(index);
  const auto constant = b_.constant(index);
  const bool fits = (range != in_range_.end() && !key.empty() && range->second.size_key == key) ||
                    (constant && *constant >= 1 && b_.constant(size) && *constant <= *b_.constant(size));
  if (!fits) {
    const std::string of = name.empty() ? "the index" : "the index of `" + name + "`";
    const ValueId inside =
        b_.logical_and(b_.compare(Op::greater_equal, index, b_.integer(1)), b_.compare(Op::less_equal, index, size));
    b_.check(inside, message(of + " is {}, must be in 1..{}", span), {index, size});
  }
  return b_.subtract(index, b_.integer(1));
}

ir::ArrayId Lowering::declare_local(const std::string& name, ir::Type type, const std::vector<ValueId>& sizes,
                                    const std::string& what) {
  element_count(sizes, what, b_.span());
  const ir::ArrayId array = b_.array(name, type, static_cast<int>(sizes.size()));
  b_.declare(array, sizes);
  return array;
}

View Lowering::array_view(ir::ArrayId array, typed::VariableId id) {
  const typed::Variable& declared = variable(id);
  View result;
  result.name = declared.name;
  result.is_integer = declared.type.base == Base::integer;
  result.array_rank = declared.type.array_rank;
  for (int d = 0; d < declared.type.rank(); ++d) {
    const auto position_of = static_cast<std::size_t>(d);
    const ExpressionPtr size = position_of < declared.sizes.size() ? declared.sizes[position_of] : nullptr;
    const auto* literal = size ? std::get_if<typed::IntegerLiteral>(&size->node) : nullptr;
    result.sizes.push_back(literal ? b_.integer(static_cast<std::int32_t>(literal->value)) : b_.array_size(array, d));
    result.size_keys.push_back(size ? size_key(size) : "");
  }
  result.element = ArrayElement{&b_, array};
  return result;
}

std::vector<ValueId> Lowering::joined(std::vector<ValueId> outer, const std::vector<ValueId>& inner) {
  outer.insert(outer.end(), inner.begin(), inner.end());
  return outer;
}

View Lowering::element_of(const View& all, const std::vector<ValueId>& index) {
  const auto outer = static_cast<std::ptrdiff_t>(index.size());
  View one = all;
  one.sizes.erase(one.sizes.begin(), one.sizes.begin() + outer);
  one.size_keys.erase(one.size_keys.begin(), one.size_keys.begin() + outer);
  one.array_rank = std::max(0, all.array_rank - static_cast<int>(outer));
  one.element = [element = all.element, index](const std::vector<ValueId>& inner) {
    return element(joined(index, inner));
  };
  return one;
}

View Lowering::materialize(const View& source) {
  const ir::ArrayId array =
      declare_local("temporary", source.is_integer ? ir::Type::integer : ir::Type::real, source.sizes);
  loop(source.sizes, [&](const std::vector<ValueId>& index) { b_.store(array, source.element(index), index); });
  View result = source;
  result.is_cheap = true;
  result.element = ArrayElement{&b_, array};
  return result;
}

View Lowering::view(const ExpressionPtr& expression) {
  const Level level(expression_depth_, deepest_expression, expression->span);
  b_.set_span(expression->span);
  if (const auto* reference = std::get_if<typed::VariableReference>(&expression->node)) {
    const Storage& where = storage(reference->variable);
    if (const auto* array = std::get_if<InArray>(&where)) return array_view(array->array, reference->variable);
    if (const auto* bound = std::get_if<AsView>(&where)) return bound->view;
    throw InternalError("`" + variable(reference->variable).name + "` has no storage in " + function_.name);
  }
  if (const auto* call = std::get_if<typed::BuiltinCall>(&expression->node)) return builtin_view(*call, expression);
  if (const auto* index = std::get_if<typed::Index>(&expression->node))
    return indexed(view(index->base), index->items, expression->span);
  if (const auto* promote = std::get_if<typed::Promote>(&expression->node)) {
    View result = view(promote->operand);
    result.is_integer = false;
    result.element = [this, inner = result.element](const std::vector<ValueId>& index) {
      return b_.to_real(inner(index));
    };
    return result;
  }
  if (const auto* call = std::get_if<typed::FunctionCall>(&expression->node)) {
    if (!call->elementwise) {
      const std::vector<Storage> arguments = argument_storage(*call->function, call->arguments);
      arguments_ = &call->arguments;
      return call_view(*call->function, arguments, expression->span);
    }
    return elementwise(
        call->arguments, expression->type, expression->span,
        [this, call](const std::vector<ValueId>& values) {
          std::vector<Storage> arguments;
          for (const ValueId value : values) arguments.push_back(AsValue{value});
          return call_scalar(*call->function, arguments);
        },
        false);
  }
  if (const auto* call = std::get_if<typed::SolverCall>(&expression->node))
    return solver_view(*call, expression->type, expression->span);
  if (const auto* call = std::get_if<typed::DistributionCall>(&expression->node))
    return draws_view(*call, expression->type);
  if (const auto* array = std::get_if<typed::ArrayLiteral>(&expression->node))
    return literal(array->elements, false, expression->type);
  if (const auto* row = std::get_if<typed::RowVectorLiteral>(&expression->node))
    return literal(row->elements, true, expression->type);
  if (const auto* choice = std::get_if<typed::Conditional>(&expression->node)) return chosen(*choice, expression->type);
  throw InternalError("an expression that is no container");
}

// Only the side that is chosen may be evaluated (`n > 1 ? head(x, n - 1) : x`): first for its sizes, then for its
// elements.
View Lowering::chosen(const typed::Conditional& choice, const Type& type) {
  const ValueId condition = boolean(choice.condition);
  View result;
  std::vector<ir::CellId> sizes;
  for (int d = 0; d < type.rank(); ++d) sizes.push_back(b_.cell("size", ir::Type::integer));
  const auto measure = [&](const ExpressionPtr& side) {
    const View one = view(side);
    for (std::size_t d = 0; d < sizes.size(); ++d) b_.store_cell(sizes[d], one.sizes[d]);
    if (result.size_keys.empty()) result.size_keys = one.size_keys;
    for (std::size_t d = 0; d < sizes.size(); ++d)
      if (result.size_keys[d] != one.size_keys[d]) result.size_keys[d].clear();
  };
  b_.if_(condition, [&] { measure(choice.if_true); }, [&] { measure(choice.if_false); });
  for (const ir::CellId size : sizes) result.sizes.push_back(b_.load_cell(size));
  const ir::ArrayId array = declare_local("chosen", type_of(type), result.sizes);
  const auto copy = [&](const ExpressionPtr& side) {
    const View one = view(side);
    loop(one.sizes, [&](const std::vector<ValueId>& index) { b_.store(array, one.element(index), index); });
  };
  b_.if_(condition, [&] { copy(choice.if_true); }, [&] { copy(choice.if_false); });
  result.is_integer = type.base == Base::integer;
  result.array_rank = type.array_rank;
  result.element = [this, array](const std::vector<ValueId>& index) { return b_.load(array, index); };
  return result;
}

View Lowering::elementwise(const std::vector<ExpressionPtr>& arguments, const Type& type, Span span,
                           const std::function<ValueId(const std::vector<ValueId>&)>& combine, bool is_cheap) {
  struct Operand {
    std::optional<View> view;
    ValueId value = ir::none;
  };
  std::vector<Operand> operands;
  View result;
  for (const auto& argument : arguments) {
    Operand operand;
    if (argument->type.is_scalar()) {
      operand.value = scalar(argument);
    } else {
      operand.view = view(argument);
      is_cheap = is_cheap && operand.view->is_cheap;
      if (result.sizes.empty()) {
        result.sizes = operand.view->sizes;
        result.size_keys = operand.view->size_keys;
      } else {
        for (std::size_t d = 0; d < result.sizes.size(); ++d)
          require_same_size(result.sizes[d], operand.view->sizes[d], result.size_keys[d], operand.view->size_keys[d],
                            "the sizes do not match: {} and {}", span);
      }
    }
    operands.push_back(std::move(operand));
  }
  result.is_integer = type.base == Base::integer;
  result.array_rank = type.array_rank;
  result.is_cheap = is_cheap;
  result.element = [operands, combine](const std::vector<ValueId>& index) {
    std::vector<ValueId> values;
    for (const Operand& operand : operands)
      values.push_back(operand.view ? operand.view->element(index) : operand.value);
    return combine(values);
  };
  return result;
}

View Lowering::literal(const std::vector<ExpressionPtr>& elements, bool is_row_vector, const Type& type) {
  View result;
  result.is_integer = type.base == Base::integer;
  result.array_rank = type.array_rank;
  const auto count = static_cast<std::int32_t>(elements.size());
  result.sizes = {b_.integer(count)};
  result.size_keys = {std::to_string(count)};
  const bool nested = !elements.front()->type.is_scalar();
  std::vector<View> rows;
  if (nested) {
    for (const auto& element : elements) rows.push_back(view(element));
    for (const View& row : rows)
      for (std::size_t d = 0; d < row.sizes.size(); ++d)
        require_same_size(rows[0].sizes[d], row.sizes[d], rows[0].size_keys[d], row.size_keys[d],
                          "the rows have {} and {} elements", elements.front()->span);
    result.sizes.insert(result.sizes.end(), rows[0].sizes.begin(), rows[0].sizes.end());
    result.size_keys.insert(result.size_keys.end(), rows[0].size_keys.begin(), rows[0].size_keys.end());
  }
  (void)is_row_vector;
  const ir::ArrayId array =
      declare_local("literal", result.is_integer ? ir::Type::integer : ir::Type::real, result.sizes);
  for (std::int32_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (!nested) {
      b_.store(array, scalar(elements[at]), {b_.integer(i)});
      continue;
    }
    loop(rows[at].sizes, [&](const std::vector<ValueId>& index) {
      std::vector<ValueId> place{b_.integer(i)};
      place.insert(place.end(), index.begin(), index.end());
      b_.store(array, rows[at].element(index), place);
    });
  }
  result.element = [this, array](const std::vector<ValueId>& index) { return b_.load(array, index); };
  return result;
}

View Lowering::slice(const View& base, ValueId first, ValueId size) {
  View result = base;
  result.sizes[0] = size;
  result.size_keys[0].clear();
  if (const auto constant = b_.constant(size))
    result.size_keys[0] = std::to_string(static_cast<std::int64_t>(*constant));
  result.element = [this, inner = base.element, first](std::vector<ValueId> index) {
    index[0] = b_.add(index[0], first);
    return inner(index);
  };
  return result;
}

View Lowering::indexed(View base, const std::vector<IndexItem>& items, Span span) {
  // For each dimension of the base: a fixed position, or a function from the result's position.
  struct Dimension {
    std::optional<ValueId> fixed;
    std::function<ValueId(ValueId)> map;
  };
  std::vector<Dimension> dimensions;
  View result;
  result.is_integer = base.is_integer;
  result.is_cheap = base.is_cheap;
  result.name = base.name;
  result.array_rank = base.array_rank;
  for (std::size_t d = 0; d < base.sizes.size(); ++d) {
    Dimension dimension;
    const ValueId size = base.sizes[d];
    const std::string& key = base.size_keys[d];
    if (d >= items.size() || items[d].kind == IndexItem::Kind::all) {
      dimension.map = [](ValueId i) { return i; };
      result.sizes.push_back(size);
      result.size_keys.push_back(key);
    } else if (items[d].kind == IndexItem::Kind::single) {
      dimension.fixed = position(scalar(items[d].first), size, key, base.name, items[d].first->span);
      if (static_cast<int>(d) < base.array_rank) --result.array_rank;
    } else if (items[d].kind == IndexItem::Kind::multiple) {
      const View list = view(items[d].first);
      const Span place = items[d].first->span;
      result.sizes.push_back(list.sizes[0]);
      result.size_keys.push_back(list.size_keys[0]);
      dimension.map = [this, list, size, key, place, name = base.name](ValueId i) {
        return position(list.element({i}), size, key, name, place);
      };
    } else {
      const ValueId first = items[d].first ? scalar(items[d].first) : b_.integer(1);
      const bool open = items[d].kind == IndexItem::Kind::from;
      const ValueId last = open ? size : scalar(items[d].second);
      const ValueId is_empty = b_.compare(Op::less, last, first);
      // The difference of ends far apart wraps: in an empty range it must not count.
      const ValueId count = b_.select(is_empty, b_.integer(0), b_.add(b_.subtract(last, first), b_.integer(1)));
      const ValueId inside =
          b_.logical_and(b_.compare(Op::greater_equal, first, b_.integer(1)), b_.compare(Op::less_equal, last, size));
      b_.check(b_.logical_or(is_empty, inside),
               message("the range " + std::string(base.name.empty() ? "" : "of `" + base.name + "` ") +
                                    "is {}:{}, must be in 1..{}",
                                span),
               {first, last, size});
      const ValueId shift = b_.subtract(first, b_.integer(1));
      dimension.map = [this, shift](ValueId i) { return b_.add(i, shift); };
      result.sizes.push_back(count);
      const auto constant = b_.constant(count);
      result.size_keys.push_back(constant ? std::to_string(static_cast<std::int64_t>(*constant)) : "");
    }
    dimensions.push_back(std::move(dimension));
  }
  result.element = [dimensions, inner = base.element](const std::vector<ValueId>& index) {
    std::vector<ValueId> full;
    std::size_t next = 0;
    for (const Dimension& dimension : dimensions)
      full.push_back(dimension.fixed ? *dimension.fixed : dimension.map(index[next++]));
    return inner(full);
  };
  return result;
}

View Lowering::flat(const View& base) {
  if (base.sizes.size() == 1) return base;
  View result = base;
  const bool is_matrix = base.array_rank == 0 && base.sizes.size() == 2;
  result.sizes = {element_count(base.sizes, base.name.empty() ? "the container" : "`" + base.name + "`", b_.span())};
  result.size_keys = {""};
  result.array_rank = is_matrix ? 0 : 1;
  result.element = [this, base, is_matrix](const std::vector<ValueId>& index) {
    std::vector<ValueId> full(base.sizes.size());
    ValueId rest = index[0];
    if (is_matrix) return base.element({b_.modulo(rest, base.sizes[0]), b_.divide(rest, base.sizes[0])});
    for (std::size_t d = base.sizes.size(); d-- > 0;) {
      full[d] = d == 0 ? rest : b_.modulo(rest, base.sizes[d]);
      rest = b_.divide(rest, base.sizes[d]);
    }
    return base.element(full);
  };
  return result;
}

// Products of vectors and matrices: each element is a sum, so the operands must be cheap and the result is kept.
View Lowering::product(const typed::BuiltinCall& call, Span span) {
  View left = view(call.arguments[0]), right = view(call.arguments[1]);
  if (!left.is_cheap) left = materialize(left);
  if (!right.is_cheap) right = materialize(right);
  const Base a = call.arguments[0]->type.base, b = call.arguments[1]->type.base;
  if (a == Base::vector) { // outer product
    View result;
    result.sizes = {left.sizes[0], right.sizes[0]};
    result.size_keys = {left.size_keys[0], right.size_keys[0]};
    result.element = [this, left, right](const std::vector<ValueId>& i) {
      return b_.multiply(left.element({i[0]}), right.element({i[1]}));
    };
    return result;
  }
  const std::size_t inner = a == Base::matrix ? 1 : 0;
  require_same_size(left.sizes[inner], right.sizes[0], left.size_keys[inner], right.size_keys[0],
                    "the inner sizes of the product do not match: {} and {}", span);
  View result;
  if (a == Base::matrix) {
    result.sizes.push_back(left.sizes[0]);
    result.size_keys.push_back(left.size_keys[0]);
  }
  if (b == Base::matrix) {
    result.sizes.push_back(right.sizes[1]);
    result.size_keys.push_back(right.size_keys[1]);
  }
  const auto sum = [&](const std::vector<ValueId>& index) {
    const ir::CellId total = b_.cell("product", ir::Type::real);
    b_.store_cell(total, b_.real(0));
    b_.for_(b_.integer(0), b_.subtract(left.sizes[inner], b_.integer(1)), [&](ValueId k) {
      const ValueId x = a == Base::matrix ? left.element({index[0], k}) : left.element({k});
      const ValueId y = b == Base::matrix ? right.element({k, index.back()}) : right.element({k});
      b_.store_cell(total, b_.add(b_.load_cell(total), b_.multiply(x, y)));
    });
    return b_.load_cell(total);
  };
  if (result.sizes.empty()) {
    const ValueId value = sum({});
    result.element = [value](const std::vector<ValueId>&) { return value; };
    return result;
  }
  const ir::ArrayId array = declare_local("product", ir::Type::real, result.sizes);
  loop(result.sizes, [&](const std::vector<ValueId>& index) { b_.store(array, sum(index), index); });
  result.element = [this, array](const std::vector<ValueId>& index) { return b_.load(array, index); };
  return result;
}

} // namespace sibyl::lower
