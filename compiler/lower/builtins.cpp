#include "compiler/lower/lowering.hpp"

#include "lang/errors.hpp"

namespace sibyl::lower {

using ir::MathFunction;
using ir::Op;
using typed::Builtin;
using typed::ExpressionPtr;

View Lowering::to_matrix(const typed::BuiltinCall& call, Span span) {
  const Type given = call.arguments[0]->type;
  View base = view(call.arguments[0]);
  View result = base;
  result.is_integer = false;
  result.array_rank = 0;
  const auto real = [this](ValueId value) { return b_.to_real(value); };
  if (call.arguments.size() == 1) {
    if (given.base_rank() == 1 && given.array_rank == 0) {
      const bool is_column = given.base == Base::vector;
      result.sizes.insert(is_column ? result.sizes.end() : result.sizes.begin(), b_.integer(1));
      result.size_keys.insert(is_column ? result.size_keys.end() : result.size_keys.begin(), "1");
      result.element = [inner = base.element, is_column](const std::vector<ValueId>& i) {
        return inner({i[is_column ? 0 : 1]});
      };
    } else {
      result.element = [inner = base.element, real](const std::vector<ValueId>& i) { return real(inner(i)); };
    }
    return result;
  }
  base = flat(base);
  const ValueId rows = size(call.arguments[1], "the number of rows"),
                columns = size(call.arguments[2], "the number of columns");
  const ValueId by_columns = call.arguments.size() == 4
                                 ? b_.compare(Op::not_equal, scalar(call.arguments[3]), b_.integer(0))
                                 : b_.boolean(true);
  const ValueId count = element_count({rows, columns}, "the matrix", span);
  b_.check(b_.compare(Op::equal, count, base.sizes[0]),
           message("{} rows and {} columns were asked for, but there are {} elements", span),
           {rows, columns, base.sizes[0]});
  result.sizes = {rows, columns};
  result.size_keys = {size_key(call.arguments[1]), size_key(call.arguments[2])};
  result.element = [this, inner = base.element, rows, columns, by_columns, real](const std::vector<ValueId>& i) {
    const ValueId down = b_.add(b_.multiply(i[1], rows), i[0]), across = b_.add(b_.multiply(i[0], columns), i[1]);
    return real(inner({b_.select(by_columns, down, across)}));
  };
  return result;
}

View Lowering::builtin_view(const typed::BuiltinCall& call, const ExpressionPtr& expression) {
  const Type type = expression->type;
  const Span span = expression->span;
  const auto constant_view = [&](ValueId value, std::size_t first_size) {
    View result;
    for (std::size_t i = first_size; i < call.arguments.size(); ++i) {
      result.sizes.push_back(size(call.arguments[i]));
      result.size_keys.push_back(size_key(call.arguments[i]));
    }
    result.is_integer = type.base == Base::integer;
    result.array_rank = type.array_rank;
    result.element = [value](const std::vector<ValueId>&) { return value; };
    return result;
  };
  switch (call.builtin) {
  case Builtin::negate:
    return elementwise(
        call.arguments, type, span, [this](const auto& x) { return b_.negate(x[0]); }, true);
  case Builtin::absolute: {
    const bool integers = type.base == Base::integer;
    return elementwise(
        call.arguments, type, span,
        [this, integers](const auto& x) {
          return integers ? b_.maximum(x[0], b_.negate(x[0])) : b_.math(MathFunction::fabs, {x[0]});
        },
        true);
  }
  case Builtin::multiply:
    if (!call.arguments[0]->type.is_scalar() && !call.arguments[1]->type.is_scalar()) return product(call, span);
    [[fallthrough]];
  case Builtin::add:
  case Builtin::subtract:
  case Builtin::divide:
  case Builtin::elementwise_multiply:
  case Builtin::elementwise_divide:
  case Builtin::elementwise_power:
    return elementwise(
        call.arguments, type, span,
        [this, builtin = call.builtin](const auto& x) { return apply(builtin, x[0], x[1]); },
        call.builtin != Builtin::elementwise_power);
  case Builtin::math:
    return elementwise(
        call.arguments, type, span, [this, name = call.math](const auto& x) { return math(name, x); }, false);
  case Builtin::transpose: {
    View result = view(call.arguments[0]);
    if (result.sizes.size() == 2) {
      std::swap(result.sizes[0], result.sizes[1]);
      std::swap(result.size_keys[0], result.size_keys[1]);
      result.element = [inner = result.element](const std::vector<ValueId>& i) { return inner({i[1], i[0]}); };
    }
    return result;
  }
  case Builtin::rep_vector:
  case Builtin::rep_row_vector: return constant_view(scalar(call.arguments[0]), 1);
  case Builtin::rep_matrix:
    if (call.arguments.size() == 3) return constant_view(scalar(call.arguments[0]), 1);
    [[fallthrough]];
  case Builtin::rep_array: {
    if (call.arguments[0]->type.is_scalar()) return constant_view(scalar(call.arguments[0]), 1);
    const View inner = view(call.arguments[0]);
    View result = constant_view(ir::none, 1);
    const std::size_t outer = result.sizes.size();
    const bool columns = call.builtin == Builtin::rep_matrix && call.arguments[0]->type.base == Base::vector;
    if (columns) {
      result.sizes.insert(result.sizes.begin(), inner.sizes[0]);
      result.size_keys.insert(result.size_keys.begin(), inner.size_keys[0]);
      result.element = [inner](const std::vector<ValueId>& i) { return inner.element({i[0]}); };
      return result;
    }
    result.sizes.insert(result.sizes.end(), inner.sizes.begin(), inner.sizes.end());
    result.size_keys.insert(result.size_keys.end(), inner.size_keys.begin(), inner.size_keys.end());
    result.element = [inner, outer](const std::vector<ValueId>& i) {
      return inner.element({i.begin() + static_cast<std::ptrdiff_t>(outer), i.end()});
    };
    return result;
  }
  case Builtin::to_vector:
  case Builtin::to_row_vector: {
    View result = flat(view(call.arguments[0]));
    result.array_rank = 0;
    if (result.is_integer) {
      result.is_integer = false;
      result.element = [this, inner = result.element](const std::vector<ValueId>& i) { return b_.to_real(inner(i)); };
    }
    return result;
  }
  case Builtin::to_array_1d: {
    View result = flat(view(call.arguments[0]));
    result.array_rank = 1;
    return result;
  }
  case Builtin::to_array_2d: {
    View result = view(call.arguments[0]);
    result.array_rank = 2;
    return result;
  }
  case Builtin::to_matrix: return to_matrix(call, span);
  case Builtin::dims: {
    const View base = view(call.arguments[0]);
    const auto rank = static_cast<std::int32_t>(base.sizes.size());
    View result;
    result.sizes = {b_.integer(rank)};
    result.size_keys = {std::to_string(rank)};
    result.is_integer = true;
    result.array_rank = 1;
    const ir::ArrayId array = declare_local("dims", ir::Type::integer, result.sizes);
    for (std::int32_t d = 0; d < rank; ++d) b_.store(array, base.sizes[static_cast<std::size_t>(d)], {b_.integer(d)});
    result.element = [this, array](const std::vector<ValueId>& i) { return b_.load(array, i); };
    return result;
  }
  case Builtin::append_row:
  case Builtin::append_col:
  case Builtin::append_array: {
    const auto part = [&](const ExpressionPtr& argument) {
      if (!argument->type.is_scalar()) return view(argument);
      View one;
      const ValueId value = b_.to_real(scalar(argument));
      one.sizes = {b_.integer(1)};
      one.size_keys = {"1"};
      one.element = [value](const std::vector<ValueId>&) { return value; };
      return one;
    };
    View first = part(call.arguments[0]), second = part(call.arguments[1]);
    const bool is_matrix = type == Type{Base::matrix, 0};
    const std::size_t joined = is_matrix && call.builtin == Builtin::append_col ? 1 : 0;
    const auto widen = [&](View& one, std::size_t missing) { // a row or column beside matrices
      if (!is_matrix || one.sizes.size() == 2) return;
      one.sizes.insert(one.sizes.begin() + static_cast<std::ptrdiff_t>(missing), b_.integer(1));
      one.size_keys.insert(one.size_keys.begin() + static_cast<std::ptrdiff_t>(missing), "1");
      one.element = [inner = one.element, missing](const std::vector<ValueId>& i) { return inner({i[1 - missing]}); };
    };
    widen(first, joined);
    widen(second, joined);
    View result = first;
    result.name.clear();
    for (std::size_t d = 0; d < first.sizes.size(); ++d)
      if (d != joined)
        require_same_size(first.sizes[d], second.sizes[d], first.size_keys[d], second.size_keys[d],
                          "the sizes do not match: {} and {}", span);
    result.sizes[joined] = checked_sum(first.sizes[joined], second.sizes[joined], span);
    result.size_keys[joined].clear();
    const ir::ArrayId array = declare_local("joined", type_of(type), result.sizes);
    loop(first.sizes, [&](const std::vector<ValueId>& i) { b_.store(array, first.element(i), i); });
    loop(second.sizes, [&](const std::vector<ValueId>& i) {
      std::vector<ValueId> place = i;
      place[joined] = b_.add(i[joined], first.sizes[joined]);
      b_.store(array, second.element(i), place);
    });
    result.is_cheap = true;
    result.element = [this, array](const std::vector<ValueId>& i) { return b_.load(array, i); };
    return result;
  }
  case Builtin::given_value:
  case Builtin::given_jacobian: return given(call);
  case Builtin::head:
  case Builtin::tail:
  case Builtin::segment: {
    const View base = view(call.arguments[0]);
    const ValueId count = size(call.arguments.back(), "the number of elements");
    const bool from_end = call.builtin == Builtin::tail;
    const ValueId first = call.builtin == Builtin::segment ? b_.subtract(scalar(call.arguments[1]), b_.integer(1))
                          : from_end                       ? b_.subtract(base.sizes[0], count)
                                                           : b_.integer(0);
    // Without a sum, which may wrap: what is behind `first` wraps only where `first` is already refused.
    const ValueId inside = b_.logical_and(b_.compare(Op::greater_equal, first, b_.integer(0)),
                                          b_.compare(Op::less_equal, count, b_.subtract(base.sizes[0], first)));
    b_.check(inside, message("{} elements were asked for, but there are {}", span), {count, base.sizes[0]});
    return slice(base, first, count);
  }
  case Builtin::row:
  case Builtin::col:
  case Builtin::block: {
    const View base = view(call.arguments[0]);
    if (call.builtin == Builtin::block) {
      const ValueId row = position(scalar(call.arguments[1]), base.sizes[0], "", base.name, span);
      const ValueId column = position(scalar(call.arguments[2]), base.sizes[1], "", base.name, span);
      View result = base;
      result.sizes = {size(call.arguments[3], "the number of rows"), size(call.arguments[4], "the number of columns")};
      result.size_keys = {"", ""};
      const ValueId rows_left = b_.subtract(base.sizes[0], row), columns_left = b_.subtract(base.sizes[1], column);
      const ValueId fits = b_.logical_and(b_.compare(Op::less_equal, result.sizes[0], rows_left),
                                          b_.compare(Op::less_equal, result.sizes[1], columns_left));
      b_.check(fits, message("the block of {} rows and {} columns does not fit", span),
               {result.sizes[0], result.sizes[1]});
      result.element = [this, inner = base.element, row, column](const std::vector<ValueId>& i) {
        return inner({b_.add(i[0], row), b_.add(i[1], column)});
      };
      return result;
    }
    const bool is_row = call.builtin == Builtin::row;
    const ValueId fixed = position(scalar(call.arguments[1]), base.sizes[is_row ? 0 : 1],
                                   base.size_keys[is_row ? 0 : 1], base.name, span);
    View result = base;
    result.sizes = {base.sizes[is_row ? 1 : 0]};
    result.size_keys = {base.size_keys[is_row ? 1 : 0]};
    result.element = [inner = base.element, fixed, is_row](const std::vector<ValueId>& i) {
      return is_row ? inner({fixed, i[0]}) : inner({i[0], fixed});
    };
    return result;
  }
  case Builtin::diagonal: {
    const View base = view(call.arguments[0]);
    View result = base;
    result.sizes = {b_.minimum(base.sizes[0], base.sizes[1])};
    result.size_keys = {base.size_keys[0] == base.size_keys[1] ? base.size_keys[0] : ""};
    result.element = [inner = base.element](const std::vector<ValueId>& i) { return inner({i[0], i[0]}); };
    return result;
  }
  default: throw InternalError("a primitive that is no container");
  }
}

} // namespace sibyl::lower
