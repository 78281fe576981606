#include "runtime/terminal/sample_data.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/data/draws.hpp"
#include "runtime/data/inference_data.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/interrupt.hpp"
#include "runtime/terminal/options.hpp"
#include "runtime/terminal/summary_table.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace sibyl::cli {

namespace {

// `finished`: of `all` data sets.
std::string describe_interrupted(std::span<const Posterior> finished, std::size_t all,
                                 const SampleDataOptions& options) {
  const auto verified = std::count_if(finished.begin(), finished.end(),
                                      [](const Posterior& one) { return one.verdict.verification.has_value(); });
  std::string text = fmt::format("interrupted: {} of {} data sets {} finished", finished.size(), all,
                                 finished.size() == 1 ? "is" : "are");
  if (options.verifies) text += fmt::format(", {} of them verified", verified);
  if (!options.output.empty()) text += fmt::format("; their draws are in {}", options.output);
  return text;
}

} // namespace

void add_sampling_options(Command& command, SampleDataOptions& options) {
  options.threads = default_threads();
  command.add_option("data", options.data, "data: Stan JSON, CSV or NPZ").required();
  command.add_option("--by", options.by, "the column whose values tell data sets apart");
  command.add_option("-n,--draws", options.draws, "draws for each data set").shows_default().between(1, 100000000);
  command.add_option("-o,--output", options.output,
                     "where the draws go: .csv (Stan's layout), .npz, or .nc (netCDF for ArviZ)");
  const Option density = command.add_flag("--density", options.density,
                                          "add the column log_density__: the amortized density of each draw");
  command
      .add_option("--at", options.at,
                  "instead of draws, the density at these parameters (.csv, one row for each data set)")
      .excludes(density);
  command
      .add_flag("--exact", options.exact,
                "draws of the model's own posterior: resampled where the importance weights allow it, else by Markov "
                "chains that start from the amortized draws")
      .excludes("--at");
  command
      .add_option("--time", options.time,
                  "with --exact or --verify: what the Markov chains of each data set may take; the verdict says where "
                  "that was too short")
      .shows_default();
  command.add_option("--seed", options.seed, "random seed").shows_default();
  command.add_option("--threads", options.threads, "number of threads").shows_default();
  command.add_flag("--json", options.json, "the table as JSON");
}

void sample_data(const PosteriorSampler& sampler, const SampleDataOptions& options, const DrawFunction& draw) {
  const ReadResult read = read_data_sets(options.data, sampler.model().facts(), {.by = options.by});
  for (const std::string& note : read.notes) print_note(note);

  if (!options.at.empty()) {
    const Table truth = read_csv(options.at);
    const std::vector<DataSet> points = read_parameters(truth, sampler.model().facts(), read.data_sets, options.by);
    const std::vector<double> densities = sampler.density_at(read.data_sets, points);
    std::string text = (options.by.empty() ? "data" : options.by) + "," + "log_density__\n";
    double mean = 0;
    for (std::size_t i = 0; i < densities.size(); ++i) {
      text += read.data_sets[i].label + "," + format_double(densities[i]) + "\n";
      mean += densities[i] / static_cast<double>(densities.size());
    }
    if (!options.output.empty()) write_file(options.output, text);
    else fmt::print("{}", text);
    fmt::print(stderr, "mean log posterior density {:.4f} over {} data sets\n", mean, densities.size());
    return;
  }

  const SampleOptions sampling{.draws = options.draws,
                               .seed = options.seed,
                               .with_density = options.density,
                               .exact = options.exact,
                               .exact_seconds = parse_duration(options.time),
                               .threads = options.threads,
                               .interrupted = interrupt_flag(),
                               .keeps_finished = true};
  std::vector<Posterior> posteriors =
      draw ? draw(read.data_sets, sampling) : sampler.sample(read.data_sets, sampling);
  std::vector<DataSet> data_sets; // that are finished
  for (std::size_t i = 0; i < posteriors.size(); ++i)
    if (posteriors[i].is_finished) data_sets.push_back(read.data_sets[i]);
  std::erase_if(posteriors, [](const Posterior& one) { return !one.is_finished; });
  if (posteriors.empty()) throw RuntimeError("interrupted before any data set was finished");
  if (!options.output.empty()) {
    std::vector<Draws> draws;
    std::vector<std::string> verdicts;
    for (const Posterior& one : posteriors) {
      draws.push_back(one.draws);
      verdicts.push_back(one.verdict.text());
    }
    if (options.output.ends_with(".npz")) write_draws_npz(options.output, draws);
    else if (options.output.ends_with(".csv")) write_draws_csv(options.output, draws, options.by);
    else if (options.output.ends_with(".nc"))
      write_netcdf(options.output, to_inference_data(sampler.model().facts(), data_sets, draws, verdicts,
                                                     options.by, check_numbers(posteriors)));
    else throw UserError(fmt::format("{}: draws are written as .csv, .npz or .nc", options.output));
  }
  if (options.json) {
    auto all = nlohmann::ordered_json::array();
    for (const Posterior& one : posteriors) all.push_back(posterior_json(one));
    fmt::print("{}\n", all.dump(2));
  } else {
    fmt::print("{}", summary_table(posteriors, sampler.model().facts(), options.by));
    fmt::print("{}", verification_summary(posteriors));
  }
  if (sampling.is_interrupted()) throw RuntimeError(describe_interrupted(posteriors, read.data_sets.size(), options));
}

} // namespace sibyl::cli
