// What Stan's density leaves out of a joint density: the mass that each parameter's prior has within its declared
// bounds.
//
// The density with it is the simulated joint's, of which the integral over the parameters is the data's evidence. It is
// a constant wherever neither bounds nor priors' parameters depend on parameters (or, as for a half normal, cancel).
#include "compiler/generative/accesses.hpp"
#include "compiler/lower/lowering.hpp"

#include <limits>

namespace sibyl::lower {

using ir::MathFunction;
using typed::ExpressionPtr;

// The sum becomes no number: what depends on it is told that it is not known.
ValueId Lowering::unknown_mass() { return b_.real(std::numeric_limits<double>::quiet_NaN()); }

// `y`: an outcome within the support.
ValueId Lowering::log_mass_within(const typed::Distribution& distribution, const std::vector<Storage>& parameters,
                                  ValueId y, std::optional<ValueId> lower, std::optional<ValueId> upper) {
  const auto drop_implied = [&](const std::shared_ptr<const typed::Function>& support, std::optional<ValueId>& bound,
                                bool is_lower) {
    if (!bound) return;
    if (!distribution.support.is_discrete) bound = b_.to_real(*bound);
    if (!support) return;
    const ValueId edge = call_scalar(*support, parameters);
    const auto a = b_.constant(edge), b = b_.constant(*bound);
    if (edge == *bound || (a && b && (is_lower ? *a >= *b : *a <= *b))) bound.reset();
  };
  drop_implied(distribution.support.lower, lower, true);
  drop_implied(distribution.support.upper, upper, false);
  // A density that repeats itself is one of a single turn.
  if (distribution.period) {
    if (!lower || !upper) return unknown_mass();
    const ValueId excess = b_.subtract(b_.subtract(*upper, *lower), call_scalar(*distribution.period, parameters));
    const ValueId is_turn = b_.compare(ir::Op::less, b_.math(MathFunction::fabs, {excess}), b_.real(1e-9));
    return b_.select(is_turn, b_.real(0), unknown_mass());
  }
  if (!lower && !upper) return b_.real(0);
  if (!distribution.log_tail) return unknown_mass();
  return log_mass_between(distribution, parameters, y, lower, upper);
}

void Lowering::add_prior_mass(const typed::Tilde& tilde, Span span) {
  if (frames_.back() != &program_frame_) return;
  const typed::VariableId id = *generative::drawn_variable(tilde.left);
  const typed::Variable& drawn = variable(id);
  const typed::Distribution& distribution = *tilde.distribution;
  // A distribution of containers has no more than its own constraint around it.
  if (drawn.block != typed::Block::parameters || drawn.is_local || distribution.draws_container()) return;
  const typed::Transform& transform = *drawn.transform;
  if (transform.is_type() && !transform.log_condition_mass) return add_to_target(unknown_mass());
  const Arguments given = distribution_arguments(tilde.arguments, distribution, false, span);
  const DrawnBound lower = drawn_bound(tilde, true), upper = drawn_bound(tilde, false);
  // A statement's own truncation is in the density already.
  const auto stated = [&](bool is_lower) -> std::optional<ValueId> {
    if (!tilde.truncation) return std::nullopt;
    const ExpressionPtr& bound = is_lower ? tilde.truncation->lower : tilde.truncation->upper;
    return bound ? std::optional(scalar(bound)) : std::nullopt;
  };
  const auto stated_lower = stated(true), stated_upper = stated(false);
  const auto add_element = [&](const std::vector<Storage>& parameters, ValueId y, const std::vector<ValueId>& index) {
    ValueId mass = log_mass_within(distribution, parameters, y, lower(index), upper(index));
    if (stated_lower || stated_upper)
      mass = b_.subtract(mass, log_mass_within(distribution, parameters, y, stated_lower, stated_upper));
    add_to_target(mass);
  };
  const ExpressionPtr left = generative::drawn_place(tilde.left);
  const std::vector<typed::IndexItem> items = generative::items_of(left);
  std::vector<ValueId> noted;
  if (left->type.is_scalar()) {
    if (!items.empty()) place(id, items, noted, span).element({});
    const std::vector<ValueId> where = noted;
    return add_element(given.given, scalar(left), where);
  }
  View target = place(id, items, noted, span), values = view(left);
  if (left != tilde.left) target = flat(target), values = flat(values);
  loop(target.sizes, [&](const std::vector<ValueId>& i) {
    target.element(i);
    const std::vector<ValueId> where = noted;
    add_element(at(given, i[0]), values.element(i), where);
  });
  if (!transform.is_type()) return;
  const View whole = place(id, items, noted, span);
  const std::size_t outer = whole.sizes.size() - static_cast<std::size_t>(drawn.type.base_rank());
  const ValueId each = call_scalar(*transform.log_condition_mass, transform_sizes(drawn));
  loop({whole.sizes.begin(), whole.sizes.begin() + static_cast<std::ptrdiff_t>(outer)},
       [&](const std::vector<ValueId>&) { add_to_target(each); });
}

// Of a parameter whose prior is a mixture, or whose elements are drawn until they are in order: how much of it lies
// within bounds or in that order is not known. `whole`: the distribution draws values of the parameter's own type.
void Lowering::add_marginalized_mass(typed::VariableId drawn, bool whole) {
  const typed::Variable& mixed = variable(drawn);
  if (mixed.block != typed::Block::parameters) return;
  if (mixed.lower || mixed.upper || (mixed.transform->is_type() && !whole)) add_to_target(unknown_mass());
}

// Of a parameter without a prior: its density is one.
void Lowering::add_flat_mass(typed::VariableId id) {
  const typed::Variable& parameter = variable(id);
  b_.set_span(parameter.span);
  if (parameter.transform->is_type()) {
    if (!parameter.transform->log_flat_mass) return add_to_target(unknown_mass());
    const ValueId each = call_scalar(*parameter.transform->log_flat_mass, transform_sizes(parameter));
    return for_each_constrained(id, [&](const std::vector<ValueId>&, const View&) { add_to_target(each); });
  }
  const ElementBound lower = element_bound(id, parameter.lower), upper = element_bound(id, parameter.upper);
  const auto add_element = [&](const std::vector<ValueId>& at) {
    add_to_target(b_.math(MathFunction::log, {b_.subtract(upper(at), lower(at))}));
  };
  if (parameter.type.is_scalar()) return add_element({});
  loop(array_view(std::get<InArray>(storage(id)).array, id).sizes, add_element);
}

} // namespace sibyl::lower
