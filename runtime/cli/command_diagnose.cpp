#include "runtime/cli/commands.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/cli/sampler_model.hpp"
#include "runtime/criticism/report.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/interrupt.hpp"
#include "runtime/terminal/options.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sibyl::cli {

namespace {

struct Options {
  std::string sampler, data, by, html;
  std::size_t simulations = 500, draws = 400;
  std::uint64_t seed = 1;
  int threads = default_threads();
  bool json = false;
};

void run(const Options& options) {
  const SamplerFile file = read_sampler_file(options.sampler);
  const PosteriorSampler sampler = open_sampler(file, options.sampler);
  std::vector<DataSet> sets;
  if (!options.data.empty()) {
    ReadResult read = read_data_sets(options.data, sampler.model().facts(), {.by = options.by});
    for (const std::string& note : read.notes) print_note(note);
    sets = std::move(read.data_sets);
  }
  ProgressLine line;
  const Diagnosis diagnosis = diagnose(sampler, sets,
                                       {.simulations = options.simulations,
                                        .draws = options.draws,
                                        .seed = options.seed,
                                        .threads = options.threads,
                                        .interrupted = interrupt_flag()},
                                       [&](const std::string& text) { line.show(text); });
  line.finish();
  if (!options.html.empty()) {
    write_file(options.html, report_page(diagnosis, file));
    fmt::print(stderr, "wrote {}\n", options.html);
  }
  if (options.json) fmt::print("{}\n", diagnosis_json(diagnosis, file.setup).dump(2));
  else fmt::print("{}", diagnosis_text(diagnosis, file.setup));
}

} // namespace

void add_diagnose(Command& program) {
  auto options = std::make_shared<Options>();
  Command command = program.add_command(
      "diagnose", "How good a trained sampler is, over all that it was trained for and for given data; with a report");
  command.add_option("sampler", options->sampler, "sampler file, written by `sibyl train`").required();
  command.add_option("data", options->data, "data that are verified and put among the simulations: JSON, CSV or NPZ");
  command.add_option("--by", options->by, "the column whose values tell data sets apart");
  command.add_option("--html", options->html, "where the report goes: one page that needs nothing beside it");
  command.add_option("--sims", options->simulations, "simulated data sets").shows_default().between(50, 1000000);
  command.add_option("-n,--draws", options->draws, "draws for each").shows_default().between(50, 100000);
  command.add_option("--seed", options->seed, "random seed").shows_default();
  command.add_option("--threads", options->threads, "number of threads").shows_default();
  command.add_flag("--json", options->json, "the findings as JSON");
  command.callback([options] { run(*options); });
}

} // namespace sibyl::cli
