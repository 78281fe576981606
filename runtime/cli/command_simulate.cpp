#include "runtime/cli/commands.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/cli/long_table.hpp"
#include "runtime/cli/model_file.hpp"
#include "runtime/data/npz.hpp"
#include "runtime/model/simulator.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/interrupt.hpp"
#include "runtime/terminal/options.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>

namespace sibyl::cli {

namespace {

struct SimulateOptions {
  ModelFile model;
  std::string output, truth, design;
  std::vector<std::string> priors;
  std::size_t count = 1000;
  std::uint64_t seed = 1;
  int threads = default_threads();
  bool double_precision = false;
};

void run(const SimulateOptions& options) {
  const auto model = open_model(options.model, options.priors);
  SimulatorOptions simulator_options{.threads = options.threads, .keep_all = true, .interrupted = interrupt_flag()};
  if (options.double_precision) simulator_options.precision = Precision::f64;
  if (!options.design.empty()) simulator_options.design = read_design(options.design, model->facts());
  Simulator simulator(model, simulator_options);
  const SimulatedBatch batch = simulator.simulate(0, options.count, options.seed);
  if (batch.left_out.count() > 0) print_note(batch.left_out.describe("simulations"));
  if (options.output.ends_with(".npz")) {
    write_npz(options.output, to_tensors(model->facts(), batch.data));
  } else if (options.output.ends_with(".csv")) {
    write_file(options.output, long_table(model->facts(), batch.data, LongTable::data));
  } else {
    throw UserError(fmt::format("{}: simulations are written as .npz or .csv", options.output));
  }
  if (!options.truth.empty()) write_file(options.truth, long_table(model->facts(), batch.data, LongTable::parameters));
  fmt::print(stderr, "wrote {} data sets to {}\n", batch.data.count, options.output);
}

} // namespace

void add_simulate(Command& program) {
  auto options = std::make_shared<SimulateOptions>();
  Command command = program.add_command("simulate", "Draw parameters and data from the model (prior predictive)");
  add_model_options(command, options->model, "model text, or library (.so)");
  add_prior_option(command, options->priors);
  command.add_option("-n,--count", options->count, "number of data sets").shows_default();
  command
      .add_option("-o,--output", options->output,
                  "sims.npz, or sims.csv with the data sets one below the other (column `set`)")
      .required();
  command.add_option("--truth", options->truth, "also write the parameters, one row for each data set (.csv)");
  command.add_option("--design", options->design,
                     "values of the design variables that the text does not draw (JSON, CSV, NPZ)");
  command.add_option("--seed", options->seed, "random seed").shows_default();
  command.add_option("--threads", options->threads, "number of threads").shows_default();
  command.add_flag("--double", options->double_precision, "simulate in double precision");
  command.callback([options] { run(*options); });
}

} // namespace sibyl::cli
