#include "runtime/cli/commands.hpp"

#include "lang/errors.hpp"
#include "runtime/cli/exact_options.hpp"
#include "runtime/data/inference_data.hpp"
#include "runtime/mcmc/pathfinder.hpp"
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

struct PathfinderCommandOptions : mcmc::PathfinderOptions, ExactRequest {};

nlohmann::ordered_json to_json(const mcmc::PathfinderResult& result, double seconds) {
  nlohmann::ordered_json elbo = nlohmann::ordered_json::array();
  for (const double one : result.elbo) elbo.push_back(finite_or_null(one));
  return {{"k_hat", finite_or_null(result.k_hat)}, {"effective_size", finite_or_null(result.effective_size)},
          {"elbo", std::move(elbo)},       {"seconds", seconds},
          {"warning", result.warning},     {"summary", summary_json(result.draws)["parameters"]}};
}

void run(PathfinderCommandOptions options) {
  const bool is_netcdf = options.output.ends_with(".nc"), is_npz = options.output.ends_with(".npz");
  if (!options.output.empty() && !is_netcdf && !is_npz && !options.output.ends_with(".csv"))
    throw UserError(fmt::format("{}: draws are written as .csv, .npz or .nc", options.output));
  const auto model = open_model(options.model, options.priors);
  const DataSet data = read_data_set(options.data, model->facts());
  options.initial = mcmc::parse_initial_values(options.init);
  options.interrupted = interrupt_flag();
  const auto start = std::chrono::steady_clock::now();
  const mcmc::PathfinderResult result = mcmc::pathfinder(model, data, options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (is_netcdf) write_netcdf(options.output, chains_to_inference_data(model->facts(), data, {&result.draws, 1}));
  else if (is_npz) write_draws_npz(options.output, {result.draws});
  else if (!options.output.empty()) mcmc::write_stan_csv(options.output, result, options, model->name(), options.data);
  if (options.json) fmt::print("{}\n", to_json(result, seconds).dump(2));
  else fmt::print("{}{}", draws_table(result.draws, model->facts(), options.all), pathfinder_summary(result, seconds));
  if (result.failed.count() > 0) print_note(describe_failed_draws(result.failed));
  if (!result.warning.empty()) print_note(result.warning);
}

} // namespace

void add_pathfinder(Command& program) {
  auto options = std::make_shared<PathfinderCommandOptions>();
  Command command = program.add_command(
      "pathfinder", "A quick approximation of one data set's posterior: Pathfinder, and how far it can be trusted");
  add_model_and_data(command, *options);
  command.add_option("-o,--output", options->output,
                     "where the draws go: .csv (CmdStan's layout), .npz, or .nc (netCDF for ArviZ)");
  command.add_option("--paths", options->paths, "number of paths").shows_default().between(1, 10000);
  command.add_option("-n,--draws", options->resampled, "draws, of those of all paths by their weights")
      .shows_default()
      .between(1, 100000000);
  command.add_option("--path-draws", options->draws, "draws of each path, before they are weighted")
      .shows_default()
      .between(1, 100000000);
  command.add_option("--elbo-draws", options->elbo_draws, "draws for the evidence lower bound at each point of a path")
      .shows_default()
      .between(1, 1000000);
  add_exact_options(command, *options, options->seed, "where paths begin", " (an array: one object for each path)");
  add_threads_option(command, options->threads);
  command.callback([options] { run(*options); });
}

} // namespace sibyl::cli
