#include "runtime/repl/current_draws.hpp"

#include "lang/errors.hpp"
#include "runtime/model/computed_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace sibyl::repl {

namespace {

std::span<const std::int32_t> sizes_in(const VariableBatch& variable, std::size_t row) {
  return {variable.sizes.data() + row * variable.rank(), variable.rank()};
}

// Of these lanes, with the sizes that `sizes` gave.
VariableBatch missing_values(const ModelCall& call, std::size_t v, const std::vector<int>& lanes) {
  VariableBatch result;
  result.present = true;
  result.capacity.assign(call.model().facts().variables[v].dimensions.size(), 0);
  for (const int lane : lanes)
    for (std::size_t d = 0; d < result.rank(); ++d) {
      const std::int32_t extent = call.extent(v, d, lane);
      result.sizes.push_back(extent);
      result.capacity[d] = std::max<std::int64_t>(result.capacity[d], extent);
    }
  result.values.assign(result.stride() * lanes.size(), std::numeric_limits<double>::quiet_NaN());
  return result;
}

void copy_lane(const ModelCall& call, std::size_t v, int lane, VariableBatch& target) {
  const VariableBatch source = call.read(v, std::span(&lane, 1));
  std::vector<std::size_t> from;
  for_each_element(sizes_in(source, 0), source.capacity,
                   [&](std::size_t, std::size_t padded) { from.push_back(padded); });
  for_each_element(sizes_in(source, 0), target.capacity, [&](std::size_t compact, std::size_t padded) {
    target.row(static_cast<std::size_t>(lane))[padded] = source.values[from[compact]];
  });
}

// Adds the generated quantities of simulated parameters and data; those of draws that fail are missing.
void add_generated(const std::shared_ptr<const CompiledModel>& model, const SimulatedBatch& simulated,
                   std::uint64_t seed, DataBatch& draws, LeftOut& failed) {
  const Facts& facts = model->facts();
  std::vector<std::size_t> wanted;
  for (std::size_t v = 0; v < facts.variables.size(); ++v)
    if (facts.variables[v].role == Role::generated) wanted.push_back(v);
  if (wanted.empty()) return;
  failed.count_tries(simulated.data.count);
  DataBatch data = simulated.data;
  for (std::size_t v = 0; v < facts.variables.size(); ++v)
    if (!is_data(facts.variables[v])) data.variables[v] = {};
  ModelCall call(model, Precision::f64);
  const auto width = static_cast<std::size_t>(call.lanes());
  std::vector<DataBatch> parts;
  for (std::size_t first = 0; first < data.count; first += width) {
    std::vector<std::size_t> which(std::min(width, data.count - first));
    std::iota(which.begin(), which.end(), first);
    std::vector<int> lanes(which.size());
    std::iota(lanes.begin(), lanes.end(), 0);
    call.bind(data, which);
    if (!call.transform_data()) throw RuntimeError(call.first_failure());
    // The sizes first: those of a draw that fails are not known afterwards.
    call.run("sizes");
    DataBatch part;
    part.count = which.size();
    part.variables.resize(facts.variables.size());
    for (const std::size_t v : wanted) part.variables[v] = missing_values(call, v, lanes);
    double* input = call.unconstrained_input(simulated.parameter_count);
    for (std::size_t p = 0; p < simulated.parameter_count; ++p)
      for (std::size_t lane = 0; lane < width; ++lane)
        input[p * width + lane] =
            simulated.unconstrained[which[std::min(lane, which.size() - 1)] * simulated.parameter_count + p];
    call.run("constrain", {.seed = seed, .first_index = first});
    for (const int lane : lanes) {
      if (call.failed(lane)) {
        failed.add(call.failed_check(lane), [&] { return call.failure(lane); });
        continue;
      }
      for (const std::size_t v : wanted) copy_lane(call, v, lane, part.variables[v]);
    }
    parts.push_back(std::move(part));
  }
  DataBatch generated = merge(std::move(parts));
  for (const std::size_t v : wanted) draws.variables[v] = std::move(generated.variables[v]);
}

} // namespace

const VariableBatch* CurrentDraws::find(std::size_t v) const {
  if (v < varying.variables.size() && varying.variables[v].present) return &varying.variables[v];
  if (v < fixed.variables.size() && fixed.variables[v].present) return &fixed.variables[v];
  return nullptr;
}

std::vector<std::int64_t> CurrentDraws::extents(std::size_t v, std::size_t draw) const {
  const VariableBatch& variable = *find(v);
  const auto sizes = sizes_in(variable, &variable == &fixed.variables[v] ? 0 : draw);
  return {sizes.begin(), sizes.end()};
}

std::vector<double> CurrentDraws::values(std::size_t v, std::size_t draw) const {
  const VariableBatch& variable = *find(v);
  const std::size_t row = &variable == &fixed.variables[v] ? 0 : draw;
  std::vector<double> result;
  for_each_element(sizes_in(variable, row), variable.capacity,
                   [&](std::size_t, std::size_t padded) { result.push_back(variable.row(row)[padded]); });
  return result;
}

PriorDraws draw_prior(std::shared_ptr<const CompiledModel> model, std::size_t count, std::uint64_t seed,
                      const SimulatorOptions& options) {
  Simulator simulator(model, options);
  const SimulatedBatch batch = simulator.simulate(0, count, seed);
  PriorDraws result;
  result.left_out = batch.left_out;
  result.draws.varying = batch.data;
  const Facts& facts = model->facts();
  for (std::size_t v = 0; v < facts.variables.size(); ++v)
    if (facts.variables[v].role == Role::underlying) result.draws.varying.variables[v] = {};
  result.draws.fixed.variables.resize(facts.variables.size());
  add_generated(model, batch, seed, result.draws.varying, result.failed);
  result.draws.count = batch.data.count;
  result.draws.is_prior = true;
  result.draws.origin = fmt::format("{} draws from the prior", batch.data.count);
  result.draws.model = std::move(model);
  return result;
}

CurrentDraws posterior_draws(std::shared_ptr<const CompiledModel> model, const DataSet& data, const Draws& draws,
                             std::string origin) {
  const Facts& facts = model->facts();
  CurrentDraws result;
  result.origin = std::move(origin);
  result.count = draws.row_count;
  result.fixed = gather(facts, std::span(&data, 1));
  compute_observed(model, result.fixed);
  ModelCall call(model, Precision::f64, 1);
  const std::size_t first = 0;
  call.bind(result.fixed, std::span(&first, 1));
  if (!call.transform_data()) throw RuntimeError(call.first_failure());
  const int lane = 0;
  for (std::size_t v = 0; v < facts.variables.size(); ++v)
    if (facts.variables[v].role == Role::transformed_data)
      result.fixed.variables[v] = call.read(v, std::span(&lane, 1));
  result.varying.count = draws.row_count;
  result.varying.variables.resize(facts.variables.size());
  for (const DrawsVariable& variable : draws.variables) {
    VariableBatch& target = result.varying.variables[static_cast<std::size_t>(facts.find(variable.name))];
    target.present = true;
    target.capacity = variable.extents;
    target.values.resize(target.stride() * draws.row_count);
    for (std::size_t row = 0; row < draws.row_count; ++row) {
      target.sizes.insert(target.sizes.end(), variable.extents.begin(), variable.extents.end());
      for (std::size_t i = 0; i < target.stride(); ++i)
        target.row(row)[row_major_position(i, variable.extents)] = draws.at(row, variable.first_column + i);
    }
  }
  result.model = std::move(model);
  return result;
}

} // namespace sibyl::repl
