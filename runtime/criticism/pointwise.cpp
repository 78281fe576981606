#include "runtime/criticism/pointwise.hpp"

#include <algorithm>

namespace sibyl {

PointwiseLikelihood pointwise_likelihood(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                                         const Draws& draws) {
  const auto given = std::find_if(draws.variables.begin(), draws.variables.end(),
                                  [](const DrawsVariable& one) { return one.name == "log_lik"; });
  const int v = model->facts().find("log_lik");
  if (given == draws.variables.end() || v < 0 ||
      model->facts().variables[static_cast<std::size_t>(v)].role != Role::generated)
    return log_likelihood(model, data, draws);
  PointwiseLikelihood result;
  const auto count = static_cast<std::size_t>(element_count(given->extents));
  for (std::size_t i = 0; i < count; ++i) result.points.push_back(draws.columns[given->first_column + i]);
  for (std::size_t row = 0; row < draws.row_count; ++row)
    for (std::size_t i = 0; i < count; ++i) result.values.push_back(draws.at(row, given->first_column + i));
  return result;
}

PointwiseLoo leave_one_out(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                           const WeightedPosterior& posterior) {
  PointwiseLikelihood terms = pointwise_likelihood(model, data, posterior.draws);
  PointwiseLoo result;
  result.loo = leave_one_out(terms.values, terms.points.size(), posterior.log_ratios);
  result.points = std::move(terms.points);
  if (posterior.verdict.exact && !posterior.verdict.exact->is_exact) result.doubt = posterior.verdict.exact->text();
  return result;
}

} // namespace sibyl
