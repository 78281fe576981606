#include "runtime/model/parameters.hpp"

#include "lang/errors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sibyl {

namespace {

bool is_output(const VariableFact& variable, Outputs outputs) {
  if (variable.role == Role::parameter) return true;
  return outputs == Outputs::all && (variable.role == Role::transformed_parameter || variable.role == Role::generated);
}

// Stan's order of a model's outputs: parameters, transformed parameters, generated quantities.
constexpr Role output_order[] = {Role::parameter, Role::transformed_parameter, Role::generated};

// log of the logistic density at u, exact in both tails: log(s(u) (1 - s(u))).
double log_logistic_density(double u) {
  const double magnitude = std::abs(u);
  return -magnitude - 2 * std::log1p(std::exp(-magnitude));
}

double logistic(double u) { return 1 / (1 + std::exp(-u)); }

} // namespace

ParameterTransform::ParameterTransform(std::shared_ptr<const CompiledModel> model, int lanes)
    : call_(std::move(model), Precision::f64, lanes) {}

void ParameterTransform::bind(const DataBatch& batch, std::size_t data_set) {
  const std::vector<std::size_t> same(static_cast<std::size_t>(call_.lanes()), data_set);
  call_.bind(batch, same);
  if (!call_.transform_data()) throw RuntimeError(call_.failure(0));
  call_.run("sizes");
  unconstrained_count_ = call_.unconstrained_count();
  parameters_ = make_layout(Outputs::parameters);
  all_ = make_layout(Outputs::all);
  make_blocks();
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

void ParameterTransform::make_blocks() {
  blocks_.clear();
  const Facts& facts = call_.model().facts();
  std::size_t first = 0;
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    const VariableFact& variable = facts.variables[v];
    if (variable.role != Role::parameter) continue;
    Block block{v, first, static_cast<std::size_t>(element_count(call_.extents(v, 0))), false, false, 0};
    // An infinite constant bound is none, as in Stan.
    block.has_lower = !variable.lower.empty() && !(variable.constant_lower && std::isinf(*variable.constant_lower));
    block.has_upper = !variable.upper.empty() && !(variable.constant_upper && std::isinf(*variable.constant_upper));
    block.width = std::numeric_limits<double>::quiet_NaN();
    if (variable.constant_lower && variable.constant_upper)
      block.width = *variable.constant_upper - *variable.constant_lower;
    first += block.count;
    blocks_.push_back(block);
  }
  if (first != unconstrained_count_)
    throw InternalError("a parameter's constraint does not act element by element, and its Jacobian is not known here");
}

Draws ParameterTransform::constrain(std::span<const double> unconstrained, Outputs outputs, std::uint64_t seed,
                                    std::uint64_t first_index) {
  Draws draws = layout(outputs);
  const std::size_t n = unconstrained_count_, width = static_cast<std::size_t>(call_.lanes());
  const std::size_t columns = draws.columns.size();
  draws.row_count = n == 0 ? 0 : unconstrained.size() / n;
  draws.values.resize(draws.row_count * columns);
  double* input = call_.unconstrained_input(n);
  std::vector<std::size_t> variable_numbers;
  for (const DrawsVariable& variable : draws.variables)
    variable_numbers.push_back(static_cast<std::size_t>(call_.model().facts().find(variable.name)));
  for (std::size_t row = 0; row < draws.row_count; row += width) {
    const std::size_t active = std::min(width, draws.row_count - row);
    // Lanes beyond the last draw repeat it, so that they compute something harmless.
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t lane = 0; lane < width; ++lane)
        input[p * width + lane] = unconstrained[(row + std::min(lane, active - 1)) * n + p];
    if (!call_.run("constrain", {.seed = seed, .first_index = first_index + row}))
      for (std::size_t lane = 0; lane < active; ++lane)
        if (call_.failed(static_cast<int>(lane))) throw RuntimeError(call_.failure(static_cast<int>(lane)));
    for (std::size_t i = 0; i < draws.variables.size(); ++i) {
      const DrawsVariable& variable = draws.variables[i];
      const auto count = static_cast<std::size_t>(element_count(variable.extents));
      for (std::size_t position = 0; position < count; ++position) {
        const std::size_t flat = row_major_position(position, variable.extents);
        for (std::size_t lane = 0; lane < active; ++lane)
          draws.values[(row + lane) * columns + variable.first_column + position] =
              call_.value(variable_numbers[i], flat, static_cast<int>(lane));
      }
    }
  }
  return draws;
}

std::vector<double> ParameterTransform::log_jacobian(std::span<const double> unconstrained) {
  const std::size_t n = unconstrained_count_;
  std::vector<double> result(n == 0 ? 0 : unconstrained.size() / n, 0);
  for (std::size_t row = 0; row < result.size(); ++row) {
    const auto point = unconstrained.subspan(row * n, n);
    for (const Block& block : blocks_)
      for (std::size_t i = block.first; i < block.first + block.count; ++i) {
        if (block.has_lower && block.has_upper) {
          const double width = std::isnan(block.width) ? interval_width(block, i, point) : block.width;
          result[row] += std::log(width) + log_logistic_density(point[i]);
        } else if (block.has_lower || block.has_upper) result[row] += point[i]; // lower + exp(u), or upper - exp(u)
      }
  }
  return result;
}

// An interval's ends may depend on other parameters: the width follows from two places in it, with all else the same.
double ParameterTransform::interval_width(const Block& block, std::size_t element,
                                          std::span<const double> unconstrained) {
  const std::size_t n = unconstrained_count_, columns = parameters_.columns.size();
  const double near_lower = -3, near_upper = 3;
  std::vector<double> points(unconstrained.begin(), unconstrained.end());
  points.insert(points.end(), unconstrained.begin(), unconstrained.end());
  points[element] = near_lower;
  points[n + element] = near_upper;
  const Draws ends = constrain(points, Outputs::parameters);
  double change = 0;
  const std::string& name = call_.model().facts().variables[block.variable].name;
  for (const DrawsVariable& variable : ends.variables)
    if (variable.name == name)
      for (std::size_t c = variable.first_column; c < variable.first_column + block.count; ++c)
        if (change == 0) change = ends.values[columns + c] - ends.values[c]; // only this element moved
  return change / (logistic(near_upper) - logistic(near_lower));
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
