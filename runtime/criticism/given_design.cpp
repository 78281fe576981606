#include "runtime/criticism/given_design.hpp"

#include "runtime/inputs/missing_values.hpp"
#include "runtime/model/computed_data.hpp"
#include "runtime/model/parameters.hpp"
#include "runtime/model/predictor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace sibyl {

namespace {

// The data set with one simulation's values in the place of the observed ones, and missing where these are.
DataSet replace_observed(const DataSet& data, const DataSet& simulated) {
  DataSet result = data;
  for (const auto& [name, tensor] : simulated.variables) {
    Tensor replaced = tensor;
    const auto own = data.variables.find(name);
    if (own != data.variables.end() && own->second.values.size() == replaced.values.size())
      for (std::size_t k = 0; k < replaced.values.size(); ++k)
        if (std::isnan(own->second.values[k])) replaced.values[k] = std::numeric_limits<double>::quiet_NaN();
    result.variables[name] = std::move(replaced);
  }
  return result;
}

bool are_usable(const DataSet& set) {
  return std::all_of(set.variables.begin(), set.variables.end(), [](const auto& one) {
    return std::none_of(one.second.values.begin(), one.second.values.end(), [](double x) { return std::isinf(x); });
  });
}

} // namespace

bool has_drawn_design(const Facts& facts, const InferenceSetup& setup) {
  if (setup.region) return false; // its data sets have the design of one
  return std::any_of(facts.variables.begin(), facts.variables.end(), [&](const VariableFact& one) {
    return one.role == Role::design && !one.only_generated &&
           !(setup.design && setup.design->variables.contains(one.name));
  });
}

SetsOfDesign simulate_with_design(const PosteriorSampler& sampler, const DataSet& data,
                                  std::span<const double> parameters, std::uint64_t seed,
                                  const std::atomic<std::int32_t>* interrupted) {
  const auto model = sampler.shared_model();
  const Facts& facts = model->facts();
  const DataBatch complete = complete_for_transform(facts, gather(facts, std::span(&data, 1)));
  ParameterTransform transform(model);
  transform.bind(complete, 0);
  LeftOut failed;
  const Draws draws = transform.constrain(parameters, Outputs::parameters, 0, 0, &failed);
  std::vector<std::size_t> rows(draws.row_count);
  std::iota(rows.begin(), rows.end(), 0);
  const Prediction predicted = predict(model, extract(facts, complete, 0), draws, rows, seed, interrupted);
  SetsOfDesign result;
  for (std::size_t i = 0; i < predicted.data.count; ++i) {
    DataSet one = replace_observed(data, extract(facts, predicted.data, i));
    if (!are_usable(one)) continue;
    result.sets.push_back(std::move(one));
    result.places.push_back(predicted.places[i]);
  }
  return result;
}

double share_as_far(const PosteriorSampler& sampler, const DataSet& data, double distance,
                    std::span<const double> parameters, std::uint64_t seed,
                    const std::atomic<std::int32_t>* interrupted) {
  const std::vector<DataSet> sets = simulate_with_design(sampler, data, parameters, seed, interrupted).sets;
  if (sets.empty()) return 1;
  DataBatch batch = gather(sampler.model().facts(), sets);
  compute_observed(sampler.shared_model(), batch);
  std::size_t as_far = 1;
  for (const double one : sampler.distances(batch)) as_far += !(one < distance);
  return static_cast<double>(as_far) / static_cast<double>(sets.size() + 1);
}

} // namespace sibyl
