#include "runtime/mcmc/model_chains.hpp"

#include "lang/errors.hpp"
#include "runtime/model/parallel.hpp"
#include "runtime/trust/beside_limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

namespace sibyl::mcmc {

namespace {

constexpr const char* sampler_columns[] = {"lp__",         "accept_stat__", "stepsize__", "treedepth__",
                                           "n_leapfrog__", "divergent__",   "energy__"};

void require_usable(const ModelChainsOptions& options) {
  if (options.chains == 0) throw UserError("no chains are asked for");
  if (options.draws == 0) throw UserError("no draws are asked for");
  if (options.max_depth < 1 || options.max_depth > 20)
    throw UserError(fmt::format("the largest tree depth is {}, it must be between 1 and 20", options.max_depth));
  if (!(options.target_acceptance > 0 && options.target_acceptance < 1))
    throw UserError(fmt::format("adapt_delta is {}, it must be between 0 and 1", options.target_acceptance));
}

Draws with_sampler_columns(const Draws& draws, const std::vector<Transition>& transitions) {
  Draws result = draws;
  result.columns.insert(result.columns.end(), std::begin(sampler_columns), std::end(sampler_columns));
  result.values.clear();
  result.values.reserve(draws.row_count * result.columns.size());
  for (std::size_t row = 0; row < draws.row_count; ++row) {
    const auto begin = draws.values.begin() + static_cast<std::ptrdiff_t>(row * draws.columns.size());
    result.values.insert(result.values.end(), begin, begin + static_cast<std::ptrdiff_t>(draws.columns.size()));
    const Transition& one = transitions[row];
    for (const double value : {one.log_density, one.acceptance, one.step_size, static_cast<double>(one.tree_depth),
                               static_cast<double>(one.leapfrog_steps), one.is_divergent ? 1.0 : 0.0, one.energy})
      result.values.push_back(value);
  }
  return result;
}

// "`theta.3` (1.05) and 4 others"
std::string name_worst(const std::vector<const QuantitySummary*>& found, double ChainSummary::* value, int digits,
                       double limit) {
  std::string text =
      fmt::format("`{}` ({})", found.front()->column, fixed_beside(found.front()->summary.*value, digits, limit));
  if (found.size() > 1) text += fmt::format(" and {} other{}", found.size() - 1, found.size() > 2 ? "s" : "");
  return text;
}

void warn_of_mixing(ChainsReport& report, std::size_t chains) {
  std::vector<const QuantitySummary*> apart, few;
  const double enough = least_ess_per_chain * static_cast<double>(chains);
  const auto ess = [](const ChainSummary& one) { return std::min(one.bulk_ess, one.tail_ess); };
  for (const QuantitySummary& one : report.quantities) {
    if (one.summary.rhat > largest_good_rhat) apart.push_back(&one);
    if (ess(one.summary) < enough) few.push_back(&one);
  }
  std::stable_sort(apart.begin(), apart.end(), [](auto* a, auto* b) { return a->summary.rhat > b->summary.rhat; });
  std::stable_sort(few.begin(), few.end(), [&](auto* a, auto* b) { return ess(a->summary) < ess(b->summary); });
  if (!apart.empty())
    report.warnings.push_back(fmt::format("R-hat is above {} for {}: the chains have not mixed well enough to stand "
                                          "for the posterior. Run longer chains; if "
                                          "it does not fall, look whether each chain has a mode of its own",
                                          largest_good_rhat,
                                          name_worst(apart, &ChainSummary::rhat, 3, largest_good_rhat)));
  else if (!few.empty())
    report.warnings.push_back(fmt::format(
        "the effective sample size is below {} for each chain for {}: means and quantiles of it are not reliable. Run "
        "longer chains",
        least_ess_per_chain,
        name_worst(few,
                   few.front()->summary.bulk_ess < few.front()->summary.tail_ess ? &ChainSummary::bulk_ess
                                                                                 : &ChainSummary::tail_ess,
                   0, enough)));
}

void warn_of_trajectories(ChainsReport& report, std::size_t draws, const ChainOptions& options) {
  const auto share = [&](std::size_t count) {
    return fmt::format("{} of {} transitions ({:.2g}%)", count, draws,
                       100 * static_cast<double>(count) / static_cast<double>(draws));
  };
  if (report.divergent > 0)
    report.warnings.push_back(fmt::format(
        "{} diverged: there are places of strong curvature that the sampler could not enter, and what lies there is "
        "missing "
        "from the draws. Raise adapt_delta (it is {}); if that does not help, write the model in other parameters "
        "(a hierarchy non-centered, say)",
        share(report.divergent), options.target_acceptance));
  if (report.at_largest_depth > 0)
    report.warnings.push_back(fmt::format(
        "{} reached the largest tree depth, {}: the draws are right, but each moves less far than it should. Raise "
        "max_depth, take the dense metric where parameters are strongly correlated, or write the model in parameters "
        "of "
        "similar scales",
        share(report.at_largest_depth), options.max_depth));
  std::string low;
  for (std::size_t chain = 0; chain < report.ebfmi.size(); ++chain)
    if (report.ebfmi[chain] < least_good_ebfmi)
      low += fmt::format("{}{} ({})", low.empty() ? "" : ", ", chain + 1,
                         fixed_beside(report.ebfmi[chain], 2, least_good_ebfmi));
  if (!low.empty())
    report.warnings.push_back(fmt::format(
        "E-BFMI is below {} in chain {}: the energies are explored slowly, and tails may be missing. Write the model "
        "in other parameters (a hierarchy non-centered, say), or give heavy tails a stronger prior",
        least_good_ebfmi, low));
}

} // namespace

ModelChains sample_chains(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                          const ModelChainsOptions& options) {
  require_usable(options);
  require_density(*model);
  const DataBatch batch = prepare_data(model, data);
  const auto make_density = [&] { return std::make_unique<ModelTarget>(model, batch); };
  if (make_density()->dimension() == 0) throw UserError("the model has no parameters to sample");
  ChainsOptions chains_options = options;
  chains_options.first_point = first_point(model, data, options.initial, options.chains);
  std::vector<ChainRun> runs = run_chains(make_density, chains_options);

  ModelChains result;
  result.wanted_chains = options.chains;
  result.wanted_draws = options.draws;
  result.was_interrupted = options.interrupted && *options.interrupted;
  const CommonDraws common = common_draws(runs);
  if (common.draws == 0) throw RuntimeError("interrupted in warm-up, before the first draw");
  result.draws.resize(common.chains.size());
  std::mutex mutex;
  parallel_for(common.chains.size(), options.threads, [&](std::size_t begin, std::size_t end) {
    ParameterTransform transform(model);
    transform.bind(batch, 0);
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t chain = common.chains[i];
      ChainRun& run = runs[chain];
      run.transitions.resize(common.draws);
      run.unconstrained.resize(common.draws * transform.unconstrained_count());
      LeftOut failed;
      // Each chain has its own part of the random numbers for generated quantities.
      const Draws draws = transform.constrain(run.unconstrained, Outputs::all, options.seed,
                                              static_cast<std::uint64_t>(chain) << 32, &failed);
      result.draws[i] = with_sampler_columns(draws, run.transitions);
      result.draws[i].label = std::to_string(chain + 1);
      const std::lock_guard lock(mutex);
      result.failed.add(failed);
    }
  });
  for (const std::size_t chain : common.chains) result.runs.push_back(std::move(runs[chain]));
  return result;
}

std::vector<double> column_of(const ModelChains& chains, std::size_t column) {
  std::vector<double> values;
  for (const Draws& draws : chains.draws)
    for (std::size_t row = 0; row < draws.row_count; ++row) values.push_back(draws.at(row, column));
  return values;
}

ChainsReport report(const ModelChains& chains, const Facts& facts, const ChainOptions& options, Outputs outputs,
                    int threads) {
  ChainsReport result;
  const Draws& layout = chains.draws.front();
  std::vector<std::size_t> columns = {layout.columns.size() - std::size(sampler_columns)}; // lp__
  for (const DrawsVariable& variable : layout.variables) {
    const Role role = facts.variables[static_cast<std::size_t>(facts.find(variable.name))].role;
    if (outputs == Outputs::parameters && role != Role::parameter) continue;
    for (std::int64_t i = 0; i < element_count(variable.extents); ++i)
      columns.push_back(variable.first_column + static_cast<std::size_t>(i));
  }
  result.quantities.resize(columns.size());
  parallel_for(columns.size(), threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      result.quantities[i] = {layout.columns[columns[i]],
                              summarize_chains(column_of(chains, columns[i]), chains.draws.size())};
  });
  std::size_t draws = 0;
  for (const ChainRun& run : chains.runs) {
    std::vector<double> energies;
    for (const Transition& one : run.transitions) {
      energies.push_back(one.energy);
      result.divergent += one.is_divergent;
      result.at_largest_depth += one.tree_depth >= options.max_depth && !one.is_divergent;
      ++draws;
    }
    result.ebfmi.push_back(ebfmi(energies));
  }
  if (draws > 4 && result.quantities.front().summary.sd == 0)
    result.warnings.push_back("the chains did not move: every proposal was rejected");
  warn_of_mixing(result, chains.draws.size());
  warn_of_trajectories(result, draws, options);
  return result;
}

} // namespace sibyl::mcmc
