#include "compiler/lower/lowering.hpp"

#include "compiler/generative/accesses.hpp"
#include "compiler/ir/calls.hpp"
#include "lang/errors.hpp"

#include <utility>

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
  for (const auto* late : {&program.simulation.late_lower, &program.simulation.late_upper})
    for (const VariableId id : *late) check_bounds(id);
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

void Lowering::write_density_for_gradient() {
  is_for_gradient_ = true;
  write_density();
}

void Lowering::write_log_prior() {
  is_prior_only_ = true;
  write_density();
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

void Lowering::write_log_prior_mass() {
  const typed::Program& program = context_.program;
  bind_inputs(program.data);
  bind_inputs(program.transformed_data);
  parameters(Direction::constrain);
  target_ = b_.cell("target", ir::Type::real);
  b_.store_cell(*target_, b_.real(0));
  mode_ = Mode::density;
  measures_priors_ = true;
  for (const VariableId id : context_.reading.flat) add_flat_mass(id);
  statements(program.transformed_parameters);
  statements(program.model);
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
  b_.declare(unconstrained, {write_block_sizes()});
}

void Lowering::bind_inputs_given_parameters() {
  const typed::Program& program = context_.program;
  const generative::Reading& reading = context_.reading;
  const std::set<VariableId> computed = generative::computed_from_observed(program, reading);
  const auto bind = [&](const std::vector<StatementPtr>& block) {
    for (const StatementPtr& one : block) {
      const auto* declaration = std::get_if<typed::Declaration>(&one->node);
      if (!declaration || computed.contains(declaration->variable)) continue;
      const Role role = reading.roles[declaration->variable];
      if (role != Role::observed && role != Role::underlying) bind_interface(declaration->variable);
    }
  };
  bind(program.data);
  bind(generative::without_computed(program.transformed_data, program, reading.computed));
}

bool Lowering::is_left_out(const std::optional<VariableId>& drawn) const {
  if (frames_.back() != &program_frame_) return false;
  const bool is_of_data = drawn && generative::is_simulated_given_parameters(context_.reading, *drawn);
  return ((parameters_are_given_ || terms_) && !is_of_data) || (is_prior_only_ && is_of_data);
}

void Lowering::simulate_given_parameters() {
  parameters_are_given_ = true;
  declares_interface_ = true;
  const auto order = generative::data_simulation_order(context_.program, context_.reading);
  if (!order) throw InternalError("data that can be simulated without an order");
  statements(*order);
  require_all_given();
}

void Lowering::write_predict() {
  bind_inputs_given_parameters();
  bind_inputs(context_.program.parameters);
  simulate_given_parameters();
}

void Lowering::write_simulate_data() {
  bind_inputs_given_parameters();
  declares_interface_ = true;
  parameters(Direction::constrain);
  mode_ = Mode::simulate;
  simulate_given_parameters();
}

namespace {

void lower_functions(ModelContext& context) {
  const auto add = [&](const char* name, Lowering::Mode mode, void (Lowering::*write)()) {
    Lowering lowering(context, name, mode);
    try {
      (lowering.*write)();
    } catch (const Unplaced&) {
      return;
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
  if (context.model.facts.has_density) {
    add("log_density", Mode::density, &Lowering::write_density);
    if (std::exchange(context.has_solver, false))
      add("log_density_gradient", Mode::density, &Lowering::write_density_for_gradient);
  }
  if (context.model.facts.is_generative && context.model.facts.has_density)
    add("log_prior_mass", Mode::compute, &Lowering::write_log_prior_mass);
  add("constrain", Mode::compute, &Lowering::write_constrain);
  add("log_jacobian", Mode::compute, &Lowering::write_log_jacobian);
  add("constrain_parameters", Mode::compute, &Lowering::write_constrain_parameters);
  add("unconstrain", Mode::compute, &Lowering::write_unconstrain);
  if (!context.model.facts.simulates_data) return;
  add("predict", Mode::simulate, &Lowering::write_predict);
  if (!context.model.facts.has_density) return;
  // From unconstrained parameters, of which those with a late bound have none before their data.
  if (!context.model.facts.with_late_bound()) add("simulate_data", Mode::compute, &Lowering::write_simulate_data);
  add("log_prior", Mode::density, &Lowering::write_log_prior);
  add("log_likelihood", Mode::density, &Lowering::write_log_likelihood);
}

// Callees that were written to see how large they are, and are not called after all.
void empty_unused_callees(ir::Model& model) {
  std::vector<bool> used(model.callees.size());
  for (const ir::Function& function : model.functions)
    for (const std::uint32_t id : ir::reachable_callees(model, function)) {
      used[id] = true;
      if (const std::uint32_t primal = model.callees[id].derivative_of; primal != ir::none) {
        used[primal] = true;
        for (const std::uint32_t needed : ir::reachable_callees(model, model.callees[primal])) used[needed] = true;
      }
    }
  for (std::size_t id = 0; id < used.size(); ++id)
    if (!used[id])
      model.callees[id] = {.name = model.callees[id].name,
                           .arguments = model.callees[id].arguments,
                           .results = model.callees[id].results};
}

} // namespace

void lower_model(ModelContext& context) {
  lower_functions(context);
  empty_unused_callees(context.model);
}

} // namespace sibyl::lower
