#include "runtime/mcmc/chees.hpp"

#include "lang/errors.hpp"
#include "runtime/chains/nested_r_hat.hpp"
#include "runtime/mcmc/extra_columns.hpp"
#include "runtime/mcmc/pathfinder.hpp"
#include "runtime/model/parallel.hpp"
#include "runtime/model/parameters.hpp"
#include "runtime/model/target_density.hpp"
#include "runtime/trust/beside_limit.hpp"
#include "runtime/trust/chain_diagnostics.hpp"

#include <fmt/format.h>

#include <cmath>

namespace sibyl::mcmc {

namespace {

constexpr double noteworthy_divergent = 0.001; // share of the trajectories

// From all states, [chain][step][parameter].
std::vector<QuantitySummary> summarize_states(const std::shared_ptr<const CompiledModel>& model, const DataBatch& batch,
                                              TargetDensity& target, const HmcResult& run, std::size_t chains,
                                              const HmcOptions& hmc, const CheesOptions& options) {
  const std::size_t n = target.dimension(), rows = run.states.size() / n, steps = rows / chains;
  ParameterTransform transform(model);
  transform.bind(batch, 0);
  LeftOut failed; // what fails of the draws is told of these
  const Draws all = transform.constrain(run.states, options.summarized, options.seed, 0, &failed);
  std::vector<double> density(rows);
  target.evaluate(run.states, density);
  std::vector<QuantitySummary> result(all.columns.size() + 1);
  parallel_for(result.size(), options.threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t q = begin; q < end; ++q) {
      std::vector<double> values = density, by_step(rows);
      if (q > 0)
        for (std::size_t row = 0; row < rows; ++row) values[row] = all.at(row, q - 1);
      for (std::size_t row = 0; row < rows; ++row) by_step[row % steps * chains + row / steps] = values[row];
      result[q] = {q == 0 ? "lp__" : all.columns[q - 1], summarize_chains(values, chains)};
      const bool varies = std::isfinite(result[q].summary.rhat);
      if (varies) result[q].summary.rhat = nested_r_hat(normal_scores(by_step), chains, hmc.chains_in_group);
    }
  });
  return result;
}

} // namespace

CheesResult sample_chees(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                         const CheesOptions& options) {
  HmcOptions hmc;
  hmc.draws = options.draws;
  hmc.acceptance = options.target_acceptance;
  hmc.seed = options.seed;
  if (options.interrupted) hmc.interrupted = [&options] { return *options.interrupted != 0; };
  if (!(options.target_acceptance > 0 && options.target_acceptance < 1))
    throw UserError(fmt::format("adapt_delta is {}, it must be between 0 and 1", options.target_acceptance));

  PathfinderOptions approximate;
  approximate.paths = 8;
  approximate.resampled = 256;
  approximate.seed = options.seed;
  approximate.threads = options.threads;
  approximate.initial = options.initial;
  approximate.interrupted = options.interrupted;
  const std::vector<double> points = pathfinder(model, data, approximate).unconstrained;

  const DataBatch batch = prepare_data(model, data);
  TargetDensity density(model, true);
  density.bind(batch, 0);
  const std::size_t n = density.dimension();
  std::vector<std::size_t> starts(hmc.groups);
  for (std::size_t group = 0; group < starts.size(); ++group)
    starts[group] = group * (points.size() / n) / starts.size();
  const LogDensityFunction target = [&density](std::span<const double> at, std::span<double> values,
                                               std::span<double> gradients) {
    density.evaluate(at, values, gradients);
  };
  hmc.keep_states = true;
  CheesResult result;
  result.chains = hmc.groups * hmc.chains_in_group;
  result.run = run_adaptive_hmc(target, n, points, starts, hmc);
  if (result.run.was_interrupted && result.run.draws.empty()) throw RuntimeError("interrupted before the first draw");
  if (result.run.draws.empty()) throw RuntimeError("the chains found no point with a finite log density to move to");

  ParameterTransform transform(model);
  transform.bind(batch, 0);
  result.draws = transform.constrain(result.run.draws, Outputs::all, options.seed, 0, &result.failed);
  std::vector<double> log_density(result.draws.row_count);
  target(result.run.draws, log_density, {});
  append_columns(result.draws, {{"lp__", std::move(log_density)}});
  result.quantities = summarize_states(model, batch, density, result.run, result.chains, hmc, options);
  if (!(result.run.r_hat <= hmc.good_r_hat))
    result.warnings.push_back(fmt::format("nested R-hat is {} after {} steps, above {}: groups of chains that "
                                          "began apart do not agree. The No-U-Turn "
                                          "sampler (`nuts`), with longer chains, may do",
                                          fixed_beside(result.run.r_hat, 3, hmc.good_r_hat), result.run.steps,
                                          hmc.good_r_hat));
  if (result.run.divergent > noteworthy_divergent)
    result.warnings.push_back(
        fmt::format("{:.2g}% of the trajectories diverged: what lies at places of strong curvature is "
                    "missing from the draws. Raise adapt_delta (it is {})",
                    100 * result.run.divergent, options.target_acceptance));
  return result;
}

} // namespace sibyl::mcmc
