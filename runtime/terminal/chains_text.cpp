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

nlohmann::ordered_json number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

} // namespace

std::string progress_text(const mcmc::ChainsProgress& at, const mcmc::ChainsOptions& options) {
  std::string text = fmt::format("warm-up {} of {}  draws {} of {}", at.warmup_done, options.chains * options.warmup,
                                 at.draws_done, options.chains * options.draws);
  if (at.divergent > 0) text += fmt::format("  divergent {}", at.divergent);
  return text;
}

std::string chains_table(const mcmc::ChainsReport& report) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [column, one] : report.quantities)
    rows.push_back({column, cell(one.mean), cell(one.mean_error), cell(one.sd), cell(one.q5), cell(one.median),
                    cell(one.q95), rhat_cell(one.rhat), count_cell(one.bulk_ess), count_cell(one.tail_ess)});
  return format_table({"parameter", "mean", "MCSE", "sd", "5%", "50%", "95%", "R-hat", "ESS bulk", "ESS tail"}, rows,
                      1);
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
  nlohmann::ordered_json summary = nlohmann::ordered_json::object();
  for (const auto& [column, one] : report.quantities)
    summary[column] = {
        {"mean", number(one.mean)}, {"mcse", number(one.mean_error)},   {"sd", number(one.sd)},
        {"q5", number(one.q5)},     {"median", number(one.median)},     {"q95", number(one.q95)},
        {"rhat", number(one.rhat)}, {"ess_bulk", number(one.bulk_ess)}, {"ess_tail", number(one.tail_ess)}};
  nlohmann::ordered_json ebfmi = nlohmann::ordered_json::array(), steps = ebfmi;
  for (const double one : report.ebfmi) ebfmi.push_back(number(one));
  for (const mcmc::ChainRun& run : chains.runs)
    steps.push_back({{"chain", 0},
                     {"step_size", number(run.step_size)},
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

} // namespace sibyl::cli
