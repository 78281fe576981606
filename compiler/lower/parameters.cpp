// Between the parameters as they are declared and the unconstrained vector, by the transforms of the standard library;
// and whether values are constrained as they are declared.
#include "compiler/lower/lowering.hpp"

#include "lang/errors.hpp"

namespace sibyl::lower {

using ir::Binding;
using ir::Op;
using typed::ExpressionPtr;
using typed::StatementPtr;
using typed::VariableId;

namespace {

// A bound as the transform calls it.
ExpressionPtr bound_named(const typed::Variable& declared, const std::string& name) {
  if (name == "lower") return declared.lower;
  if (name == "upper") return declared.upper;
  return name == "offset" ? declared.offset : declared.multiplier;
}

} // namespace

// Calls `body` for every element in the order of Stan's unconstrained vector: arrays row by row, matrices column by
// column.
void Lowering::in_stan_order(const typed::Variable& declared, const std::vector<ValueId>& sizes,
                             const std::function<void(const std::vector<ValueId>&)>& body) {
  if (declared.type.base != Base::matrix) return loop(sizes, body);
  std::vector<ValueId> swapped = sizes;
  std::swap(swapped[swapped.size() - 1], swapped[swapped.size() - 2]);
  loop(swapped, [&](std::vector<ValueId> index) {
    std::swap(index[index.size() - 1], index[index.size() - 2]);
    body(index);
  });
}

Lowering::ElementBound Lowering::element_bound(VariableId id, const ExpressionPtr& bound) {
  const typed::Variable& declared = variable(id);
  const bool is_real = declared.type.base != Base::integer;
  if (bound->type.is_scalar()) {
    const ValueId value = is_real ? b_.to_real(scalar(bound)) : scalar(bound);
    return [value](const std::vector<ValueId>&) { return value; };
  }
  View given = view(bound);
  if (!given.is_cheap) given = materialize(given);
  const View bounded = array_view(std::get<InArray>(storage(id)).array, id);
  for (std::size_t d = 0; d < given.sizes.size(); ++d)
    require_same_size(bounded.sizes[d], given.sizes[d], bounded.size_keys[d], given.size_keys[d],
                      "`" + declared.name + "` has {} elements, its bound has {}", bound->span);
  return [this, is_real, element = given.element](const std::vector<ValueId>& index) {
    return is_real ? b_.to_real(element(index)) : element(index);
  };
}

std::vector<Storage> Lowering::transform_sizes(const typed::Variable& declared) {
  std::vector<Storage> sizes;
  for (const ExpressionPtr& size : declared.transform_sizes) sizes.push_back(AsValue{scalar(size)});
  return sizes;
}

void Lowering::require_sizes(const typed::Variable& declared) {
  if (!declared.transform || !declared.transform->is_type()) return;
  const std::vector<Storage> sizes = transform_sizes(declared);
  for (const typed::Requirement& requirement : declared.transform->requirements) {
    const ValueId holds = call_scalar(*requirement.condition, sizes);
    b_.set_span(declared.span);
    b_.check(b_.compare(Op::not_equal, holds, b_.integer(0)),
             message("the size `" + declared.transform->parameter_names[requirement.parameter] + "` of the " +
                                  declared.transform->name + " `" + declared.name + "` is {}, " + requirement.text,
                              declared.span),
             {std::get<AsValue>(sizes[requirement.parameter]).value});
  }
}

void Lowering::add_log_jacobian(const std::function<ValueId()>& value, bool is_cheap) {
  if (!jacobian_flag_) return add_to_target(value());
  const ValueId wanted = b_.compare(Op::not_equal, b_.load(*jacobian_flag_, {}), b_.integer(0));
  if (is_cheap) return add_to_target(b_.select(wanted, value(), b_.real(0)));
  b_.if_(wanted, [&] { add_to_target(value()); });
}

// One parameter between its own space and its place in the unconstrained vector.
void Lowering::parameter(VariableId id, Direction direction, ir::ArrayId unconstrained, ValueId& offset) {
  const typed::Variable& declared = context_.program.variables[id];
  b_.set_span(declared.span);
  if (direction == Direction::constrain) declaration({id, nullptr}, declared.span);
  if (declared.transform->is_type()) whole_parameter(id, direction, unconstrained, offset);
  else elementwise_parameter(id, direction, unconstrained, offset);
}

void Lowering::elementwise_parameter(VariableId id, Direction direction, ir::ArrayId unconstrained, ValueId& offset) {
  const typed::Variable& declared = variable(id);
  const typed::Transform& transform = *declared.transform;
  std::vector<ElementBound> bounds;
  for (const std::string& name : transform.parameter_names) {
    const ExpressionPtr bound = bound_named(declared, name);
    // `offset` and `multiplier` may each stand alone.
    if (bound) bounds.push_back(element_bound(id, bound));
    else bounds.push_back([value = b_.real(name == "multiplier")](const std::vector<ValueId>&) { return value; });
  }
  const auto call = [&](const std::shared_ptr<const typed::Function>& function, ValueId value,
                        const std::vector<ValueId>& index) {
    std::vector<Storage> arguments{AsValue{value}};
    for (const ElementBound& bound : bounds) arguments.push_back(AsValue{bound(index)});
    return call_scalar(*function, arguments);
  };
  const auto one = [&](ValueId place, const std::vector<ValueId>& index) {
    const auto* array = std::get_if<InArray>(&storage(id));
    if (direction == Direction::unconstrain) {
      const ValueId value = array ? b_.load(array->array, index) : b_.load_cell(std::get<InCell>(storage(id)).cell);
      return b_.store(unconstrained, call(transform.unconstrain, value, index), {place});
    }
    const ValueId u = b_.load(unconstrained, {place});
    const ValueId value = call(transform.constrain, u, index);
    if (array) b_.store(array->array, value, index);
    else b_.store_cell(std::get<InCell>(storage(id)).cell, value);
    if (target_ && transform.name != "identity")
      add_log_jacobian([&] { return call(transform.log_jacobian, u, index); }, true);
  };
  if (declared.type.is_scalar()) {
    one(offset, {});
    offset = b_.add(offset, b_.integer(1));
    return;
  }
  const std::vector<ValueId> sizes = array_view(std::get<InArray>(storage(id)).array, id).sizes;
  const ir::CellId next = b_.cell("next", ir::Type::integer);
  // With one dimension the place is known from the index, which keeps it the same in all lanes.
  if (sizes.size() == 1) {
    in_stan_order(declared, sizes, [&](const std::vector<ValueId>& index) { one(b_.add(offset, index[0]), index); });
  } else {
    b_.store_cell(next, offset);
    in_stan_order(declared, sizes, [&](const std::vector<ValueId>& index) {
      const ValueId place = b_.load_cell(next);
      one(place, index);
      b_.store_cell(next, b_.add(place, b_.integer(1)));
    });
  }
  ValueId count = b_.integer(1);
  for (const ValueId size : sizes) count = b_.multiply(count, size);
  offset = b_.add(offset, count);
}

// The constrained values in the array: calls `body` with each one's index among the array's dimensions and its view.
void Lowering::for_each_constrained(
    VariableId id, const std::function<void(const std::vector<ValueId>& index, const View& value)>& body) {
  const View all = array_view(std::get<InArray>(storage(id)).array, id);
  const auto rank = static_cast<std::ptrdiff_t>(variable(id).type.array_rank);
  loop({all.sizes.begin(), all.sizes.begin() + rank},
       [&](const std::vector<ValueId>& index) { body(index, element_of(all, index)); });
}

void Lowering::store_constrained(VariableId id, const std::vector<ValueId>& index, const View& value) {
  const ir::ArrayId array = std::get<InArray>(storage(id)).array;
  loop(value.sizes,
       [&](const std::vector<ValueId>& inner) { b_.store(array, value.element(inner), joined(index, inner)); });
}

void Lowering::whole_parameter(VariableId id, Direction direction, ir::ArrayId unconstrained, ValueId& offset) {
  const typed::Variable& declared = variable(id);
  const typed::Transform& transform = *declared.transform;
  const std::vector<Storage> sizes = transform_sizes(declared);
  const ValueId count = call_scalar(*transform.unconstrained_size, sizes);
  const View all = array_view(std::get<InArray>(storage(id)).array, id);
  const auto with_sizes = [&](const View& value) {
    std::vector<Storage> arguments{AsView{value}};
    arguments.insert(arguments.end(), sizes.begin(), sizes.end());
    return arguments;
  };
  const bool is_drawn = mode_ == Mode::simulate && transform.unconstrain_drawn;
  for_each_constrained(id, [&](const std::vector<ValueId>& index, const View& value) {
    ValueId number = b_.integer(0);
    for (std::size_t d = 0; d < index.size(); ++d) number = b_.add(b_.multiply(number, all.sizes[d]), index[d]);
    const ValueId first = b_.add(offset, b_.multiply(number, count));
    if (direction == Direction::unconstrain) {
      const auto& function = is_drawn ? transform.unconstrain_drawn : transform.unconstrain;
      const View u = call_view(*function, with_sizes(value), declared.span);
      return loop({count},
                  [&](const std::vector<ValueId>& i) { b_.store(unconstrained, u.element(i), {b_.add(first, i[0])}); });
    }
    View u;
    u.sizes = {count};
    u.size_keys = {""};
    u.element = [this, unconstrained, first](const std::vector<ValueId>& i) {
      return b_.load(unconstrained, {b_.add(first, i[0])});
    };
    store_constrained(id, index, call_view(*transform.constrain, with_sizes(u), declared.span));
    if (target_) add_log_jacobian([&] { return call_scalar(*transform.log_jacobian, with_sizes(u)); }, false);
  });
  ValueId total = count;
  for (int d = 0; d < declared.type.array_rank; ++d) total = b_.multiply(total, all.sizes[static_cast<std::size_t>(d)]);
  offset = b_.add(offset, total);
}

void Lowering::parameters(Direction direction) {
  const bool out = direction == Direction::unconstrain;
  const ir::ArrayId unconstrained =
      b_.array("unconstrained", ir::Type::real, 1, out ? Binding::unconstrained_out : Binding::unconstrained_in);
  if (out) b_.declare(unconstrained, {write_block_sizes()});
  ValueId offset = b_.integer(0);
  for (const StatementPtr& one : context_.program.parameters)
    parameter(std::get<typed::Declaration>(one->node).variable, direction, unconstrained, offset);
}

// How many unconstrained numbers each parameter has, and all together.
ValueId Lowering::write_block_sizes() {
  const auto& parameters = context_.program.parameters;
  std::vector<ValueId> counts;
  for (const StatementPtr& one : parameters)
    counts.push_back(unconstrained_count(context_.program.variables[std::get<typed::Declaration>(one->node).variable]));
  const ir::ArrayId blocks = b_.array("block_sizes", ir::Type::integer, 1, Binding::block_sizes);
  b_.declare(blocks, {b_.integer(static_cast<std::int32_t>(counts.size()))});
  ValueId total = b_.integer(0);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    b_.store(blocks, counts[i], {b_.integer(static_cast<std::int32_t>(i))});
    total = b_.add(total, counts[i]);
  }
  return total;
}

ValueId Lowering::unconstrained_count(const typed::Variable& declared) {
  const bool is_whole = declared.transform->is_type();
  const std::size_t dimensions = is_whole ? static_cast<std::size_t>(declared.type.array_rank) : declared.sizes.size();
  ValueId count =
      is_whole ? call_scalar(*declared.transform->unconstrained_size, transform_sizes(declared)) : b_.integer(1);
  for (std::size_t d = 0; d < dimensions; ++d) count = b_.multiply(count, scalar(declared.sizes[d]));
  return count;
}

// A missing value (NaN) is within any bounds.
void Lowering::check_bounds(VariableId id) {
  const typed::Variable& declared = context_.program.variables[id];
  if (declared.transform->is_type()) return check_constrained(id);
  if (!declared.lower && !declared.upper) return;
  b_.set_span(declared.span);
  const auto bound_of = [&](const ExpressionPtr& bound) { return bound ? element_bound(id, bound) : ElementBound(); };
  const ElementBound lower = bound_of(declared.lower), upper = bound_of(declared.upper);
  const auto check = [&](ValueId value, const std::vector<ValueId>& index) {
    const auto against = [&](const ElementBound& bound, Op outside, const char* must) {
      if (!bound) return;
      const ValueId limit = bound(index);
      b_.check(b_.logical_not(b_.compare(outside, value, limit)),
               message("`" + declared.name + "` is {}, must be " + must + " {}", declared.span),
               {value, limit});
    };
    against(lower, Op::less, "at least");
    against(upper, Op::greater, "at most");
  };
  if (declared.type.is_scalar()) {
    const auto* array = std::get_if<InArray>(&storage(id));
    return check(array ? b_.load(array->array, {}) : b_.load_cell(std::get<InCell>(storage(id)).cell), {});
  }
  const View elements = array_view(std::get<InArray>(storage(id)).array, id);
  loop(elements.sizes, [&](const std::vector<ValueId>& index) { check(elements.element(index), index); });
}

void Lowering::check_constrained(VariableId id) {
  const typed::Variable& declared = variable(id);
  const typed::Transform& transform = *declared.transform;
  if (!transform.check) return;
  b_.set_span(declared.span);
  const std::vector<Storage> sizes = transform_sizes(declared);
  for_each_constrained(id, [&](const std::vector<ValueId>& index, const View& value) {
    std::vector<Storage> arguments{AsView{value}};
    arguments.insert(arguments.end(), sizes.begin(), sizes.end());
    const std::string place = index.empty() ? "" : "an element of ";
    rejecting_ = Rejecting{place + "`" + declared.name + "` is no " + transform.name + ": ", declared.span};
    call_void(*transform.check, arguments);
    rejecting_.reset();
  });
}

void Lowering::check_block_bounds(const std::vector<StatementPtr>& declarations) {
  for (const StatementPtr& one : declarations)
    if (const auto* declaration = std::get_if<typed::Declaration>(&one->node)) check_bounds(declaration->variable);
}

} // namespace sibyl::lower
