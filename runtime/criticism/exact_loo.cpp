#include "runtime/criticism/exact_loo.hpp"

#include "lang/errors.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/trust/importance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sibyl {

namespace {

// The plate that points are left out of; -1: there is none, and `why` says so.
int plate_of_points(const Facts& facts, std::string& why) {
  int plate = -1;
  for (const VariableFact& variable : facts.variables) {
    if (variable.role == Role::underlying || (variable.role == Role::observed && variable.is_computed)) {
      why = fmt::format("`{}` is observed as transformed data", variable.name);
      return -1;
    }
    if (variable.role != Role::observed) continue;
    int own = -1, count = 0;
    for (const DimensionFact& dimension : variable.dimensions)
      if (dimension.plate >= 0 && dimension.kind == DimensionKind::exchangeable) own = dimension.plate, ++count;
    if (count != 1 || (plate >= 0 && own != plate)) {
      why = fmt::format("`{}` is not one row of exchangeable points", variable.name);
      return -1;
    }
    plate = own;
  }
  if (plate < 0) {
    why = "it observes nothing";
    return -1;
  }
  const Plate& found = facts.plates[static_cast<std::size_t>(plate)];
  const int size = found.size_variable.empty() ? -1 : facts.find(found.size_variable);
  if (size < 0 || !facts.variables[static_cast<std::size_t>(size)].has_design_distribution) {
    why = fmt::format("its data sets have all `{}` points, and the sampler knows no others", found.size);
    return -1;
  }
  for (const VariableFact& variable : facts.variables) {
    if (variable.role == Role::parameter && !variable.varies_with.empty()) {
      why = fmt::format("`{}` has another size where a point is left out", variable.name);
      return -1;
    }
    if (!is_data(variable)) continue;
    for (const DimensionFact& dimension : variable.dimensions)
      if (dimension.plate != plate && dimension.size.find(found.size_variable) != std::string::npos) {
        why = fmt::format("`{}` is of size {}, but not one of the points' own", variable.name, dimension.size);
        return -1;
      }
  }
  return plate;
}

// log sum_s w_s p(y_i | theta_s) and the variance of its Monte Carlo error; `log_weights` normalized, empty: equal.
struct LogMean {
  double value = 0, error_variance = 0;
};

LogMean log_mean(const std::vector<double>& terms, const std::vector<double>& log_weights) {
  const std::size_t count = terms.size();
  const auto weight = [&](std::size_t s) {
    return log_weights.empty() ? -std::log(static_cast<double>(count)) : log_weights[s];
  };
  double largest = -std::numeric_limits<double>::infinity();
  for (std::size_t s = 0; s < count; ++s) largest = std::max(largest, terms[s] + weight(s));
  LogMean result;
  if (!std::isfinite(largest)) return {largest, 0};
  double sum = 0, squares = 0;
  for (std::size_t s = 0; s < count; ++s) sum += std::exp(terms[s] + weight(s) - largest);
  // Of a ratio of means: the weights' own error counts too.
  const double mean = sum * std::exp(largest);
  for (std::size_t s = 0; s < count; ++s) {
    const double part = std::exp(weight(s)) * (std::exp(terms[s]) / mean - 1);
    squares += part * part;
  }
  return {largest + std::log(sum), squares};
}

} // namespace

DataSet without_point(const Facts& facts, const DataSet& data, std::size_t index) {
  std::string why;
  const int plate = plate_of_points(facts, why);
  if (plate < 0) throw UserError("no point can be left out: " + why);
  DataSet result = data;
  for (const VariableFact& variable : facts.variables) {
    if (!is_data(variable)) continue;
    const auto found = result.variables.find(variable.name);
    if (found == result.variables.end()) continue;
    Tensor& tensor = found->second;
    if (variable.name == facts.plates[static_cast<std::size_t>(plate)].size_variable) {
      tensor.values[0] -= 1;
      continue;
    }
    for (std::size_t d = 0; d < variable.dimensions.size(); ++d) {
      if (variable.dimensions[d].plate != plate) continue;
      std::size_t inner = 1;
      for (std::size_t later = d + 1; later < tensor.extents.size(); ++later)
        inner *= static_cast<std::size_t>(tensor.extents[later]);
      const auto along = static_cast<std::size_t>(tensor.extents[d]);
      std::vector<double> kept;
      for (std::size_t i = 0; i < tensor.values.size(); ++i)
        if (i / inner % along != index) kept.push_back(tensor.values[i]);
      tensor.values = std::move(kept);
      --tensor.extents[d];
    }
  }
  return result;
}

PointwiseLoo leave_one_out_exactly(const PosteriorSampler& sampler, const DataSet& data, const SampleOptions& options) {
  const auto model = sampler.shared_model();
  const Facts& facts = model->facts();
  std::string why;
  const int plate = plate_of_points(facts, why);
  if (plate < 0) throw UserError("no point can be left out: " + why);
  const std::string& size_name = facts.plates[static_cast<std::size_t>(plate)].size_variable;
  const auto count = static_cast<std::size_t>(data.variables.at(size_name).values.at(0));
  if (count < 2) throw UserError("no point can be left out: there is only one");
  // The last is whole.
  std::vector<DataSet> sets;
  for (std::size_t i = 0; i < count; ++i) sets.push_back(without_point(facts, data, i));
  sets.push_back(data);
  const std::vector<WeightedPosterior> posteriors = weigh_posteriors(sampler, sets, options);
  PointwiseLoo result;
  Loo& loo = result.loo;
  std::vector<double> whole(count);
  double error_variance = 0;
  std::size_t doubtful = 0;
  std::string first_doubt;
  for (std::size_t i = count + 1; i-- > 0;) {
    const WeightedPosterior& posterior = posteriors[i];
    const PointwiseLikelihood terms = log_likelihood(model, data, posterior.draws);
    if (terms.points.size() != count)
      throw UserError(fmt::format("no point can be left out: the log likelihood has {} points, and `{}` is {}",
                                  terms.points.size(), size_name, count));
    std::vector<double> log_weights;
    if (!posterior.log_ratios.empty()) log_weights = smooth_importance_weights(posterior.log_ratios).log_weights;
    const auto mean_of = [&](std::size_t point) {
      std::vector<double> of_point(posterior.draws.row_count);
      for (std::size_t s = 0; s < of_point.size(); ++s) of_point[s] = terms.values[s * count + point];
      return log_mean(of_point, log_weights);
    };
    const Verdict& verdict = posterior.verdict;
    const bool is_right = !verdict.exact || verdict.exact->is_exact;
    if (!is_right && doubtful++ == 0) first_doubt = verdict.exact->text();
    if (i == count) {
      for (std::size_t point = 0; point < count; ++point) whole[point] = mean_of(point).value;
      result.points = terms.points;
      loo.elpd.resize(count);
      loo.k_hat.resize(count);
      continue;
    }
    const LogMean one = mean_of(i);
    loo.elpd[i] = one.value;
    loo.k_hat[i] = posterior.log_ratios.empty() || !verdict.check ? 0 : verdict.check->k_hat;
    error_variance += one.error_variance;
  }
  for (std::size_t i = 0; i < count; ++i) {
    loo.total += loo.elpd[i];
    loo.p_loo.push_back(whole[i] - loo.elpd[i]);
    loo.effective_parameters += loo.p_loo[i];
  }
  for (const double one : loo.elpd) {
    const double from_mean = one - loo.total / static_cast<double>(count);
    loo.error += from_mean * from_mean;
  }
  loo.error = std::sqrt(static_cast<double>(count) / static_cast<double>(count - 1) * loo.error);
  loo.monte_carlo_error = std::sqrt(error_variance);
  for (const double k_hat : loo.k_hat) loo.bad += !(k_hat <= loo.largest_good);
  if (doubtful > 0)
    result.doubt = fmt::format("not the posterior's for {} of {} data sets: {}", doubtful, count + 1, first_doubt);
  return result;
}

} // namespace sibyl
