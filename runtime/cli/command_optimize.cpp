#include "runtime/cli/commands.hpp"

#include "lang/errors.hpp"
#include "runtime/cli/exact_options.hpp"
#include "runtime/mcmc/optimize.hpp"
#include "runtime/mcmc/stan_csv.hpp"
#include "runtime/terminal/chains_text.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/interrupt.hpp"
#include "runtime/terminal/options.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sibyl::cli {

namespace {

struct OptimizeCommandOptions : mcmc::OptimizeOptions, ExactRequest {};

nlohmann::ordered_json to_json(const mcmc::Optimum& optimum, const OptimizeCommandOptions& options) {
  nlohmann::ordered_json mode = nlohmann::ordered_json::object();
  for (std::size_t column = 0; column < optimum.mode.columns.size(); ++column) {
    mode[optimum.mode.columns[column]] = finite_or_null(optimum.mode.at(0, column));
  }
  nlohmann::ordered_json result = {{"log_density", optimum.log_density},
                                   {"jacobian", options.jacobian},
                                   {"iterations", optimum.search.iterations},
                                   {"evaluations", optimum.search.evaluations},
                                   {"converged", optimum.search.converged},
                                   {"reason", optimum.search.reason},
                                   {"mode", std::move(mode)}};
  if (optimum.laplace.row_count > 0) result["laplace"] = summary_json(optimum.laplace)["parameters"];
  return result;
}

void run(OptimizeCommandOptions options) {
  if (!options.output.empty() && !options.output.ends_with(".csv"))
    throw UserError(fmt::format("{}: the mode and its draws are written as .csv", options.output));
  if (options.laplace_draws > 0) options.jacobian = true;
  const auto model = open_model(options.model, options.priors);
  const DataSet data = read_data_set(options.data, model->facts());
  options.initial = mcmc::parse_initial_values(options.init);
  options.interrupted = interrupt_flag();
  const mcmc::Optimum optimum = mcmc::optimize(model, data, options);
  if (!options.output.empty()) mcmc::write_stan_csv(options.output, optimum, options, model->name(), options.data);
  if (options.json) fmt::print("{}\n", to_json(optimum, options).dump(2));
  else fmt::print("{}{}", mode_table(optimum, model->facts(), options.all), mode_summary(optimum, options.jacobian));
  if (optimum.failed.count() > 0) print_note(describe_failed_draws(optimum.failed));
  if (optimum.search.was_interrupted) print_note("interrupted: this is the best point so far, not the mode");
}

} // namespace

void add_optimize(Command& program) {
  auto options = std::make_shared<OptimizeCommandOptions>();
  Command command = program.add_command("optimize", "The mode of one data set's density (L-BFGS), and Laplace draws");
  add_model_and_data(command, *options);
  command.add_flag("--jacobian", options->jacobian,
                   "the mode of the unconstrained parameters' density, instead of the constrained ones'");
  command.add_option("--laplace", options->laplace_draws,
                     "so many draws of Laplace's approximation, the normal distribution with the curvature at the mode "
                     "of the unconstrained parameters (takes --jacobian)");
  command.add_option(
      "-o,--output", options->output,
      "where the mode goes, or the Laplace draws (and the mode to OUTPUT_mode.csv): .csv, in CmdStan's layout");
  command.add_option("--iterations", options->max_iterations, "largest number of iterations")
      .shows_default()
      .between(1, 100000000);
  add_exact_options(command, *options, options->seed, "where the search begins", "");
  command.callback([options] { run(*options); });
}

} // namespace sibyl::cli
