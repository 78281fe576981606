#include "compiler/lower/lowering.hpp"

#include <limits>

namespace sibyl::lower {

using ir::MathFunction;
using ir::Op;
using typed::VariableId;

void Lowering::sum_over(const generative::SummedOut& sum, const std::vector<typed::StatementPtr>& dependents,
                        Span span) {
  if (terms_) return add_summed_term(sum, dependents, span);
  const Level level(statement_depth_, deepest_statement, span);
  b_.set_span(span);
  const typed::Distribution& distribution = *sum.draw.distribution;
  const std::vector<Storage> parameters = distribution_arguments(sum.draw.arguments, distribution, false, span).given;
  const ValueId first = call_scalar(*distribution.support.lower, parameters),
                last = call_scalar(*distribution.support.upper, parameters);
  std::vector<std::pair<VariableId, ValueId>> before;
  for (const VariableId id : sum.restored)
    if (const auto* cell = std::get_if<InCell>(&storage(id))) before.emplace_back(id, b_.load_cell(cell->cell));

  const double nothing = -std::numeric_limits<double>::infinity();
  const std::string& name = variable(sum.latent).name;
  const ir::CellId all = b_.cell("sum over " + name, ir::Type::real),
                   one = b_.cell("target for one " + name, ir::Type::real);
  b_.store_cell(all, b_.real(nothing));
  const std::optional<ir::CellId> target = target_;
  target_ = one;
  b_.for_(first, last, [&](ValueId value) {
    b_.store_cell(one, b_.real(0));
    for (const auto& [id, number] : before) store_scalar(id, number);
    store(sum.latent, sum.place, AsValue{value}, span);
    std::vector<typed::ExpressionPtr> arguments{sum.draw.left};
    arguments.insert(arguments.end(), sum.draw.arguments.begin(), sum.draw.arguments.end());
    add_to_target(
        log_density(distribution, typed::DistributionFunction::log_density, arguments, sum.draw.truncation, span));
    statements(dependents);
    // Numbers that are not are kept: only where this value has no density is there nothing to add.
    const ValueId term = b_.load_cell(one);
    b_.if_(b_.compare(Op::not_equal, term, b_.real(nothing)), [&] {
      const ValueId sum_before = b_.load_cell(all);
      b_.if_(
          b_.compare(Op::equal, sum_before, b_.real(nothing)), [&] { b_.store_cell(all, term); },
          [&] {
            const ValueId is_less = b_.compare(Op::less, term, sum_before);
            const ValueId larger = b_.select(is_less, sum_before, term), smaller = b_.select(is_less, term, sum_before);
            const ValueId ratio = b_.math(MathFunction::exp, {b_.subtract(smaller, larger)});
            b_.store_cell(all, b_.add(larger, b_.math(MathFunction::log1p, {ratio})));
          });
    });
  });
  target_ = target;
  add_to_target(b_.load_cell(all));
}

} // namespace sibyl::lower
