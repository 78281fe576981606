#include "runtime/criticism/replications.hpp"

#include "runtime/criticism/residual_pulls.hpp"
#include "runtime/model/predictor.hpp"

#include <algorithm>

namespace sibyl {

namespace {

// More of them would rather be looked at one by one.
constexpr std::size_t most_quantities = 20;

bool is_compared(const Facts& facts, const DataBatch& batch, std::size_t v) {
  return facts.variables[v].role == Role::observed && batch.variables[v].present;
}

} // namespace

std::size_t row_length(const VariableBatch& variable, std::size_t data_set) {
  if (variable.rank() == 0) return 1;
  return std::max<std::size_t>(1, static_cast<std::size_t>(variable.size(data_set, variable.rank() - 1)));
}

std::string why_no_replications(const CompiledModel& model) {
  const Facts& facts = model.facts();
  if (!facts.simulates_data) return "its data cannot be simulated: " + facts.no_data_simulation.text;
  if (!model.has("predict", Precision::f64, model.preferred_lanes(Precision::f64)))
    return "it came as a library, which holds no code for predictions";
  return "";
}

Replicator::Replicator(std::shared_ptr<const CompiledModel> model, const DataBatch& batch, const DataBatch& complete)
    : model_(std::move(model)), batch_(batch), complete_(complete) {
  const Facts& facts = model_->facts();
  // What the model computes from data that simulation gives no values cannot be computed of a replication.
  const bool is_computed = std::any_of(facts.variables.begin(), facts.variables.end(),
                                       [](const VariableFact& one) { return one.role == Role::underlying; });
  for (std::size_t v = 0; v < facts.variables.size() && !is_computed; ++v)
    if (facts.variables[v].role == Role::generated && facts.variables[v].dimensions.empty() &&
        quantities_.size() < most_quantities)
      quantities_.push_back(v);
  if (!quantities_.empty()) transform_.emplace(model_);
}

void Replicator::add_quantities(std::size_t data_set, const DataSet& data, const DataBatch& replicated,
                                const std::vector<double>& points, std::uint64_t seed, Replications& result) {
  const Facts& facts = model_->facts();
  const std::size_t count = replicated.count, n = count == 0 ? 0 : points.size() / count;
  LeftOut failed;
  std::vector<std::vector<double>> observed(quantities_.size()), other(quantities_.size());
  const auto add = [&](const Draws& draws, std::vector<std::vector<double>>& to) {
    for (std::size_t q = 0; q < quantities_.size(); ++q) {
      const auto column = std::find(draws.columns.begin(), draws.columns.end(), facts.variables[quantities_[q]].name);
      for (std::size_t row = 0; row < draws.row_count; ++row)
        to[q].push_back(draws.at(row, static_cast<std::size_t>(column - draws.columns.begin())));
    }
  };
  if (count > 0) {
    transform_->bind(complete_, data_set);
    add(transform_->constrain(points, Outputs::all, seed, 0, &failed), observed);
    for (std::size_t i = 0; i < count; ++i) {
      DataSet replication = data;
      for (const auto& [name, tensor] : extract(facts, replicated, i).variables) replication.variables[name] = tensor;
      transform_->bind(gather(facts, std::span(&replication, 1)), 0);
      add(transform_->constrain(std::span(points).subspan(i * n, n), Outputs::all, seed, i, &failed), other);
    }
  }
  for (std::size_t q = 0; q < quantities_.size(); ++q)
    result.statistics.push_back(
        compare_quantity("`" + facts.variables[quantities_[q]].name + "`", observed[q], other[q]));
}

Replications Replicator::replicate(std::size_t data_set, const Posterior& posterior, std::size_t count,
                                   std::size_t among, std::uint64_t seed,
                                   const std::atomic<std::int32_t>* interrupted) {
  const Facts& facts = model_->facts();
  const std::size_t rows = posterior.draws.row_count, n = rows == 0 ? 0 : posterior.unconstrained.size() / rows;
  among = std::min(among, rows);
  std::vector<std::size_t> taken(std::min(count, among));
  for (std::size_t i = 0; i < taken.size(); ++i) taken[i] = i * among / taken.size();
  const DataSet data = extract(facts, complete_, data_set);
  const Prediction predicted = predict(model_, data, posterior.draws, taken, seed, interrupted);
  Replications result;
  result.count = predicted.data.count;
  std::vector<double> points;
  for (const std::size_t place : predicted.places) {
    const auto point = posterior.unconstrained.begin() + static_cast<std::ptrdiff_t>(taken[place] * n);
    points.insert(points.end(), point, point + static_cast<std::ptrdiff_t>(n));
  }
  ResidualPulls pulls(n);
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    if (!is_compared(facts, batch_, v)) continue;
    const VariableBatch& variable = batch_.variables[v];
    const std::vector<double> observed = elements_of(variable, data_set);
    std::vector<double> replicated;
    for (std::size_t i = 0; i < result.count; ++i) {
      const std::vector<double> one = elements_of(predicted.data.variables[v], i);
      // A replication of another size says nothing element by element.
      if (one.size() == observed.size()) replicated.insert(replicated.end(), one.begin(), one.end());
    }
    if (replicated.size() == result.count * observed.size()) pulls.add(observed, replicated, points);
    add_statistics(facts.variables[v].name, variable.rank() == 0, facts.variables[v].is_integer, observed, replicated,
                   row_length(variable, data_set), result.statistics);
  }
  result.pulls = pulls.result();
  const std::vector<double> together = pulls_of_statistics(result.statistics, points, n);
  result.pulls.insert(result.pulls.end(), together.begin(), together.end());
  if (quantities_.empty()) return result;
  add_quantities(data_set, data, predicted.data, points, seed, result);
  return result;
}

} // namespace sibyl
