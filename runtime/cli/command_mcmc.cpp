#include "runtime/cli/commands.hpp"

#include "lang/errors.hpp"
#include "runtime/cli/exact_options.hpp"
#include "runtime/data/inference_data.hpp"
#include "runtime/mcmc/model_chains.hpp"
#include "runtime/mcmc/stan_csv.hpp"
#include "runtime/terminal/chains_text.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/interrupt.hpp"
#include "runtime/terminal/options.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>

namespace sibyl::cli {

namespace {

struct McmcOptions : mcmc::ModelChainsOptions, ExactRequest {
  std::string metric_name = "diag", method = "nuts";
};

void write_draws(const McmcOptions& options, const CompiledModel& model, const DataSet& data,
                 const mcmc::ModelChains& chains) {
  if (options.output.empty()) return;
  if (options.output.ends_with(".npz")) write_draws_npz(options.output, chains.draws);
  else if (options.output.ends_with(".nc"))
    write_netcdf(options.output, chains_to_inference_data(model.facts(), data, chains.draws));
  else mcmc::write_stan_csv(options.output, chains, options, model.name(), options.data);
}

// Many short chains over lanes.
void run_chees(const McmcOptions& options, const std::shared_ptr<const CompiledModel>& model, const DataSet& data) {
  mcmc::CheesOptions chees;
  chees.draws = options.chains * options.draws;
  chees.target_acceptance = options.target_acceptance;
  chees.seed = options.seed;
  chees.threads = options.threads;
  chees.initial = options.initial;
  chees.summarized = options.all ? Outputs::all : Outputs::parameters;
  chees.interrupted = options.interrupted;
  const auto start = std::chrono::steady_clock::now();
  const mcmc::CheesResult result = mcmc::sample_chees(model, data, chees);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (options.output.ends_with(".npz")) write_draws_npz(options.output, {result.draws});
  else if (options.output.ends_with(".nc"))
    write_netcdf(options.output, chains_to_inference_data(model->facts(), data, {&result.draws, 1}));
  else if (!options.output.empty()) write_draws_csv(options.output, {result.draws}, "");
  if (options.json) fmt::print("{}\n", chees_json(result, seconds).dump(2));
  else fmt::print("{}{}", chains_table(result.quantities, "nested R-hat"), chees_summary(result, seconds));
  if (result.failed.count() > 0) print_note(describe_failed_draws(result.failed));
  for (const std::string& warning : result.warnings) print_note(warning);
}

void run(McmcOptions options) {
  for (const char* ending : {"", ".csv", ".npz", ".nc"}) {
    if (*ending == 0 ? options.output.empty() : options.output.ends_with(ending)) break;
    if (std::string_view(ending) == ".nc")
      throw UserError(fmt::format("{}: draws are written as .csv, .npz or .nc", options.output));
  }
  const auto model = open_model(options.model, options.priors);
  const DataSet data = read_data_set(options.data, model->facts());
  options.initial = mcmc::parse_initial_values(options.init);
  options.metric = options.metric_name == "dense" ? mcmc::MetricKind::dense : mcmc::MetricKind::diagonal;
  options.interrupted = interrupt_flag();
  if (options.method == "chees") return run_chees(options, model, data);
  ProgressLine line;
  const auto start = std::chrono::steady_clock::now();
  options.progress = [&](const mcmc::ChainsProgress& at) { line.show(progress_text(at, options)); };
  const mcmc::ModelChains chains = mcmc::sample_chains(model, data, options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  line.finish();
  write_draws(options, *model, data, chains);
  const mcmc::ChainsReport report =
      mcmc::report(chains, model->facts(), options, options.all ? Outputs::all : Outputs::parameters, options.threads);
  if (options.json) fmt::print("{}\n", chains_json(chains, report, seconds).dump(2));
  else fmt::print("{}{}", chains_table(report.quantities), chains_summary(chains, seconds));
  if (chains.failed.count() > 0) print_note(describe_failed_draws(chains.failed));
  for (const std::string& warning : report.warnings) print_note(warning);
}

} // namespace

void add_mcmc(Command& program) {
  auto options = std::make_shared<McmcOptions>();
  Command command =
      program.add_command("mcmc", "The exact posterior of one data set: the No-U-Turn sampler, as Stan's");
  add_model_and_data(command, *options);
  command.add_option("-o,--output", options->output,
                     "where the draws go: .csv (CmdStan's layout, one file for each chain: draws_1.csv, ...), .npz, or "
                     ".nc (netCDF for ArviZ)");
  command
      .add_option("--method", options->method,
                  "nuts, or chees: many short chains over the processor's lanes, which run until they agree (--draws "
                  "times --chains draws in all; --warmup, --metric and --max-depth are of nuts)")
      .one_of({"nuts", "chees"})
      .shows_default();
  command.add_option("--chains", options->chains, "number of chains").shows_default().between(1, 10000);
  command.add_option("--warmup", options->warmup, "iterations of each chain that learn the step size and the metric")
      .shows_default()
      .between(0, 100000000);
  command.add_option("--draws", options->draws, "draws of each chain").shows_default().between(1, 100000000);
  command.add_option("--metric", options->metric_name, "diag or dense").one_of({"diag", "dense"}).shows_default();
  command.add_option("--adapt-delta", options->target_acceptance, "acceptance that the step size aims at")
      .shows_default();
  command.add_option("--max-depth", options->max_depth, "largest tree depth: at most 2^depth - 1 steps to a draw")
      .shows_default();
  add_exact_options(command, *options, options->seed, "where chains begin", " (an array: one object for each chain)");
  add_threads_option(command, options->threads);
  command.callback([options] { run(*options); });
}

} // namespace sibyl::cli
