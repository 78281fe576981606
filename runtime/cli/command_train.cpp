#include "runtime/cli/commands.hpp"

#include "lang/errors.hpp"
#include "runtime/cli/interrupt.hpp"
#include "runtime/cli/model_file.hpp"
#include "runtime/cli/options.hpp"
#include "runtime/cli/terminal.hpp"
#include "runtime/inference/calibration.hpp"
#include "runtime/inference/network_posterior.hpp"
#include "runtime/inference/sampler_file.hpp"
#include "runtime/networks/training_interface.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>

namespace sibyl::cli {

namespace {

struct TrainOptions {
  std::string model, output, design, frame = "auto", time, device = "cpu";
  std::vector<std::string> networks; // VARIABLE=NETWORK
  std::int64_t steps = 0, simulations = 0;
  std::size_t batch_size = 0;
  double missing = 0, learning_rate = 0;
  std::uint64_t seed = 1;
  int threads = default_threads();
  bool resume = false;
};

SetupOptions setup_options(const TrainOptions& options, const CompiledModel& model) {
  SetupOptions setup;
  setup.frame = options.frame == "prior"     ? FrameChoice::prior
                : options.frame == "laplace" ? FrameChoice::laplace
                                             : FrameChoice::automatic;
  setup.missing_share = options.missing;
  setup.plan.allows_missing = options.missing > 0;
  if (!options.design.empty()) setup.design = read_design(options.design, model.facts());
  setup.seed = options.seed;
  setup.threads = options.threads;
  setup.interrupted = interrupt_flag();
  for (const std::string& choice : options.networks) {
    const std::size_t equals = choice.find('=');
    const std::string kind = equals == std::string::npos ? "" : choice.substr(equals + 1);
    if (kind != "set" && kind != "sequence" && kind != "mlp")
      throw UserError(fmt::format("--summary {}: write VARIABLE=set, VARIABLE=sequence or VARIABLE=mlp", choice));
    setup.plan.overrides[choice.substr(0, equals)] = kind == "set"        ? SummaryKind::set
                                                     : kind == "sequence" ? SummaryKind::sequence
                                                                          : SummaryKind::mlp;
  }
  return setup;
}

// A data set of many rows makes a batch long to process: fewer of them are taken at a time.
std::size_t default_batch_size(const EncodedBatch& example) {
  std::size_t rows = 0;
  for (const EncodedSource& source : example.sources)
    for (const std::int32_t count : source.row_counts) rows += static_cast<std::size_t>(count);
  const double mean = example.count > 0 ? static_cast<double>(rows) / static_cast<double>(example.count) : 0;
  return mean > 100 ? 64 : mean > 40 ? 128 : 256;
}

std::string duration(double seconds) {
  const auto whole = static_cast<long>(std::lround(std::max(0.0, seconds)));
  return whole >= 60 ? fmt::format("{}:{:02} min", whole / 60, whole % 60) : fmt::format("{} s", whole);
}

nlohmann::json history(const TrainingResult& trained, double mean_log_determinant) {
  auto points = nlohmann::json::array();
  for (const ValidationPoint& point : trained.history)
    points.push_back({{"step", point.step}, {"seconds", point.seconds}, {"loss", point.loss}});
  return {{"steps", trained.steps},
          {"simulations", trained.simulations},
          {"seconds", trained.seconds},
          {"best_step", trained.best_step},
          {"validation_loss", trained.validation_loss},
          {"untrained_validation_loss", trained.untrained_validation_loss},
          {"mean_log_determinant", mean_log_determinant},
          {"validation", points},
          {"milliseconds",
           {{"waiting", trained.times.waiting},
            {"forward", trained.times.forward},
            {"backward", trained.times.backward},
            {"optimizer", trained.times.optimizer}}}};
}

void run(const TrainOptions& options) {
  const TrainFunction train = load_training();
  const auto model = open_model(options.model);
  const auto setup = std::make_shared<const InferenceSetup>(prepare(model, setup_options(options, *model)));
  fmt::print("{}", describe(setup->encoder.plan()));
  for (const std::string& note : setup->notes) print_note(note);

  TrainingJob job;
  job.config = network_config(*setup);
  job.budget = {options.time.empty() ? 0 : parse_duration(options.time), options.steps, options.simulations};
  if (job.budget.seconds == 0 && job.budget.steps == 0 && job.budget.simulations == 0) job.budget.seconds = 120;
  if (options.learning_rate > 0) job.learning_rate = options.learning_rate;
  job.seed = options.seed;
  job.device = options.device;
  job.threads = options.threads;
  job.interrupted = interrupt_flag();
  job.checkpoint = options.output + ".checkpoint";
  job.resume = options.resume;
  if (job.resume && !std::filesystem::exists(job.checkpoint))
    throw UserError(fmt::format("there is no checkpoint {} to resume from", job.checkpoint));

  const Examples validation =
      ExampleMaker(model, setup, options.seed, interrupt_flag()).make(first_validation_index, 2000);
  double mean_log_determinant = 0;
  for (const double one : validation.log_determinant)
    mean_log_determinant += one / static_cast<double>(validation.count());
  job.validation = network_batch(validation);
  job.batch_size = options.batch_size > 0 ? options.batch_size : default_batch_size(validation.inputs);
  job.checkpoint_identity =
      fmt::format("{}|{}|{}|{}", model->text(), nlohmann::json(*setup).dump(), options.seed, job.batch_size);

  // Batches are numbered, so that resumed training goes on with those it would have seen.
  std::unique_ptr<TrainingSource> source;
  std::int64_t next = -1;
  job.batch = [&](std::int64_t step) {
    if (!source || step != next)
      source =
          std::make_unique<TrainingSource>(model, setup,
                                           TrainingSourceOptions{.batch_size = job.batch_size,
                                                                 .seed = options.seed,
                                                                 .first_batch = static_cast<std::uint64_t>(step),
                                                                 .threads = static_cast<std::size_t>(std::max(1, options.threads / 2))});
    next = step + 1;
    return network_batch(source->next());
  };
  ProgressLine line;
  job.progress = [&](const TrainingProgress& at) {
    line.show(fmt::format("step {}  simulations {}  loss {:.3f}  validation {:.3f}  left {}", at.step, at.simulations,
                          at.loss - mean_log_determinant, at.validation_loss - mean_log_determinant,
                          duration(at.seconds_left)));
  };
  const TrainingResult trained = train(job);
  line.finish();
  source.reset();
  fmt::print("{} steps, {} simulations in {}; {:.1f} ms a step (waiting for simulations {:.1f}, forward {:.1f}, "
             "backward {:.1f}, optimizer {:.1f})\n",
             trained.steps, trained.simulations, duration(trained.seconds),
             trained.times.waiting + trained.times.forward + trained.times.backward + trained.times.optimizer,
             trained.times.waiting, trained.times.forward, trained.times.backward, trained.times.optimizer);
  if (trained.rollbacks > 0)
    print_note(fmt::format("{} steps with a loss that was not finite were taken back", trained.rollbacks));
  if (trained.was_interrupted) print_note(fmt::format("interrupted; go on with --resume, from {}", job.checkpoint));

  SamplerFile file;
  file.model_name = model->name();
  file.model_text = model->text();
  if (std::filesystem::path(options.model).extension() == ".so")
    file.model_library = std::filesystem::absolute(options.model).string();
  file.config = job.config;
  file.weights = trained.weights;
  file.setup = *setup;
  file.history = history(trained, mean_log_determinant);
  const auto posterior = std::make_shared<const NetworkPosterior>(job.config, trained.weights);
  PosteriorSampler sampler(model, *setup, posterior);
  file.typical = measure_typical_set(model, sampler, 2000, options.seed, options.threads);
  const Calibration calibration = calibrate(model, sampler, {.seed = options.seed, .threads = options.threads});
  file.calibration = calibration;
  fmt::print("{}", describe(calibration));
  write_sampler_file(options.output, file);
  if (!trained.was_interrupted) std::filesystem::remove(job.checkpoint);
  fmt::print("wrote {}\n", options.output);
}

} // namespace

void add_train(CLI::App& program) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* command = program.add_subcommand("train", "Train an amortized posterior: a sampler for any new data set");
  command->add_option("model", options->model, "model text, or library (.so)")->required();
  command->add_option("-o,--output", options->output, "the sampler file to write")->required();
  command->add_option("--time", options->time,
                      "training time: 60s, 3m, 1h (default, where no other limit is given: 2m)");
  command->add_option("--steps", options->steps, "training steps");
  command->add_option("--sims", options->simulations, "training simulations");
  command->add_option("--frame", options->frame, "prior, laplace or auto")
      ->check(CLI::IsMember({"auto", "prior", "laplace"}))
      ->capture_default_str();
  command->add_option("--design", options->design,
                      "values of the design variables that the text does not draw (JSON, CSV, NPZ)");
  command
      ->add_option("--missing", options->missing,
                   "share of observed values to drop at random, so that missing values are understood")
      ->check(CLI::Range(0.0, 0.9));
  command->add_option("--summary", options->networks, "choose a summary network: VARIABLE=set, sequence or mlp");
  command->add_option("--batch", options->batch_size, "data sets in a step (default: 64 to 256, by their rows)");
  command->add_option("--rate", options->learning_rate, "highest learning rate");
  command->add_option("--device", options->device, "cpu, cuda or cuda:N")->capture_default_str();
  command->add_option("--seed", options->seed, "random seed")->capture_default_str();
  command->add_option("--threads", options->threads, "number of threads")->capture_default_str();
  command->add_flag("--resume", options->resume, "go on from OUTPUT.checkpoint");
  command->callback([options] { run(*options); });
}

} // namespace sibyl::cli
