#include "runtime/criticism/weighted_posterior.hpp"

#include "lang/errors.hpp"
#include "runtime/model/computed_data.hpp"
#include "runtime/model/density.hpp"
#include "runtime/model/parallel.hpp"
#include "runtime/model/target_density.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sibyl {

namespace {

constexpr const char* density_column = "log_density__";

// Weights that are good enough to go on with: k-hat, and draws that stand for some hundred.
bool is_usable(const DensityCheck& check) {
  constexpr double least_effective_size = 400;
  return check.k_hat <= largest_good_k_hat && check.effective_size >= least_effective_size &&
         check.in_training.empty() && check.missed.empty();
}

// Takes the column of densities away.
std::vector<double> take_density(Draws& draws) {
  const std::size_t before = draws.columns.size();
  std::vector<double> densities, values;
  for (std::size_t row = 0; row < draws.row_count; ++row) {
    const auto begin = draws.values.begin() + static_cast<std::ptrdiff_t>(row * before);
    values.insert(values.end(), begin, begin + static_cast<std::ptrdiff_t>(before - 1));
    densities.push_back(draws.at(row, before - 1));
  }
  draws.columns.pop_back();
  draws.values = std::move(values);
  return densities;
}

} // namespace

std::vector<WeightedPosterior> weigh_posteriors(const PosteriorSampler& sampler, std::span<const DataSet> data_sets,
                                                const SampleOptions& given) {
  if (const std::string why = sampler.why_no_density(); !why.empty())
    throw UserError("this needs the model's density: " + why);
  const auto model = sampler.shared_model();
  SampleOptions options = given;
  options.with_density = true;
  options.keep_unconstrained = true;
  options.draws = std::max(options.draws, least_weighted_draws);
  std::vector<Posterior> posteriors = sampler.sample(data_sets, options);
  DataBatch batch = gather(model->facts(), data_sets);
  compute_observed(model, batch);
  std::vector<WeightedPosterior> result(data_sets.size());
  parallel_for(data_sets.size(), options.threads, [&](std::size_t begin, std::size_t end) {
    TargetDensity target(model, false);
    ParameterTransform transform(model);
    for (std::size_t i = begin; i < end; ++i) {
      Posterior& posterior = posteriors[i];
      if (posterior.verdict.has_missing)
        throw UserError(
            fmt::format("data set {}: its values are not all there, and the density needs them", data_sets[i].label));
      WeightedPosterior& one = result[i];
      const std::vector<double> densities = take_density(posterior.draws);
      one.verdict = posterior.verdict;
      if (posterior.verdict.check && is_usable(*posterior.verdict.check)) {
        target.bind(batch, i);
        transform.bind(batch, i);
        one.log_ratios.resize(densities.size());
        target.evaluate(posterior.unconstrained, one.log_ratios);
        const std::vector<double> jacobian = transform.log_jacobian(posterior.unconstrained);
        for (std::size_t s = 0; s < densities.size(); ++s) one.log_ratios[s] -= densities[s] + jacobian[s];
      } else {
        // Their own seed's place among the data sets is lost: each is drawn as if it were alone.
        SampleOptions exact = given;
        exact.exact = true;
        exact.keep_unconstrained = true;
        exact.threads = 1;
        exact.seed = given.seed + i;
        posterior = std::move(sampler.sample(data_sets.subspan(i, 1), exact).front());
        one.verdict = posterior.verdict;
      }
      one.draws = std::move(posterior.draws);
      one.unconstrained = std::move(posterior.unconstrained);
    }
  });
  return result;
}

std::vector<double> log_joint(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                              std::span<const double> unconstrained) {
  DataBatch batch = gather(model->facts(), std::span(&data, 1));
  compute_observed(model, batch);
  Density density(model, 0, false);
  const auto lanes = static_cast<std::size_t>(density.lanes());
  density.bind(batch, std::vector<std::size_t>(lanes, 0));
  const std::size_t n = density.parameter_count(), count = n == 0 ? 0 : unconstrained.size() / n;
  std::vector<double> result(count);
  for (std::size_t first = 0; first < count; first += lanes) {
    const std::size_t active = std::min(lanes, count - first);
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t lane = 0; lane < lanes; ++lane)
        density.points()[p * lanes + lane] = unconstrained[(first + std::min(lane, active - 1)) * n + p];
    density.evaluate(false, false);
    for (std::size_t lane = 0; lane < active; ++lane) result[first + lane] = density.value(static_cast<int>(lane));
  }
  return result;
}

} // namespace sibyl
