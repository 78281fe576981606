#include "runtime/cli/commands.hpp"

#include "runtime/cli/sampler_model.hpp"
#include "runtime/criticism/verify.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/sample_data.hpp"

namespace sibyl::cli {

namespace {

struct SampleCommandOptions : SampleDataOptions {
  std::string sampler;
};

void run(const SampleCommandOptions& options) {
  const SamplerFile file = read_sampler_file(options.sampler);
  const PosteriorSampler sampler = open_sampler(file, options.sampler);
  const Verifier verifier(sampler);
  DrawFunction draw;
  if (options.verifies)
    draw = [&](std::span<const DataSet> sets, const SampleOptions& sampling) {
      return verifier.verify(sets, sampling);
    };
  sample_data(sampler, options, draw);
}

} // namespace

void add_sample(Command& program) {
  auto options = std::make_shared<SampleCommandOptions>();
  Command command = program.add_command("sample", "Posterior draws for new data sets from a trained sampler");
  command.add_option("sampler", options->sampler, "sampler file, written by `sibyl train`").required();
  add_sampling_options(command, *options);
  command
      .add_flag("--verify", options->verifies,
                "ask all that can be asked of each posterior and of its data, and say what answered and what it cost: "
                "importance weights, else Markov chains, make the draws the model's own; replications of the data tell "
                "whether the model can have made them")
      .excludes("--at")
      .excludes("--exact");
  command.callback([options] { run(*options); });
}

} // namespace sibyl::cli
