// A standalone sampler: `sibyl sample` with the sampler inside. The model's name is only known when it runs.
#include "runtime/standalone/embedded_sampler.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/run_program.hpp"
#include "runtime/terminal/sample_data.hpp"

int main(int argc, char** argv) {
  sibyl::cli::Program program("", "Posterior draws for new data sets, by the trained sampler that is in this program",
                              "sibyl " SIBYL_VERSION);
  sibyl::cli::SampleDataOptions options;
  sibyl::cli::add_sampling_options(program, options);
  program.callback([&] { sibyl::cli::sample_data(sibyl::embedded_sampler(), options); });
  return sibyl::cli::run_program([&] { program.parse(argc, argv); });
}
