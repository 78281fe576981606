#include "runtime/data/inference_data.hpp"
#include "runtime/library/state.hpp"
#include "runtime/mcmc/chees.hpp"
#include "runtime/mcmc/model_chains.hpp"
#include "runtime/mcmc/optimize.hpp"
#include "runtime/mcmc/pathfinder.hpp"

namespace sibyl {

namespace library {

namespace {

mcmc::ModelChainsOptions chains_options(const ChainSettings& settings, const ChainProgressFunction& progress) {
  mcmc::ModelChainsOptions options;
  options.chains = settings.chains;
  options.warmup = settings.warmup;
  options.draws = settings.draws;
  options.metric = settings.metric == Metric::dense ? mcmc::MetricKind::dense : mcmc::MetricKind::diagonal;
  options.target_acceptance = settings.adapt_delta;
  options.max_depth = settings.max_depth;
  options.initial.radius = settings.init_radius;
  for (const Arrays& one : settings.init) options.initial.given.push_back(to_data_set(one));
  options.seed = settings.seed;
  options.threads = thread_count(settings.threads);
  options.interrupted = settings.stop;
  if (progress)
    options.progress = [&progress](const mcmc::ChainsProgress& at) {
      progress({at.warmup_done, at.draws_done, at.divergent});
    };
  return options;
}

Arrays group_arrays(const InferenceData& groups, const std::string& name) {
  std::map<std::string, Tensor> tensors;
  for (const InferenceGroup& group : groups)
    if (group.name == name)
      for (const LabelledArray& one : group.variables) tensors[one.name] = one.values;
  return to_arrays(std::move(tensors));
}

Arrays draws_arrays(const Draws& draws) {
  std::map<std::string, Tensor> tensors;
  for (const DrawsVariable& variable : draws.variables) tensors[variable.name] = variable_draws(draws, variable);
  return to_arrays(std::move(tensors));
}

std::vector<double> draws_column(const Draws& draws, const std::string& name) {
  std::vector<double> values;
  for (std::size_t column = 0; column < draws.columns.size(); ++column)
    if (draws.columns[column] == name)
      for (std::size_t row = 0; row < draws.row_count; ++row) values.push_back(draws.at(row, column));
  return values;
}

} // namespace

} // namespace library

namespace library {

namespace {

void add_summaries(std::span<const mcmc::QuantitySummary> quantities, Chains& result) {
  for (const auto& [name, one] : quantities)
    result.summaries.push_back(
        {name, one.mean, one.mean_error, one.sd, one.q5, one.median, one.q95, one.rhat, one.bulk_ess, one.tail_ess});
}

Chains run_short_chains(const std::shared_ptr<const CompiledModel>& compiled, const DataSet& data_set,
                        const ChainSettings& settings) {
  mcmc::CheesOptions options;
  options.draws = settings.chains * settings.draws;
  options.target_acceptance = settings.adapt_delta;
  options.seed = settings.seed;
  options.threads = thread_count(settings.threads);
  options.initial.radius = settings.init_radius;
  for (const Arrays& one : settings.init) options.initial.given.push_back(to_data_set(one));
  options.summarized = Outputs::all;
  options.interrupted = settings.stop;
  const mcmc::CheesResult found = mcmc::sample_chees(compiled, data_set, options);
  const InferenceData groups = chains_to_inference_data(compiled->facts(), data_set, std::span(&found.draws, 1));
  Chains result;
  result.draws = group_arrays(groups, "posterior");
  result.statistics = group_arrays(groups, "sample_stats");
  add_summaries(found.quantities, result);
  result.warnings = found.warnings;
  if (found.failed.count() > 0) result.warnings.push_back(describe_failed_draws(found.failed));
  result.was_interrupted = found.run.was_interrupted;
  result.data = to_arrays(data_set.variables);
  return result;
}

} // namespace

} // namespace library

Chains Model::mcmc(const Arrays& data, const ChainSettings& settings, const ChainProgressFunction& progress) const {
  const auto& compiled = state_->compiled;
  const mcmc::ModelChainsOptions options = library::chains_options(settings, progress);
  const DataSet data_set = library::to_model_data(*compiled, data);
  if (settings.method == ChainMethod::chees) return library::run_short_chains(compiled, data_set, settings);
  const mcmc::ModelChains chains = mcmc::sample_chains(compiled, data_set, options);
  const mcmc::ChainsReport report = mcmc::report(chains, compiled->facts(), options, Outputs::all, options.threads);
  const InferenceData groups = chains_to_inference_data(compiled->facts(), data_set, chains.draws);
  Chains result;
  result.draws = library::group_arrays(groups, "posterior");
  result.statistics = library::group_arrays(groups, "sample_stats");
  library::add_summaries(report.quantities, result);
  result.divergent = report.divergent;
  result.at_largest_depth = report.at_largest_depth;
  result.ebfmi = report.ebfmi;
  result.warnings = report.warnings;
  if (chains.failed.count() > 0) result.warnings.push_back(describe_failed_draws(chains.failed));
  result.was_interrupted = chains.was_interrupted;
  result.data = library::to_arrays(data_set.variables);
  return result;
}

Mode Model::optimize(const Arrays& data, const OptimizeSettings& settings) const {
  const auto& compiled = state_->compiled;
  mcmc::OptimizeOptions options;
  options.laplace_draws = settings.laplace_draws;
  options.jacobian = settings.jacobian || settings.laplace_draws > 0;
  options.max_iterations = settings.max_iterations;
  options.seed = settings.seed;
  options.interrupted = settings.stop;
  options.initial.radius = settings.init_radius;
  if (!settings.init.empty()) options.initial.given = {library::to_data_set(settings.init)};
  const mcmc::Optimum optimum = mcmc::optimize(compiled, library::to_model_data(*compiled, data), options);
  Mode result;
  result.values = library::draws_arrays(optimum.mode);
  for (auto& [name, array] : result.values) array.extents.erase(array.extents.begin()); // of the one row
  result.log_density = optimum.log_density;
  result.iterations = optimum.search.iterations;
  result.converged = optimum.search.converged;
  result.reason = optimum.search.reason;
  result.draws = library::draws_arrays(optimum.laplace);
  result.log_density_of_draws = library::draws_column(optimum.laplace, "log_p__");
  result.log_density_of_normal = library::draws_column(optimum.laplace, "log_q__");
  return result;
}

PathfinderDraws Model::pathfinder(const Arrays& data, const PathfinderSettings& settings) const {
  const auto& compiled = state_->compiled;
  mcmc::PathfinderOptions options;
  options.paths = settings.paths;
  options.resampled = settings.draws;
  options.draws = settings.path_draws;
  options.seed = settings.seed;
  options.threads = library::thread_count(settings.threads);
  options.interrupted = settings.stop;
  options.initial.radius = settings.init_radius;
  for (const Arrays& one : settings.init) options.initial.given.push_back(library::to_data_set(one));
  mcmc::PathfinderResult found = mcmc::pathfinder(compiled, library::to_model_data(*compiled, data), options);
  PathfinderDraws result;
  result.draws = library::draws_arrays(found.draws);
  result.log_density = library::draws_column(found.draws, "lp__");
  result.log_density_of_approximation = library::draws_column(found.draws, "lp_approx__");
  result.elbo = std::move(found.elbo);
  result.k_hat = found.k_hat;
  result.effective_size = found.effective_size;
  result.warning = std::move(found.warning);
  if (found.failed.count() > 0)
    result.warning += (result.warning.empty() ? "" : "; ") + describe_failed_draws(found.failed);
  return result;
}

} // namespace sibyl
