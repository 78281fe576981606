#include "runtime/model/parameters.hpp"

#include "lang/errors.hpp"

#include <algorithm>
#include <limits>

namespace sibyl {

namespace {

bool is_output(const VariableFact& variable, Outputs outputs) {
  if (variable.role == Role::parameter) return true;
  return outputs == Outputs::all && (variable.role == Role::transformed_parameter || variable.role == Role::generated);
}

// Stan's order of a model's outputs: parameters, transformed parameters, generated quantities.
constexpr Role output_order[] = {Role::parameter, Role::transformed_parameter, Role::generated};

} // namespace

ParameterTransform::ParameterTransform(std::shared_ptr<const CompiledModel> model, int lanes)
    : call_(std::move(model), Precision::f64, lanes) {}

void ParameterTransform::bind(const DataBatch& batch, std::size_t data_set) {
  const std::vector<std::size_t> same(static_cast<std::size_t>(call_.lanes()), data_set);
  call_.bind(batch, same);
  if (!call_.transform_data()) throw RuntimeError(call_.failure(0));
  if (!call_.run("sizes")) throw RuntimeError(call_.failure(0));
  space_ = call_.parameter_space(0);
  unconstrained_count_ = dimension(space_);
  parameters_ = make_layout(Outputs::parameters);
  all_ = make_layout(Outputs::all);
}

Draws ParameterTransform::make_layout(Outputs outputs) const {
  Draws layout;
  const Facts& facts = call_.model().facts();
  for (const Role role : output_order)
    for (std::size_t v = 0; v < facts.variables.size(); ++v) {
      const VariableFact& variable = facts.variables[v];
      if (variable.role != role || !is_output(variable, outputs)) continue;
      const auto extents = call_.extents(v, 0);
      layout.variables.push_back({variable.name, variable.is_integer, extents, layout.columns.size()});
      for (std::string& name : column_names(variable.name, extents)) layout.columns.push_back(std::move(name));
    }
  return layout;
}

std::size_t ParameterTransform::row_count(std::span<const double> unconstrained) const {
  return unconstrained_count_ == 0 ? 0 : unconstrained.size() / unconstrained_count_;
}

// Runs the function on rows `row` .. `row + active - 1`, one for each lane.
void ParameterTransform::run(const char* function, std::span<const double> unconstrained, std::size_t row,
                             std::size_t active, const RunOptions& options) {
  const std::size_t n = unconstrained_count_, width = static_cast<std::size_t>(call_.lanes());
  double* input = call_.unconstrained_input(n);
  // Lanes beyond the last row repeat it, so that they compute something harmless.
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t lane = 0; lane < width; ++lane)
      input[p * width + lane] = unconstrained[(row + std::min(lane, active - 1)) * n + p];
  call_.run(function, options);
}

Draws ParameterTransform::constrain(std::span<const double> unconstrained, Outputs outputs, std::uint64_t seed,
                                    std::uint64_t first_index, LeftOut* failed) {
  Draws draws = layout(outputs);
  const std::size_t width = static_cast<std::size_t>(call_.lanes());
  draws.row_count = row_count(unconstrained);
  draws.values.assign(draws.row_count * draws.columns.size(), std::numeric_limits<double>::quiet_NaN());
  if (failed) failed->count_tries(draws.row_count);
  const std::span all(draws.variables), parameters = all.first(parameters_.variables.size());
  const char* function = outputs == Outputs::parameters ? "constrain_parameters" : "constrain";
  std::vector<std::size_t> succeeded, rest;
  for (std::size_t row = 0; row < draws.row_count; row += width) {
    const std::size_t active = std::min(width, draws.row_count - row);
    run(function, unconstrained, row, active, {.seed = seed, .first_index = first_index + row});
    succeeded.clear();
    rest.clear();
    for (std::size_t lane = 0; lane < active; ++lane) {
      const int number = static_cast<int>(lane);
      if (!call_.failed(number)) {
        succeeded.push_back(lane);
        continue;
      }
      if (!failed) throw RuntimeError(call_.failure(number));
      failed->add(call_.failed_check(number), [&] { return call_.failure(number); });
      rest.push_back(lane);
    }
    copy_results(all, succeeded, row, draws);
    if (rest.empty() || outputs == Outputs::parameters) continue;
    run("constrain_parameters", unconstrained, row, active, {});
    std::erase_if(rest, [&](std::size_t lane) { return call_.failed(static_cast<int>(lane)); });
    copy_results(parameters, rest, row, draws);
  }
  return draws;
}

void ParameterTransform::copy_results(std::span<const DrawsVariable> variables, std::span<const std::size_t> lanes,
                                      std::size_t first_row, Draws& draws) const {
  if (lanes.empty()) return; // where all have failed, the results have no memory
  const std::size_t columns = draws.columns.size();
  for (const DrawsVariable& variable : variables) {
    const auto number = static_cast<std::size_t>(call_.model().facts().find(variable.name));
    const auto count = static_cast<std::size_t>(element_count(variable.extents));
    for (std::size_t position = 0; position < count; ++position) {
      const std::size_t flat = row_major_position(position, variable.extents);
      for (const std::size_t lane : lanes)
        draws.values[(first_row + lane) * columns + variable.first_column + position] =
            call_.value(number, flat, static_cast<int>(lane));
    }
  }
}

std::vector<double> ParameterTransform::log_jacobian(std::span<const double> unconstrained) {
  return evaluate("log_jacobian", unconstrained);
}

std::optional<std::vector<double>> ParameterTransform::log_prior_mass(std::span<const double> unconstrained) {
  if (!call_.has("log_prior_mass")) return std::nullopt;
  return evaluate("log_prior_mass", unconstrained);
}

std::vector<double> ParameterTransform::evaluate(const char* function, std::span<const double> unconstrained) {
  std::vector<double> result(row_count(unconstrained));
  const std::size_t width = static_cast<std::size_t>(call_.lanes());
  for (std::size_t row = 0; row < result.size(); row += width) {
    const std::size_t active = std::min(width, result.size() - row);
    run(function, unconstrained, row, active, {});
    for (std::size_t lane = 0; lane < active; ++lane) {
      const int number = static_cast<int>(lane);
      result[row + lane] =
          call_.failed(number) ? std::numeric_limits<double>::quiet_NaN() : call_.log_density(number);
    }
  }
  return result;
}

std::vector<double> ParameterTransform::unconstrain(const DataBatch& parameters, std::size_t data_set) {
  const std::vector<std::size_t> same(static_cast<std::size_t>(call_.lanes()), data_set);
  call_.bind(parameters, same);
  if (!call_.transform_data() || !call_.run("unconstrain")) throw RuntimeError(call_.failure(0));
  std::vector<double> result(call_.unconstrained_count());
  for (std::size_t p = 0; p < result.size(); ++p) result[p] = call_.unconstrained(p, 0);
  return result;
}

} // namespace sibyl
