#include "compiler/lower/lowering.hpp"

#include "compiler/generative/accesses.hpp"
#include "lang/errors.hpp"

namespace sibyl::lower {

using ir::Binding;
using ir::Op;
using typed::StatementPtr;
using typed::VariableId;

Lowering::Lowering(ModelContext& context, std::string name, Mode mode)
    : context_(context), b_((function_.name = std::move(name), function_)), mode_(mode),
      program_frame_(context.program.variables) {
  frames_.push_back(&program_frame_);
}

ir::Function Lowering::finish() { return std::move(function_); }

ir::ArrayId Lowering::bind_interface(VariableId id) {
  const typed::Variable& declared = context_.program.variables[id];
  const ir::ArrayId array = b_.array(declared.name, type_of(declared.type), declared.type.rank(), Binding::variable,
                                     context_.interface_index.at(id));
  program_frame_.storage[id] = InArray{array};
  return array;
}

void Lowering::bind_inputs(const std::vector<StatementPtr>& declarations) {
  for (const StatementPtr& one : declarations)
    if (const auto* declaration = std::get_if<typed::Declaration>(&one->node)) bind_interface(declaration->variable);
}

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

Lowering::ElementBound Lowering::element_bound(VariableId id, const typed::ExpressionPtr& bound) {
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

Lowering::Bounds Lowering::bounds(VariableId id) {
  const typed::Variable& declared = variable(id);
  Bounds result{nullptr, {}};
  const auto add = [&](const typed::ExpressionPtr& bound) { result.parameters.push_back(element_bound(id, bound)); };
  const auto constant = [&](double number) {
    result.parameters.push_back([value = b_.real(number)](const std::vector<ValueId>&) { return value; });
  };
  std::string name = "identity";
  if (declared.lower && declared.upper) name = "lower_upper_bound";
  else if (declared.lower) name = "lower_bound";
  else if (declared.upper) name = "upper_bound";
  else if (declared.offset || declared.multiplier) name = "offset_multiplier";
  if (declared.lower) add(declared.lower);
  if (declared.upper) add(declared.upper);
  if (name == "offset_multiplier") {
    if (declared.offset) add(declared.offset);
    else constant(0);
    if (declared.multiplier) add(declared.multiplier);
    else constant(1);
  }
  for (const auto& transform : context_.program.library->transforms)
    if (transform->name == name) result.transform = transform.get();
  if (!result.transform) throw InternalError("the standard library has no transform `" + name + "`");
  return result;
}

// One parameter between its own space and its place in the unconstrained vector.
void Lowering::parameter(VariableId id, Direction direction, ir::ArrayId unconstrained, ValueId& offset) {
  const typed::Variable& declared = context_.program.variables[id];
  b_.set_span(declared.span);
  if (direction == Direction::constrain) declaration({id, nullptr}, declared.span);
  const Bounds transform = bounds(id);
  const auto call = [&](const std::shared_ptr<const typed::Function>& function, ValueId value,
                        const std::vector<ValueId>& index) {
    std::vector<Storage> arguments{AsValue{value}};
    for (const ElementBound& bound : transform.parameters) arguments.push_back(AsValue{bound(index)});
    return call_scalar(*function, arguments);
  };
  const auto one = [&](ValueId place, const std::vector<ValueId>& index) {
    const auto* array = std::get_if<InArray>(&storage(id));
    if (direction == Direction::unconstrain) {
      const ValueId value = array ? b_.load(array->array, index) : b_.load_cell(std::get<InCell>(storage(id)).cell);
      return b_.store(unconstrained, call(transform.transform->unconstrain, value, index), {place});
    }
    const ValueId u = b_.load(unconstrained, {place});
    const ValueId value = call(transform.transform->constrain, u, index);
    if (array) b_.store(array->array, value, index);
    else b_.store_cell(std::get<InCell>(storage(id)).cell, value);
    if (!target_ || transform.transform->name == "identity") return;
    const auto log_jacobian = [&] { return call(transform.transform->log_jacobian, u, index); };
    if (!jacobian_flag_) return add_to_target(log_jacobian());
    const ValueId wanted = b_.compare(Op::not_equal, b_.load(*jacobian_flag_, {}), b_.integer(0));
    add_to_target(b_.select(wanted, log_jacobian(), b_.real(0)));
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

void Lowering::parameters(Direction direction) {
  const bool out = direction == Direction::unconstrain;
  const ir::ArrayId unconstrained =
      b_.array("unconstrained", ir::Type::real, 1, out ? Binding::unconstrained_out : Binding::unconstrained_in);
  if (out) b_.declare(unconstrained, {unconstrained_count()});
  ValueId offset = b_.integer(0);
  for (const StatementPtr& one : context_.program.parameters)
    parameter(std::get<typed::Declaration>(one->node).variable, direction, unconstrained, offset);
}

ValueId Lowering::unconstrained_count() {
  ValueId total = b_.integer(0);
  for (const StatementPtr& one : context_.program.parameters) {
    const typed::Variable& declared = context_.program.variables[std::get<typed::Declaration>(one->node).variable];
    ValueId count = b_.integer(1);
    for (const auto& size : declared.sizes) count = b_.multiply(count, scalar(size));
    total = b_.add(total, count);
  }
  return total;
}

// A missing value (NaN) is within any bounds.
void Lowering::check_bounds(VariableId id) {
  const typed::Variable& declared = context_.program.variables[id];
  if (!declared.lower && !declared.upper) return;
  b_.set_span(declared.span);
  const auto bound_of = [&](const typed::ExpressionPtr& bound) {
    return bound ? element_bound(id, bound) : ElementBound();
  };
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

void Lowering::check_block_bounds(const std::vector<StatementPtr>& declarations) {
  for (const StatementPtr& one : declarations)
    if (const auto* declaration = std::get_if<typed::Declaration>(&one->node)) check_bounds(declaration->variable);
}

void Lowering::write_simulate() {
  const typed::Program& program = context_.program;
  for (const StatementPtr& one : program.data)
    if (const VariableId id = std::get<typed::Declaration>(one->node).variable; context_.reading.is_input[id])
      bind_interface(id);
  declares_interface_ = true;
  const auto order = generative::simulation_order(generative::simulated_statements(program, context_.reading), program,
                                                  context_.reading);
  if (!order) throw InternalError("a generative model without an order");
  statements(*order);
  require_all_given();
  parameters(Direction::unconstrain);
}

void Lowering::write_density() {
  const typed::Program& program = context_.program;
  bind_inputs(program.data);
  bind_inputs(program.transformed_data);
  jacobian_flag_ = b_.array("include_jacobian", ir::Type::integer, 0, Binding::include_jacobian);
  target_ = b_.cell("target", ir::Type::real);
  b_.store_cell(*target_, b_.real(0));
  parameters(Direction::constrain);
  mode_ = Mode::density;
  statements(program.transformed_parameters);
  check_block_bounds(program.transformed_parameters);
  statements(program.model);
  const ir::ArrayId out = b_.array("log_density", ir::Type::real, 0, Binding::log_density);
  b_.store(out, b_.load_cell(*target_), {});
}

void Lowering::write_log_jacobian() {
  const typed::Program& program = context_.program;
  bind_inputs(program.data);
  bind_inputs(program.transformed_data);
  target_ = b_.cell("target", ir::Type::real);
  b_.store_cell(*target_, b_.real(0));
  parameters(Direction::constrain);
  const ir::ArrayId out = b_.array("log_density", ir::Type::real, 0, Binding::log_density);
  b_.store(out, b_.load_cell(*target_), {});
}

void Lowering::write_constrain() {
  const typed::Program& program = context_.program;
  bind_inputs(program.data);
  bind_inputs(program.transformed_data);
  declares_interface_ = true;
  parameters(Direction::constrain);
  statements(program.transformed_parameters);
  check_block_bounds(program.transformed_parameters);
  statements(program.generated_quantities);
  check_block_bounds(program.generated_quantities);
}

void Lowering::write_constrain_parameters() {
  const typed::Program& program = context_.program;
  bind_inputs(program.data);
  bind_inputs(program.transformed_data);
  declares_interface_ = true;
  parameters(Direction::constrain);
}

void Lowering::write_unconstrain() {
  const typed::Program& program = context_.program;
  bind_inputs(program.data);
  bind_inputs(program.transformed_data);
  bind_inputs(program.parameters);
  check_block_bounds(program.parameters);
  parameters(Direction::unconstrain);
}

void Lowering::write_transform_data() {
  const typed::Program& program = context_.program;
  bind_inputs(program.data);
  check_block_bounds(program.data);
  declares_interface_ = true;
  statements(program.transformed_data);
  check_block_bounds(program.transformed_data);
}

void Lowering::write_transform_simulated_data() {
  const typed::Program& program = context_.program;
  const generative::ComputedData& computed = context_.reading.computed;
  bind_inputs(program.data);
  for (const StatementPtr& one : program.data)
    if (const VariableId id = std::get<typed::Declaration>(one->node).variable; !computed.underlying.contains(id))
      check_bounds(id);
  declares_interface_ = true;
  for (const StatementPtr& one : generative::without_computed(program.transformed_data, program, computed)) {
    const auto* declaration = std::get_if<typed::Declaration>(&one->node);
    if (declaration && computed.drawn.contains(declaration->variable)) bind_interface(declaration->variable);
    else statements({one});
  }
}

void Lowering::write_sizes() {
  const typed::Program& program = context_.program;
  bind_inputs(program.data);
  bind_inputs(program.transformed_data);
  for (const auto* block : {&program.parameters, &program.transformed_parameters, &program.generated_quantities})
    for (const StatementPtr& one : *block)
      if (const auto* declaration = std::get_if<typed::Declaration>(&one->node))
        declare_interface(bind_interface(declaration->variable), program.variables[declaration->variable]);
  const ir::ArrayId unconstrained = b_.array("unconstrained", ir::Type::real, 1, Binding::unconstrained_out);
  b_.declare(unconstrained, {unconstrained_count()});
}

void Lowering::write_predict() {
  const typed::Program& program = context_.program;
  const generative::Reading& reading = context_.reading;
  parameters_are_given_ = true;
  std::vector<StatementPtr> simulated;
  const auto add_observed = [&](const std::vector<StatementPtr>& block) {
    for (const StatementPtr& one : block) {
      const auto* declaration = std::get_if<typed::Declaration>(&one->node);
      if (!declaration) continue;
      const Role role = reading.roles[declaration->variable];
      if (role == Role::observed) simulated.push_back(one);
      else if (role != Role::underlying) bind_interface(declaration->variable);
    }
  };
  add_observed(program.data);
  add_observed(generative::without_computed(program.transformed_data, program, reading.computed));
  bind_inputs(program.parameters);
  for (const auto* block : {&program.transformed_parameters, &program.model})
    simulated.insert(simulated.end(), block->begin(), block->end());
  declares_interface_ = true;
  const auto order = generative::simulation_order(simulated, program, reading);
  if (!order) throw InternalError("a generative model without an order");
  statements(*order);
  require_all_given();
}

void lower_model(ModelContext& context) {
  const auto add = [&](const char* name, Lowering::Mode mode, void (Lowering::*write)()) {
    Lowering lowering(context, name, mode);
    try {
      (lowering.*write)();
    } catch (const TooDeep& found) {
      context.diagnostics.push_back({.code = "nesting-too-deep",
                                     .message = "this is nested too deeply, the functions that it is called from "
                                                "included",
                                     .primary = {found.span, ""}});
      return;
    }
    context.model.functions.push_back(lowering.finish());
  };
  using Mode = Lowering::Mode;
  add("sizes", Mode::compute, &Lowering::write_sizes);
  add("transform_data", Mode::compute, &Lowering::write_transform_data);
  if (!context.reading.computed.drawn.empty())
    add("transform_simulated_data", Mode::compute, &Lowering::write_transform_simulated_data);
  if (context.model.facts.is_generative) add("simulate", Mode::simulate, &Lowering::write_simulate);
  if (context.model.facts.has_density) add("log_density", Mode::density, &Lowering::write_density);
  add("constrain", Mode::compute, &Lowering::write_constrain);
  add("log_jacobian", Mode::compute, &Lowering::write_log_jacobian);
  add("constrain_parameters", Mode::compute, &Lowering::write_constrain_parameters);
  add("unconstrain", Mode::compute, &Lowering::write_unconstrain);
  if (context.model.facts.is_generative) add("predict", Mode::simulate, &Lowering::write_predict);
}

} // namespace sibyl::lower
