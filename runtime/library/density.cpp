#include "lang/errors.hpp"
#include "runtime/library/state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace sibyl {

namespace library {

DensityState::DensityState(std::shared_ptr<const CompiledModel> compiled, const DataSet& data_set)
    : model(std::move(compiled)), data(data_set), density(model), transform(model) {
  const DataBatch batch = gather(model->facts(), {&data, 1});
  density.bind(batch, std::vector<std::size_t>(static_cast<std::size_t>(density.lanes()), 0));
  transform.bind(batch, 0);
}

namespace {

void require_size(std::size_t given, std::size_t wanted, const char* what) {
  if (given != wanted) throw UserError(fmt::format("{} {} are given, {} are needed", given, what, wanted));
}

} // namespace

} // namespace library

std::size_t ModelDensity::dimension() const { return state_->density.parameter_count(); }

const std::vector<std::string>& ModelDensity::names() const {
  return state_->transform.layout(Outputs::parameters).columns;
}

double ModelDensity::log_density(std::span<const double> unconstrained, bool jacobian) {
  double value = 0;
  library::require_size(unconstrained.size(), dimension(), "unconstrained parameters");
  evaluate(unconstrained, {&value, 1}, {}, jacobian);
  return value;
}

double ModelDensity::gradient(std::span<const double> unconstrained, std::span<double> gradient, bool jacobian) {
  double value = 0;
  library::require_size(unconstrained.size(), dimension(), "unconstrained parameters");
  library::require_size(gradient.size(), dimension(), "places for derivatives");
  evaluate(unconstrained, {&value, 1}, gradient, jacobian);
  return value;
}

void ModelDensity::evaluate(std::span<const double> points, std::span<double> values, std::span<double> gradients,
                            bool jacobian) {
  Density& density = state_->density;
  const std::size_t n = dimension(), lanes = static_cast<std::size_t>(density.lanes());
  library::require_size(points.size(), values.size() * n, "unconstrained parameters");
  if (!gradients.empty()) library::require_size(gradients.size(), points.size(), "places for derivatives");
  const std::scoped_lock lock(state_->mutex);
  for (std::size_t first = 0; first < values.size(); first += lanes) {
    const std::size_t active = std::min(lanes, values.size() - first);
    // Lanes beyond the last point repeat it, so that they compute something harmless.
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t lane = 0; lane < lanes; ++lane)
        density.points()[p * lanes + lane] = points[(first + std::min(lane, active - 1)) * n + p];
    density.evaluate(!gradients.empty(), jacobian);
    for (std::size_t lane = 0; lane < active; ++lane) {
      const double value = values[first + lane] = density.value(static_cast<int>(lane));
      for (std::size_t p = 0; p < n && !gradients.empty(); ++p)
        gradients[(first + lane) * n + p] = value == -std::numeric_limits<double>::infinity()
                                                ? std::numeric_limits<double>::quiet_NaN()
                                                : density.gradient()[p * lanes + lane];
    }
  }
}

Arrays ModelDensity::constrain(std::span<const double> unconstrained) {
  library::require_size(unconstrained.size(), dimension(), "unconstrained parameters");
  const std::scoped_lock lock(state_->mutex);
  const Draws draws = state_->transform.constrain(unconstrained, Outputs::parameters);
  std::map<std::string, Tensor> tensors;
  for (const DrawsVariable& variable : draws.variables) {
    Tensor tensor = variable_draws(draws, variable);
    tensor.extents = variable.extents;
    tensors[variable.name] = std::move(tensor);
  }
  return library::to_arrays(std::move(tensors));
}

std::vector<double> ModelDensity::unconstrain(const Arrays& parameters) {
  std::vector<DataSet> both = {state_->data};
  DataSet given = library::to_data_set(parameters);
  for (const DrawsVariable& variable : state_->transform.layout(Outputs::parameters).variables) {
    const auto found = given.variables.find(variable.name);
    if (found == given.variables.end()) throw UserError(fmt::format("the parameter `{}` is missing", variable.name));
    if (found->second.extents != variable.extents)
      throw UserError(fmt::format("the parameter `{}` has other extents than the model declares", variable.name));
    both[0].variables[variable.name] = std::move(found->second);
  }
  ParameterTransform transform(state_->model);
  return transform.unconstrain(gather(state_->model->facts(), both), 0);
}

} // namespace sibyl
