#include "runtime/terminal/chains_text.hpp"

#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace sibyl::cli {

namespace {

std::string cell(double value) { return std::isnan(value) ? "-" : format_number(value); }
std::string count_cell(double value) { return std::isnan(value) ? "-" : fmt::format("{:.0f}", value); }
std::string rhat_cell(double value) { return std::isnan(value) ? "-" : fmt::format("{:.3f}", value); }

nlohmann::ordered_json quantities_json(std::span<const mcmc::QuantitySummary> quantities, const char* r_hat) {
  nlohmann::ordered_json summary = nlohmann::ordered_json::object();
  for (const auto& [column, one] : quantities)
    summary[column] = {{"mean", finite_or_null(one.mean)},
                       {"mcse", finite_or_null(one.mean_error)},
                       {"sd", finite_or_null(one.sd)},
                       {"q5", finite_or_null(one.q5)},
                       {"median", finite_or_null(one.median)},
                       {"q95", finite_or_null(one.q95)},
                       {r_hat, finite_or_null(one.rhat)},
                       {"ess_bulk", finite_or_null(one.bulk_ess)},
                       {"ess_tail", finite_or_null(one.tail_ess)}};
  return summary;
}

} // namespace

std::string progress_text(const mcmc::ChainsProgress& at, const mcmc::ChainsOptions& options) {
  std::string text = fmt::format("warm-up {} of {}  draws {} of {}", at.warmup_done, options.chains * options.warmup,
                                 at.draws_done, options.chains * options.draws);
  if (at.divergent > 0) text += fmt::format("  divergent {}", at.divergent);
  return text;
}

std::string chains_table(std::span<const mcmc::QuantitySummary> quantities, const char* r_hat) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [column, one] : quantities)
    rows.push_back({column, cell(one.mean), cell(one.mean_error), cell(one.sd), cell(one.q5), cell(one.median),
                    cell(one.q95), rhat_cell(one.rhat), count_cell(one.bulk_ess), count_cell(one.tail_ess)});
  return format_table({"parameter", "mean", "MCSE", "sd", "5%", "50%", "95%", r_hat, "ESS bulk", "ESS tail"}, rows, 1);
}

std::string chains_summary(const mcmc::ModelChains& chains, double seconds) {
  const std::size_t count = chains.draws.size(), draws = chains.draws.front().row_count;
  double warmup = 0, sampling = 0;
  for (const mcmc::ChainRun& run : chains.runs) {
    warmup += run.warmup_seconds;
    sampling += run.sampling_seconds;
  }
  std::string text =
      fmt::format("{} chain{} of {} draws in {:.2f} s (warm-up {:.2f} s, sampling {:.2f} s, summed over chains)\n",
                  count, count == 1 ? "" : "s", draws, seconds, warmup, sampling);
  if (chains.was_interrupted)
    text += fmt::format("interrupted: {} of {} chains with {} of {} draws each are kept\n", count, chains.wanted_chains,
                        draws, chains.wanted_draws);
  return text;
}

nlohmann::ordered_json chains_json(const mcmc::ModelChains& chains, const mcmc::ChainsReport& report, double seconds) {
  nlohmann::ordered_json summary = quantities_json(report.quantities, "rhat");
  nlohmann::ordered_json ebfmi = nlohmann::ordered_json::array(), steps = ebfmi;
  for (const double one : report.ebfmi) ebfmi.push_back(finite_or_null(one));
  for (const mcmc::ChainRun& run : chains.runs)
    steps.push_back({{"chain", 0},
                     {"step_size", finite_or_null(run.step_size)},
                     {"warmup_seconds", run.warmup_seconds},
                     {"sampling_seconds", run.sampling_seconds}});
  for (std::size_t i = 0; i < steps.size(); ++i) steps[i]["chain"] = std::stoi(chains.draws[i].label);
  return {{"chains", chains.draws.size()},
          {"draws", chains.draws.front().row_count},
          {"interrupted", chains.was_interrupted},
          {"seconds", seconds},
          {"divergent", report.divergent},
          {"at_largest_depth", report.at_largest_depth},
          {"ebfmi", std::move(ebfmi)},
          {"runs", std::move(steps)},
          {"warnings", report.warnings},
          {"summary", std::move(summary)}};
}

std::string draws_table(const Draws& draws, const Facts& facts, bool all) {
  std::vector<std::vector<std::string>> rows;
  for (const ColumnSummary& one : summarize(draws)) {
    const int variable = facts.find(one.column.substr(0, one.column.find('.')));
    if (!all && facts.variables[static_cast<std::size_t>(variable)].role != Role::parameter) continue;
    rows.push_back({one.column, format_number(one.mean), format_number(one.sd), format_number(one.q5),
                    format_number(one.median), format_number(one.q95)});
  }
  return format_table({"parameter", "mean", "sd", "5%", "50%", "95%"}, rows, 1);
}

std::string pathfinder_summary(const mcmc::PathfinderResult& result, double seconds) {
  std::size_t found = 0;
  for (const double one : result.elbo) found += std::isfinite(one);
  return fmt::format("{} draws from {} of {} paths in {:.2f} s: k-hat {:.2f}, worth {:.0f} independent draws\n",
                     result.draws.row_count, found, result.elbo.size(), seconds, result.k_hat, result.effective_size);
}

std::string mode_table(const mcmc::Optimum& optimum, const Facts& facts, bool all) {
  const bool has_draws = optimum.laplace.row_count > 0;
  std::vector<std::string> header = {"parameter", "mode"};
  if (has_draws) header.insert(header.end(), {"mean", "sd", "5%", "50%", "95%"});
  std::vector<ColumnSummary> summaries;
  if (has_draws) summaries = summarize(optimum.laplace);
  std::vector<std::vector<std::string>> rows;
  for (std::size_t column = 0; column < optimum.mode.columns.size(); ++column) {
    const std::string& name = optimum.mode.columns[column];
    const int variable = facts.find(name.substr(0, name.find('.')));
    if (variable < 0) continue; // lp__
    if (!all && facts.variables[static_cast<std::size_t>(variable)].role != Role::parameter) continue;
    rows.push_back({name, format_number(optimum.mode.at(0, column))});
    if (!has_draws) continue;
    const ColumnSummary& one = summaries[column];
    for (const double value : {one.mean, one.sd, one.q5, one.median, one.q95})
      rows.back().push_back(format_number(value));
  }
  return format_table(header, rows, 1);
}

std::string mode_summary(const mcmc::Optimum& optimum, bool jacobian) {
  return fmt::format("log density {} {} the Jacobian, after {} iterations and {} gradients: {}\n",
                     format_double(optimum.log_density), jacobian ? "with" : "without", optimum.search.iterations,
                     optimum.search.evaluations, optimum.search.reason);
}

std::string chees_summary(const mcmc::CheesResult& result, double seconds) {
  return fmt::format(
      "{} draws of {} chains over lanes in {:.2f} s: nested R-hat {:.3f} after {} steps, acceptance {:.2f}\n",
      result.draws.row_count, result.chains, seconds, result.run.r_hat, result.run.steps, result.run.acceptance);
}

nlohmann::ordered_json chees_json(const mcmc::CheesResult& result, double seconds) {
  return {{"chains", result.chains},
          {"draws", result.draws.row_count},
          {"interrupted", result.run.was_interrupted},
          {"seconds", seconds},
          {"nested_rhat", finite_or_null(result.run.r_hat)},
          {"steps", result.run.steps},
          {"divergent_share", finite_or_null(result.run.divergent)},
          {"warnings", result.warnings},
          {"summary", quantities_json(result.quantities, "nested_rhat")}};
}

} // namespace sibyl::cli
