#include "runtime/criticism/predict_new.hpp"

#include "lang/errors.hpp"
#include "runtime/criticism/replications.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/model/parameters.hpp"
#include "runtime/model/predictor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace sibyl {

namespace {

bool is_of_data(const VariableFact& fact) { return fact.role == Role::observed || fact.role == Role::underlying; }

// A variable's columns at the end of the layout.
void add_variable(Draws& to, const std::string& name, bool is_integer, const std::vector<std::int64_t>& extents) {
  to.variables.push_back({name, is_integer, extents, to.columns.size()});
  for (std::string& column : column_names(name, extents)) to.columns.push_back(std::move(column));
}

} // namespace

DataSet with_design(const Facts& facts, const DataSet& data, const DataSet& design) {
  DataSet result = design;
  result.label = data.label;
  for (const VariableFact& fact : facts.variables) {
    const auto own = data.variables.find(fact.name);
    if (own == data.variables.end()) continue;
    if (!is_of_data(fact)) {
      // What the new design does not say stays as it was.
      if (!result.variables.contains(fact.name)) result.variables[fact.name] = own->second;
      continue;
    }
    Tensor tensor{own->second.is_integer, {}, {}};
    for (const DimensionFact& dimension : fact.dimensions) {
      const auto extent = declared_extent(dimension, result);
      if (!extent)
        throw UserError(
            fmt::format("the new design does not say how many elements `{}` has ({})", fact.name, dimension.size));
      tensor.extents.push_back(*extent);
    }
    const auto count = static_cast<std::size_t>(element_count(tensor.extents));
    if (count > 0 && own->second.values.empty())
      throw UserError(fmt::format("`{}` has no element in the data that stands for what is predicted", fact.name));
    for (std::size_t i = 0; i < count; ++i) tensor.values.push_back(own->second.values[i % own->second.values.size()]);
    result.variables[fact.name] = std::move(tensor);
  }
  return result;
}

Draws predict_draws(const std::shared_ptr<const CompiledModel>& model, const DataSet& data, const Draws& draws,
                    std::span<const double> unconstrained, bool is_new_design, std::uint64_t seed, LeftOut& left_out,
                    const std::atomic<std::int32_t>* interrupted) {
  const Facts& facts = model->facts();
  std::vector<std::size_t> rows(draws.row_count);
  std::iota(rows.begin(), rows.end(), 0);
  const Prediction predicted = predict(model, data, draws, rows, seed, interrupted);
  left_out = predicted.left_out;
  Draws result;
  result.label = draws.label;
  result.row_count = predicted.data.count;
  if (result.row_count == 0) throw RuntimeError(predicted.left_out.describe("predictions"));
  std::vector<std::size_t> observed;
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    if (facts.variables[v].role != Role::observed || !predicted.data.variables[v].present) continue;
    const VariableBatch& variable = predicted.data.variables[v];
    std::vector<std::int64_t> extents;
    for (std::size_t d = 0; d < variable.rank(); ++d) extents.push_back(variable.size(0, d));
    add_variable(result, facts.variables[v].name, facts.variables[v].is_integer, extents);
    observed.push_back(v);
  }
  // Of the generated quantities, too.
  ParameterTransform transform(model);
  const DataBatch batch = gather(facts, std::span(&data, 1));
  transform.bind(batch, 0);
  const Draws& layout = is_new_design ? transform.layout(Outputs::all) : draws;
  std::vector<DrawsVariable> quantities;
  for (const DrawsVariable& variable : layout.variables) {
    const int v = facts.find(variable.name);
    if (v < 0 || facts.variables[static_cast<std::size_t>(v)].role != Role::generated) continue;
    quantities.push_back(variable);
    add_variable(result, variable.name, variable.is_integer, variable.extents);
  }
  const std::size_t n = transform.unconstrained_count();
  LeftOut failed;
  for (std::size_t i = 0; i < result.row_count; ++i) {
    for (const std::size_t v : observed) {
      const std::vector<double> values = elements_of(predicted.data.variables[v], i);
      const std::vector<std::int64_t>& extents =
          result.variables[static_cast<std::size_t>(std::find(observed.begin(), observed.end(), v) - observed.begin())]
              .extents;
      for (std::size_t k = 0; k < values.size(); ++k) result.values.push_back(values[row_major_position(k, extents)]);
    }
    const std::size_t row = predicted.places[i];
    if (quantities.empty()) continue;
    Draws own;
    if (is_new_design) {
      DataSet replication = data;
      for (const auto& [name, tensor] : extract(facts, predicted.data, i).variables)
        replication.variables[name] = tensor;
      transform.bind(gather(facts, std::span(&replication, 1)), 0);
      own = transform.constrain(unconstrained.subspan(row * n, n), Outputs::all, seed, row, &failed);
    }
    for (const DrawsVariable& variable : quantities) {
      const auto count = static_cast<std::size_t>(element_count(variable.extents));
      for (std::size_t k = 0; k < count; ++k)
        result.values.push_back(is_new_design ? own.at(0, variable.first_column + k)
                                              : draws.at(row, variable.first_column + k));
    }
  }
  return result;
}

} // namespace sibyl
