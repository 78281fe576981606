#include "compiler/lower/lowering.hpp"

#include "compiler/generative/accesses.hpp"
#include "lang/errors.hpp"

#include <limits>
#include <utility>

namespace sibyl::lower {

using ir::MathFunction;
using ir::Op;
using typed::DistributionFunction;
using typed::ExpressionPtr;

namespace {

const ValueId& value_of(const Storage& storage) { return std::get<AsValue>(storage).value; }

} // namespace

Lowering::Arguments Lowering::distribution_arguments(const std::vector<ExpressionPtr>& arguments,
                                                     const typed::Distribution& distribution, bool has_y, Span span) {
  Arguments result;
  const std::size_t first = arguments.size() - distribution.parameters.size(); // behind the outcome, or the sizes
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Type wanted = i >= first ? distribution.parameters[i - first] : has_y ? distribution.outcome : Type{};
    if (arguments[i]->type.is_scalar()) {
      result.given.push_back(AsValue{scalar(arguments[i])});
      result.is_row.push_back(false);
      continue;
    }
    View given = view(arguments[i]);
    const bool is_row = arguments[i]->type.rank() > wanted.rank();
    if (wanted.rank() > 0 && !given.is_cheap) given = materialize(given);
    if (is_row) {
      if (result.count)
        require_same_size(*result.count, given.sizes[0], result.count_key, given.size_keys[0],
                          "`" + distribution.name + "` got lists of {} and {} elements", span);
      else {
        result.count = given.sizes[0];
        result.count_key = given.size_keys[0];
      }
    }
    result.is_row.push_back(is_row);
    result.given.push_back(AsView{std::move(given)});
  }
  return result;
}

std::vector<Storage> Lowering::at(const Arguments& arguments, ValueId index) const {
  std::vector<Storage> element = arguments.given;
  for (std::size_t i = 0; i < element.size(); ++i) {
    if (!arguments.is_row[i]) continue;
    const View& all = std::get<AsView>(arguments.given[i]).view;
    if (all.sizes.size() == 1) element[i] = AsValue{all.element({index})};
    else element[i] = AsView{element_of(all, {index})};
  }
  return element;
}

// `rows`: only those requirements that concern a parameter given element by element; otherwise only the others.
void Lowering::require_parameters(const typed::Distribution& distribution, const std::vector<Storage>& parameters,
                                  const std::vector<ExpressionPtr>& expressions, std::size_t first, bool rows,
                                  const Arguments& arguments, bool to_draw) {
  for (const typed::Requirement& requirement : distribution.requirements) {
    if (requirement.to_draw && !to_draw) continue;
    // A condition may involve several parameters; it is checked per element as soon as one of them is a list.
    bool concerns_row = arguments.is_row[first + requirement.parameter];
    std::set<typed::VariableId> reads;
    generative::for_each_statement(requirement.condition->body, [&](const typed::StatementPtr& one) {
      generative::for_each_operand(one, [&](const ExpressionPtr& operand) { generative::add_reads(operand, reads); });
    });
    for (std::size_t i = 0; i < requirement.condition->arguments.size(); ++i)
      if (reads.contains(requirement.condition->arguments[i]))
        concerns_row = concerns_row || arguments.is_row[first + i];
    if (concerns_row != rows) continue;
    const ValueId holds = call_scalar(*requirement.condition, parameters);
    const Span span = expressions[first + requirement.parameter]->span;
    b_.set_span(span);
    const std::string& name = distribution.parameter_names[requirement.parameter];
    const std::string what = "`" + name + "` of `" + distribution.name + "` ";
    const auto* number = std::get_if<AsValue>(&parameters[requirement.parameter]);
    b_.check(b_.compare(Op::not_equal, holds, b_.integer(0)),
             message(what + (number ? "is {}, " : "") + requirement.text, span),
             number ? std::vector<ValueId>{number->value} : std::vector<ValueId>{});
  }
}

// The log density (or log distribution function) at one outcome; `arguments` holds the outcome first.
ValueId
Lowering::element_log(const typed::Distribution& distribution, DistributionFunction function,
                      const std::vector<Storage>& arguments,
                      const std::optional<std::pair<std::optional<ValueId>, std::optional<ValueId>>>& truncation) {
  const std::vector<Storage> parameters(arguments.begin() + 1, arguments.end());
  if (distribution.draws_container()) {
    const View& y = std::get<AsView>(arguments.front()).view;
    for (std::size_t d = 0; d < y.sizes.size(); ++d)
      if (distribution.outcome_sizes[d])
        require_same_size(y.sizes[d], call_scalar(*distribution.outcome_sizes[d], parameters), "", "",
                          "the outcome of `" + distribution.name + "` has {} elements, its parameters {}", b_.span());
    return call_scalar(*distribution.log_density, arguments);
  }
  const ValueId y = value_of(arguments.front());
  const ValueId minus_infinity = b_.real(-std::numeric_limits<double>::infinity());
  if (function != DistributionFunction::log_density)
    return element_log_tail(distribution, y, b_.integer(function == DistributionFunction::log_ccdf), parameters);
  std::optional<ValueId> below, above;
  if (distribution.support.lower) below = b_.compare(Op::less, y, call_scalar(*distribution.support.lower, parameters));
  if (distribution.support.upper)
    above = b_.compare(Op::greater, y, call_scalar(*distribution.support.upper, parameters));
  ValueId value = call_scalar(*distribution.log_density, arguments);
  if (truncation && truncation->first) {
    const ValueId outside = b_.compare(Op::less, y, *truncation->first);
    below = below ? b_.logical_or(*below, outside) : outside;
  }
  if (truncation && truncation->second) {
    const ValueId outside = b_.compare(Op::greater, y, *truncation->second);
    above = above ? b_.logical_or(*above, outside) : outside;
  }
  if (below) value = b_.select(*below, minus_infinity, value);
  if (above) value = b_.select(*above, minus_infinity, value);
  return value;
}

// log P(Y <= y), or where the integer `upper` is not zero log P(Y > y).
ValueId Lowering::element_log_tail(const typed::Distribution& distribution, ValueId y, ValueId upper,
                                   const std::vector<Storage>& parameters) {
  std::vector<Storage> arguments = {AsValue{y}, AsValue{upper}};
  arguments.insert(arguments.end(), parameters.begin(), parameters.end());
  ValueId value = call_scalar(*distribution.log_tail, arguments);
  const ValueId is_upper = b_.compare(Op::not_equal, upper, b_.integer(0));
  const ValueId certain = b_.real(0), impossible = b_.real(-std::numeric_limits<double>::infinity());
  if (distribution.support.lower)
    value = b_.select(b_.compare(Op::less, y, call_scalar(*distribution.support.lower, parameters)),
                      b_.select(is_upper, certain, impossible), value);
  if (distribution.support.upper)
    value = b_.select(b_.compare(Op::greater, y, call_scalar(*distribution.support.upper, parameters)),
                      b_.select(is_upper, impossible, certain), value);
  return value;
}

ValueId Lowering::log_density(const typed::Distribution& distribution, DistributionFunction function,
                              const std::vector<ExpressionPtr>& arguments,
                              const std::optional<typed::Truncation>& truncation, Span span) {
  const auto sink = std::exchange(element_sink_, nullptr); // not for densities among the arguments
  const Arguments given = distribution_arguments(arguments, distribution, true, span);
  const auto parameters_of = [](const std::vector<Storage>& all) {
    return std::vector<Storage>(all.begin() + 1, all.end());
  };
  const auto bound = [&](const ExpressionPtr& given_bound) -> std::optional<ValueId> {
    if (!given_bound) return std::nullopt;
    return distribution.support.is_discrete ? scalar(given_bound) : b_.to_real(scalar(given_bound));
  };
  std::pair<std::optional<ValueId>, std::optional<ValueId>> bounds;
  if (truncation) bounds = {bound(truncation->lower), bound(truncation->upper)};
  const auto truncated = [&](const std::vector<Storage>& element) {
    if (!bounds.first && !bounds.second) return element_log(distribution, function, element, std::nullopt);
    const ValueId value = element_log(distribution, function, element, bounds);
    return b_.subtract(value, log_mass_between(distribution, parameters_of(element), value_of(element[0]), bounds.first,
                                               bounds.second));
  };
  if (!given.count) {
    require_parameters(distribution, parameters_of(given.given), arguments, 1, false, given, false);
    b_.set_span(span);
    return truncated(given.given);
  }
  // Conditions on scalars hold for all elements: they are checked before the loop.
  std::vector<Storage> scalars = given.given;
  for (std::size_t i = 0; i < scalars.size(); ++i)
    if (given.is_row[i]) scalars[i] = AsValue{b_.real(0)}; // not looked at by these conditions
  require_parameters(distribution, parameters_of(scalars), arguments, 1, false, given, false);
  const ir::CellId total = b_.cell("sum", ir::Type::real);
  b_.store_cell(total, b_.real(0));
  b_.for_(b_.integer(0), b_.subtract(*given.count, b_.integer(1)), [&](ValueId i) {
    const std::vector<Storage> element = at(given, i);
    require_parameters(distribution, parameters_of(element), arguments, 1, true, given, false);
    b_.set_span(span);
    if (sink) sink(i, truncated(element));
    else b_.store_cell(total, b_.add(b_.load_cell(total), truncated(element)));
  });
  return b_.load_cell(total);
}

ValueId Lowering::distribution_call(const typed::DistributionCall& call, Span span) {
  if (call.function != DistributionFunction::draw) {
    const DistributionFunction function =
        call.function == DistributionFunction::cdf ? DistributionFunction::log_cdf : call.function;
    const ValueId value = log_density(*call.distribution, function, call.arguments, std::nullopt, span);
    return call.function == DistributionFunction::cdf ? b_.math(MathFunction::exp, {value}) : value;
  }
  const Arguments given = distribution_arguments(call.arguments, *call.distribution, false, span);
  require_parameters(*call.distribution, given.given, call.arguments, 0, false, given, true);
  b_.set_span(span);
  return call_scalar(*call.distribution->sample, given.given);
}

View Lowering::draws_view(const typed::DistributionCall& call, const Type& type) {
  const Arguments given = distribution_arguments(call.arguments, *call.distribution, false, b_.span());
  const Span span = b_.span();
  if (call.distribution->draws_container()) return draw_containers(call, given, type, span);
  // Conditions on what all elements share are looked at once, before the loop, even where it has no element.
  require_parameters(*call.distribution, given.given, call.arguments, 0, false, given, true);
  b_.set_span(span);
  const ir::ArrayId array = declare_local("draws", type_of(type), {*given.count});
  b_.for_(b_.integer(0), b_.subtract(*given.count, b_.integer(1)), [&](ValueId i) {
    const std::vector<Storage> element = at(given, i);
    require_parameters(*call.distribution, element, call.arguments, 0, true, given, true);
    b_.set_span(span);
    b_.store(array, call_scalar(*call.distribution->sample, element), {i});
  });
  View result;
  result.sizes = {*given.count};
  result.size_keys = {given.count_key};
  result.is_integer = type.base == Base::integer;
  result.array_rank = type.array_rank;
  result.element = [this, array](const std::vector<ValueId>& index) { return b_.load(array, index); };
  return result;
}

// A container drawn whole, or an array of them.
View Lowering::draw_containers(const typed::DistributionCall& call, const Arguments& given, const Type& type,
                               Span span) {
  const typed::Distribution& distribution = *call.distribution;
  const std::size_t first = distribution.given_sizes();
  const auto parameters_of = [&](const std::vector<Storage>& all) {
    return std::vector<Storage>(all.begin() + static_cast<std::ptrdiff_t>(first), all.end());
  };
  require_parameters(distribution, parameters_of(given.given), call.arguments, first, false, given, true);
  b_.set_span(span);
  if (!given.count) return call_view(*distribution.sample, given.given, span);
  View result;
  result.array_rank = type.array_rank;
  result.sizes = {*given.count};
  const std::vector<Storage> any = parameters_of(at(given, b_.integer(0)));
  for (const auto& size : distribution.outcome_sizes) result.sizes.push_back(call_scalar(*size, any));
  result.size_keys.assign(result.sizes.size(), "");
  result.size_keys[0] = given.count_key;
  const ir::ArrayId array = declare_local("draws", ir::Type::real, result.sizes);
  loop({*given.count}, [&](const std::vector<ValueId>& index) {
    const std::vector<Storage> element = at(given, index[0]);
    require_parameters(distribution, parameters_of(element), call.arguments, first, true, given, true);
    const View one = call_view(*distribution.sample, element, span);
    loop(one.sizes,
         [&](const std::vector<ValueId>& inner) { b_.store(array, one.element(inner), joined(index, inner)); });
  });
  result.element = [this, array](const std::vector<ValueId>& index) { return b_.load(array, index); };
  return result;
}

// Declared bounds truncate a parameter's prior, those apart that depend on what is drawn after it; those of data are a
// promise that is checked where data are read.
Lowering::DrawnBound Lowering::drawn_bound(const typed::Tilde& tilde, bool is_lower) {
  const typed::VariableId id = *generative::drawn_variable(tilde.left);
  const typed::Variable& drawn = variable(id);
  const bool is_bounded = drawn.block == typed::Block::parameters && !drawn.is_local;
  const ExpressionPtr& declared = is_lower ? drawn.lower : drawn.upper;
  const auto& late = is_lower ? context_.program.simulation.late_lower : context_.program.simulation.late_upper;
  ElementBound of_element = is_bounded && declared && !late.contains(id) ? element_bound(id, declared) : ElementBound();
  const auto& of_type = is_lower ? drawn.transform->element_lower : drawn.transform->element_upper;
  if (is_bounded && of_type) of_element = [value = b_.real(*of_type)](const std::vector<ValueId>&) { return value; };
  std::optional<ValueId> given_here;
  if (tilde.truncation)
    if (const ExpressionPtr& truncation = is_lower ? tilde.truncation->lower : tilde.truncation->upper)
      given_here = scalar(truncation);
  return [this, of_element, given_here, is_lower](const std::vector<ValueId>& at) -> std::optional<ValueId> {
    if (!of_element) return given_here;
    const ValueId declared_here = of_element(at);
    if (!given_here) return declared_here;
    if (b_.type(declared_here) == ir::Type::real)
      return b_.math(is_lower ? MathFunction::fmax : MathFunction::fmin, {declared_here, b_.to_real(*given_here)});
    return is_lower ? b_.maximum(declared_here, *given_here) : b_.minimum(declared_here, *given_here);
  };
}

void Lowering::draw(const typed::Tilde& tilde, Span span) {
  const typed::VariableId id = *generative::drawn_variable(tilde.left);
  const typed::Variable& drawn = variable(id);
  const Arguments given = distribution_arguments(tilde.arguments, *tilde.distribution, false, span);
  require_parameters(*tilde.distribution, given.given, tilde.arguments, 0, false, given, true);
  const bool is_bounded = drawn.block == typed::Block::parameters && !drawn.is_local;
  const DrawnBound lower = drawn_bound(tilde, true), upper = drawn_bound(tilde, false);
  // Observed angles lie in the turn that their declaration names.
  const bool is_turned = tilde.distribution->period && !is_bounded && drawn.lower;
  const ElementBound turn = is_turned ? element_bound(id, drawn.lower) : ElementBound();
  const auto one_draw = [&](const std::vector<Storage>& parameters, const std::vector<ValueId>& where) {
    const ValueId value = sample_between(*tilde.distribution, parameters, lower(where), upper(where), drawn.name, span);
    return turn ? turned(*tilde.distribution, parameters, value, turn(where)) : value;
  };
  b_.set_span(span);
  const ExpressionPtr left = generative::drawn_place(tilde.left);
  const std::vector<typed::IndexItem> items = generative::items_of(left);
  std::vector<ValueId> noted;
  if (left->type.is_scalar()) {
    if (!items.empty()) place(id, items, noted, span).element({});
    const std::vector<ValueId> where = noted;
    note_given(id, where, true, span);
    const ValueId value = one_draw(given.given, where);
    is_drawing_ = true;
    store(id, items, AsValue{value}, span);
    is_drawing_ = false;
    return;
  }
  View target = place(id, items, noted, span);
  if (left != tilde.left) target = flat(target);
  if (tilde.distribution->draws_container()) return store_drawn(tilde, given, id, target, noted, span);
  const ir::ArrayId array = std::get<InArray>(storage(id)).array;
  if (given.count)
    require_same_size(target.sizes[0], *given.count, target.size_keys[0], given.count_key,
                      "`" + drawn.name + "` has {} elements, its distribution's parameters {}", span);
  loop(target.sizes, [&](const std::vector<ValueId>& i) {
    const std::vector<Storage> element = at(given, i[0]);
    if (given.count) require_parameters(*tilde.distribution, element, tilde.arguments, 0, true, given, true);
    b_.set_span(span);
    target.element(i);
    const std::vector<ValueId> place_of = noted;
    note_given(id, place_of, true, span);
    const ValueId value = one_draw(element, place_of);
    b_.store(array, drawn.type.base == Base::real || drawn.type.base_rank() > 0 ? b_.to_real(value) : value, place_of);
  });
  if (is_bounded && drawn.transform->is_type()) condition_draw(id, *tilde.distribution, items, span);
}

// A draw of a container, or of each of a list of them, into the variable's part that `target` notes the places of.
void Lowering::store_drawn(const typed::Tilde& tilde, const Arguments& given, typed::VariableId id, const View& target,
                           const std::vector<ValueId>& noted, Span span) {
  const typed::Distribution& distribution = *tilde.distribution;
  const auto rows = target.sizes.size() - static_cast<std::size_t>(distribution.outcome.rank());
  if (rows > 0 && given.count)
    require_same_size(target.sizes[0], *given.count, target.size_keys[0], given.count_key,
                      "`" + variable(id).name + "` has {} elements, its distribution's parameters {}", span);
  const ir::ArrayId array = std::get<InArray>(storage(id)).array;
  const std::vector<ValueId> outcome(target.sizes.begin() + static_cast<std::ptrdiff_t>(rows), target.sizes.end());
  loop({target.sizes.begin(), target.sizes.begin() + static_cast<std::ptrdiff_t>(rows)},
       [&](const std::vector<ValueId>& index) {
         const std::vector<Storage> parameters = given.count ? at(given, index[0]) : given.given;
         if (given.count) require_parameters(distribution, parameters, tilde.arguments, 0, true, given, true);
         std::vector<Storage> arguments;
         for (std::size_t d = 0; d < outcome.size(); ++d)
           if (!distribution.outcome_sizes[d] && arguments.size() < distribution.given_sizes())
             arguments.push_back(AsValue{outcome[d]});
         arguments.insert(arguments.end(), parameters.begin(), parameters.end());
         const View drawn = call_view(*distribution.sample, arguments, span);
         for (std::size_t d = 0; d < outcome.size(); ++d)
           require_same_size(outcome[d], drawn.sizes[d], "", "",
                             "`" + variable(id).name + "` has {} elements here, its distribution draws {}", span);
         loop(outcome, [&](const std::vector<ValueId>& inner) {
           const ValueId value = drawn.element(inner);
           target.element(joined(index, inner));
           const std::vector<ValueId> where = noted;
           note_given(id, where, true, span);
           b_.store(array, value, where);
         });
       });
}

// The drawn elements of a constrained parameter (of those elements of an array of it that `items` choose), given that
// they are so constrained.
void Lowering::condition_draw(typed::VariableId id, const typed::Distribution& distribution,
                              const std::vector<typed::IndexItem>& items, Span span) {
  const typed::Variable& drawn = variable(id);
  const std::vector<Storage> sizes = transform_sizes(drawn);
  const auto outer = static_cast<std::size_t>(drawn.type.array_rank);
  std::vector<ValueId> noted;
  View target = place(id, items, noted, span);
  const ir::ArrayId array = std::get<InArray>(storage(id)).array;
  const std::size_t dimensions = target.sizes.size() - static_cast<std::size_t>(drawn.type.base_rank());
  const std::vector<ValueId> inner_sizes(target.sizes.begin() + static_cast<std::ptrdiff_t>(dimensions),
                                         target.sizes.end());
  loop({target.sizes.begin(), target.sizes.begin() + static_cast<std::ptrdiff_t>(dimensions)},
       [&](const std::vector<ValueId>& index) {
         std::vector<ValueId> first = index;
         first.resize(target.sizes.size(), b_.integer(0));
         target.element(first);
         const std::vector<ValueId> place_of(noted.begin(), noted.begin() + static_cast<std::ptrdiff_t>(outer));
         View free;
         free.sizes = inner_sizes;
         free.size_keys.assign(inner_sizes.size(), "");
         free.element = [this, array, place_of](const std::vector<ValueId>& inner) {
           return b_.load(array, joined(place_of, inner));
         };
         std::vector<Storage> arguments{AsView{free}};
         arguments.insert(arguments.end(), sizes.begin(), sizes.end());
         const View conditioned =
             materialize(call_view(*drawn.transform->conditioned_on(distribution.name), arguments, span));
         store_constrained(id, place_of, conditioned);
       });
}

void Lowering::draw_flat(typed::VariableId id) {
  const typed::Variable& parameter = variable(id);
  b_.set_span(parameter.span);
  const auto& sample = *parameter.transform->sample;
  if (parameter.transform->is_type()) {
    const std::vector<Storage> sizes = transform_sizes(parameter);
    return for_each_constrained(id, [&](const std::vector<ValueId>& index, const View&) {
      store_constrained(id, index, call_view(sample, sizes, parameter.span));
    });
  }
  const ElementBound lower = element_bound(id, parameter.lower), upper = element_bound(id, parameter.upper);
  const auto uniform = [&](const std::vector<ValueId>& at) {
    const ValueId from = lower(at), to = upper(at);
    const ValueId width = b_.subtract(to, from);
    const ValueId usable =
        b_.logical_and(b_.compare(Op::greater_equal, width, b_.real(0)), b_.logical_not(b_.is_infinite(width)));
    b_.check(usable,
             message("`" + parameter.name + "` cannot be drawn uniformly between its bounds {} and {}", parameter.span),
             {from, to});
    return call_scalar(sample, {AsValue{from}, AsValue{to}});
  };
  if (parameter.type.is_scalar()) {
    store_scalar(id, uniform({}));
    return;
  }
  const ir::ArrayId array = std::get<InArray>(storage(id)).array;
  loop(array_view(array, id).sizes, [&](const std::vector<ValueId>& index) { b_.store(array, uniform(index), index); });
}

} // namespace sibyl::lower
