#include "runtime/mcmc/chees.hpp"

#include "lang/errors.hpp"
#include "runtime/mcmc/extra_columns.hpp"
#include "runtime/mcmc/pathfinder.hpp"
#include "runtime/model/density.hpp"
#include "runtime/model/parameters.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sibyl::mcmc {

namespace {

constexpr double noteworthy_divergent = 0.001; // share of the trajectories

// All points of a call side by side in the lanes.
LogDensityFunction over_lanes(Density& density) {
  return [&density](std::span<const double> points, std::span<double> values, std::span<double> gradients) {
    const std::size_t n = density.parameter_count(), lanes = static_cast<std::size_t>(density.lanes());
    for (std::size_t first = 0; first < values.size(); first += lanes) {
      const std::size_t active = std::min(lanes, values.size() - first);
      // Lanes beyond the last point repeat it, so that they compute something harmless.
      for (std::size_t p = 0; p < n; ++p)
        for (std::size_t lane = 0; lane < lanes; ++lane)
          density.points()[p * lanes + lane] = points[(first + std::min(lane, active - 1)) * n + p];
      density.evaluate(!gradients.empty());
      for (std::size_t lane = 0; lane < active; ++lane) {
        values[first + lane] = density.value(static_cast<int>(lane));
        for (std::size_t p = 0; p < n && !gradients.empty(); ++p)
          gradients[(first + lane) * n + p] = density.gradient()[p * lanes + lane];
      }
    }
  };
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
  Density density(model);
  density.bind(batch, std::vector<std::size_t>(static_cast<std::size_t>(density.lanes()), 0));
  const std::size_t n = density.parameter_count();
  std::vector<std::size_t> starts(hmc.groups);
  for (std::size_t group = 0; group < starts.size(); ++group)
    starts[group] = group * (points.size() / n) / starts.size();
  const LogDensityFunction target = over_lanes(density);
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
  if (!(result.run.r_hat <= hmc.good_r_hat))
    result.warnings.push_back(fmt::format("nested R-hat is {:.3f} after {} steps, above {}: groups of chains that "
                                          "began apart do not agree. The No-U-Turn "
                                          "sampler (`nuts`), with longer chains, may do",
                                          result.run.r_hat, result.run.steps, hmc.good_r_hat));
  if (result.run.divergent > noteworthy_divergent)
    result.warnings.push_back(
        fmt::format("{:.2g}% of the trajectories diverged: what lies at places of strong curvature is "
                    "missing from the draws. Raise adapt_delta (it is {})",
                    100 * result.run.divergent, options.target_acceptance));
  return result;
}

} // namespace sibyl::mcmc
