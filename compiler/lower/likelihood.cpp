// The log likelihood by its terms, one for each observed element: what leave-one-out and power scaling are made of.
#include "compiler/generative/accesses.hpp"
#include "compiler/lower/lowering.hpp"

#include <utility>

namespace sibyl::lower {

using ir::Binding;
using typed::DistributionFunction;
using typed::ExpressionPtr;
using typed::VariableId;

void Lowering::write_log_likelihood() {
  const typed::Program& program = context_.program;
  bind_inputs(program.data);
  bind_inputs(program.transformed_data);
  bind_inputs(program.parameters);
  target_ = b_.cell("target", ir::Type::real); // that there is a density: nothing adds to it
  declare_terms();
  statements(program.transformed_parameters);
  statements(program.model);
  if (has_unplaced_terms_) throw Unplaced{};
}

void Lowering::declare_terms() {
  std::map<std::size_t, VariableId> observed; // in the facts' order
  for (const auto& [id, index] : context_.interface_index)
    if (context_.reading.roles[id] == Role::observed) observed[index] = id;
  ValueId total = b_.integer(0);
  for (const auto& [index, id] : observed) {
    first_term_[id] = total;
    ValueId count = b_.integer(1);
    if (context_.program.variables[id].type.rank() > 0)
      for (const ValueId size : array_view(std::get<InArray>(storage(id)).array, id).sizes)
        count = b_.multiply(count, size);
    total = b_.add(total, count);
  }
  terms_ = b_.array("terms", ir::Type::real, 1, Binding::unconstrained_out);
  b_.declare(*terms_, {total});
  loop({total}, [&](const std::vector<ValueId>& i) { b_.store(*terms_, b_.real(0), i); });
}

void Lowering::add_term(VariableId id, const std::vector<ValueId>& index, ValueId value) {
  ValueId place = b_.integer(0);
  if (!index.empty()) {
    const std::vector<ValueId> sizes = array_view(std::get<InArray>(storage(id)).array, id).sizes;
    for (std::size_t d = 0; d < index.size(); ++d) place = b_.add(b_.multiply(place, sizes[d]), index[d]);
  }
  place = b_.add(first_term_.at(id), place);
  b_.store(*terms_, b_.add(b_.load(*terms_, {place}), value), {place});
}

void Lowering::add_whole_term(const ExpressionPtr& drawn, ValueId value, Span span) {
  const VariableId id = *generative::drawn_variable(drawn);
  const ExpressionPtr left = generative::drawn_place(drawn);
  const auto* indexed = std::get_if<typed::Index>(&left->node);
  const std::vector<typed::IndexItem> items = indexed ? indexed->items : std::vector<typed::IndexItem>{};
  std::vector<ValueId> noted;
  if (left->type.is_scalar()) {
    if (!items.empty()) place(id, items, noted, span).element({});
    return add_term(id, noted, value);
  }
  const View target = place(id, items, noted, span);
  // A list without elements has no first one.
  ValueId count = b_.integer(1);
  for (const ValueId size : target.sizes) count = b_.multiply(count, size);
  b_.if_(b_.compare(ir::Op::greater, count, b_.integer(0)), [&] {
    target.element(std::vector<ValueId>(target.sizes.size(), b_.integer(0)));
    add_term(id, std::vector<ValueId>(noted), value);
  });
}

ExpressionPtr Lowering::element_named(const typed::StatementPtr& tree, VariableId id) const {
  ExpressionPtr found;
  const auto look_at = [&](const ExpressionPtr& one) {
    const auto* index = std::get_if<typed::Index>(&one->node);
    if (found || !index || !one->type.is_scalar() || generative::drawn_variable(one) != id) return;
    std::set<VariableId> reads;
    generative::add_reads(one, reads);
    for (const VariableId read : reads)
      if (read != id && !loop_variables_.contains(read) && !context_.interface_index.contains(read)) return;
    found = one;
  };
  generative::for_each_statement(tree, [&](const typed::StatementPtr& one) {
    generative::for_each_operand(
        one, [&](const ExpressionPtr& operand) { generative::for_each_expression(operand, look_at); });
  });
  return found;
}

void Lowering::add_summed_term(const generative::SummedOut& sum, const std::vector<typed::StatementPtr>& dependents,
                               Span span) {
  std::optional<VariableId> observed;
  for (const typed::StatementPtr& dependent : dependents)
    generative::for_each_statement(dependent, [&](const typed::StatementPtr& one) {
      std::optional<VariableId> drawn = marginalized(one);
      if (const auto* tilde = std::get_if<typed::Tilde>(&one->node)) drawn = generative::drawn_variable(tilde->left);
      if (const auto* increment = std::get_if<typed::TargetIncrement>(&one->node))
        if (const auto read = generative::as_tilde(*increment)) drawn = generative::drawn_variable(read->left);
      if (!drawn) return;
      const Role role = context_.program.variables[*drawn].is_local ? Role::generated : context_.reading.roles[*drawn];
      if (role == Role::observed && !observed) observed = drawn;
      // What parameters and data have from the same latent cannot be told apart.
      if (role == Role::parameter) has_unplaced_terms_ = true;
    });
  if (!observed || has_unplaced_terms_) return;
  const auto terms = std::exchange(terms_, std::nullopt);
  const auto target = std::exchange(target_, b_.cell("term", ir::Type::real));
  b_.store_cell(*target_, b_.real(0));
  sum_over(sum, dependents, span);
  const ValueId value = b_.load_cell(*target_);
  target_ = target;
  terms_ = terms;
  ExpressionPtr found;
  for (const typed::StatementPtr& dependent : dependents)
    if (!found) found = element_named(dependent, *observed);
  if (found) add_whole_term(found, value, span);
  else if (context_.program.variables[*observed].type.rank() == 0) add_term(*observed, {}, value);
  else has_unplaced_terms_ = true;
}

void Lowering::add_marginal_term(const typed::StatementPtr& tree, std::optional<VariableId> summed, ValueId value,
                                 Span span) {
  if (!summed) {
    has_unplaced_terms_ = true;
    return;
  }
  const VariableId id = *summed;
  if (context_.program.variables[id].type.rank() == 0) return add_term(id, {}, value);
  ExpressionPtr found = element_named(tree, id);
  if (!found && loop_body_) found = element_named(loop_body_, id);
  if (found) return add_whole_term(found, value, span);
  has_unplaced_terms_ = true;
}

bool Lowering::add_residual_terms(const typed::StatementPtr& tree) {
  const auto found = context_.program.simulation.residuals.find(tree.get());
  if (found == context_.program.simulation.residuals.end() || frames_.back() != &program_frame_) return false;
  add_terms_of(found->second.draw, found->second.datum, tree->span);
  return true;
}

void Lowering::add_terms(const typed::Tilde& tilde, Span span) { add_terms_of(tilde, tilde.left, span); }

void Lowering::add_terms_of(const typed::Tilde& tilde, const ExpressionPtr& datum, Span span) {
  const VariableId id = *generative::drawn_variable(datum);
  const ExpressionPtr left = generative::drawn_place(datum);
  const auto* indexed = std::get_if<typed::Index>(&left->node);
  const std::vector<typed::IndexItem> items = indexed ? indexed->items : std::vector<typed::IndexItem>{};
  std::vector<ValueId> noted;
  bool is_by_element = false;
  View target;
  if (!left->type.is_scalar()) {
    target = place(id, items, noted, span);
    if (left != datum) target = flat(target);
    element_sink_ = [&](ValueId i, ValueId value) {
      is_by_element = true;
      std::vector<ValueId> first(target.sizes.size(), b_.integer(0));
      first[0] = i;
      target.element(first);
      add_term(id, std::vector<ValueId>(noted), value);
    };
  }
  std::vector<ExpressionPtr> arguments{tilde.left};
  arguments.insert(arguments.end(), tilde.arguments.begin(), tilde.arguments.end());
  const ValueId sum =
      log_density(*tilde.distribution, DistributionFunction::log_density, arguments, tilde.truncation, span);
  if (!is_by_element) add_whole_term(datum, sum, span);
}

} // namespace sibyl::lower
