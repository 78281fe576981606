#include "runtime/cli/commands.hpp"

#include "lang/errors.hpp"
#include "runtime/cli/model_file.hpp"
#include "runtime/posterior/sampler_file.hpp"
#include "runtime/terminal/sample_data.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace sibyl::cli {

namespace {

struct SampleCommandOptions : SampleDataOptions {
  std::string sampler;
};

void run(const SampleCommandOptions& options) {
  const SamplerFile file = read_sampler_file(options.sampler);
  const auto model = file.model_library.empty() ? compile_text(file.model_name + ".sib", file.model_text)
                                                : open_model(file.model_library);
  if (model->text() != file.model_text)
    throw UserError(fmt::format("{} was trained on another version of {}", options.sampler, file.model_library));
  sample_data(make_sampler(model, file), options);
}

} // namespace

void add_sample(CLI::App& program) {
  auto options = std::make_shared<SampleCommandOptions>();
  CLI::App* command = program.add_subcommand("sample", "Posterior draws for new data sets from a trained sampler");
  command->add_option("sampler", options->sampler, "sampler file, written by `sibyl train`")->required();
  add_sampling_options(*command, *options);
  command->callback([options] { run(*options); });
}

} // namespace sibyl::cli
