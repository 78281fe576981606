#include "runtime/cli/commands.hpp"

#include "lang/errors.hpp"
#include "runtime/cli/model_classes.hpp"
#include "runtime/cli/model_with_powers.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/interrupt.hpp"
#include "runtime/terminal/options.hpp"
#include "runtime/terminal/terminal.hpp"
#include "runtime/terminal/training_text.hpp"
#include "runtime/training/train_sampler.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <filesystem>

namespace sibyl::cli {

namespace {

struct TrainOptions {
  ModelFile model;
  std::vector<std::string> more; // models
  std::string output, design, around, real, by, self_consistency, frame = "auto", time, device = "cpu";
  std::vector<std::string> priors;
  std::string posterior{list_posterior_families().front().name};
  std::vector<std::string> networks; // VARIABLE=NETWORK
  std::int64_t steps = 0, simulations = 0;
  std::size_t batch_size = 0;
  double missing = 0, learning_rate = 0;
  std::uint64_t seed = 1;
  int threads = default_threads(), moves = SamplerTrainingOptions().moves;
  bool resume = false, json = false, sensitivity = false, has_self_consistency = false;
};

// NAME=NETWORK of --summary.
std::map<std::string, std::string> network_choices(const TrainOptions& options) {
  std::map<std::string, std::string> result;
  for (const std::string& choice : options.networks) {
    const std::size_t equals = choice.find('=');
    if (equals == std::string::npos)
      throw UserError(fmt::format("--summary {}: write VARIABLE=NETWORK, where NETWORK is one of {}", choice,
                                  names_of(list_summary_networks())));
    result[choice.substr(0, equals)] = choice.substr(equals + 1);
  }
  return result;
}

// What follows --self-consistency: a weight, or nothing.
double weight_of(const std::string& text) {
  if (text.empty()) return 0.1;
  double weight = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  if (error != std::errc() || end != text.data() + text.size())
    throw UserError(fmt::format("--self-consistency {}: the weight is a number", text));
  return weight;
}

SetupOptions setup_options(const TrainOptions& options, const CompiledModel& model) {
  SetupOptions setup;
  setup.frame = options.frame == "prior"         ? FrameChoice::prior
                : options.frame == "laplace"     ? FrameChoice::laplace
                : options.frame == "variational" ? FrameChoice::variational
                                                 : FrameChoice::automatic;
  setup.missing_share = options.missing;
  setup.plan.allows_missing = options.missing > 0;
  if (!options.design.empty()) setup.design = read_design(options.design, model.facts());
  setup.seed = options.seed;
  setup.threads = options.threads;
  setup.interrupted = interrupt_flag();
  setup.plan.networks = network_choices(options);
  return setup;
}

void print_training(std::FILE* out, const TrainingResult& trained, const std::string& checkpoint) {
  fmt::print(out, "{}", training_summary(trained));
  if (trained.was_interrupted) print_note(fmt::format("interrupted; go on with --resume, from {}", checkpoint));
}

TrainingBudget budget_of(const TrainOptions& options) {
  TrainingBudget budget{options.time.empty() ? 0 : parse_duration(options.time), options.steps};
  if (budget.seconds == 0 && budget.steps == 0 && options.simulations == 0) budget.seconds = 120;
  return budget;
}

std::string library_of(const std::string& path) {
  return std::filesystem::path(path).extension() == ".so" ? std::filesystem::absolute(path).string() : "";
}

void run_classifier(const TrainOptions& options) {
  const std::pair<bool, const char*> of_posteriors[] = {
      {!options.around.empty(), "--around"},
      {!options.priors.empty(), "--prior"},
      {options.simulations != 0, "--sims"},
      {options.resume, "--resume"},
      {options.sensitivity, "--sensitivity"},
      {options.has_self_consistency, "--self-consistency"},
      {!options.real.empty(), "--real"},
      {options.frame != "auto", "--frame"},
      {options.posterior != list_posterior_families().front().name, "--posterior"}};
  for (const auto& [is_given, name] : of_posteriors)
    if (is_given)
      throw UserError(
          fmt::format("{} is of posteriors: of several models, which of them made a data set is learned", name));
  std::vector<CandidateModel> models;
  std::vector<std::string> paths = {options.model.path};
  paths.insert(paths.end(), options.more.begin(), options.more.end());
  for (const std::string& path : paths) {
    CandidateModel one;
    one.model = open_model({path, options.model.include_directories});
    one.name = path;
    one.library = library_of(path);
    if (!options.design.empty()) one.design = read_design(options.design, one.model->facts());
    models.push_back(std::move(one));
  }
  ClassifierTrainingOptions training;
  training.budget = budget_of(options);
  if (options.batch_size > 0) training.batch_size = options.batch_size;
  training.learning_rate = options.learning_rate;
  training.missing_share = options.missing;
  training.networks = network_choices(options);
  training.seed = options.seed;
  training.threads = options.threads;
  training.device = options.device;
  train_model_classifier(models, training, options.output, options.json);
}

void run(const TrainOptions& options) {
  if (!options.more.empty()) return run_classifier(options);
  const auto model = options.sensitivity ? open_model_with_powers(options.model, options.priors)
                                         : open_model(options.model, options.priors);
  SamplerTrainingOptions training;
  training.setup = setup_options(options, *model);
  training.budget = budget_of(options);
  training.simulations = options.simulations;
  training.moves = options.moves;
  if (!options.around.empty()) {
    if (!options.design.empty())
      throw UserError("--design and --around: the design is that of the data to train around, give one of them");
    training.around = read_data_set(options.around, model->facts());
  }
  if (options.has_self_consistency) training.self_consistency = weight_of(options.self_consistency);
  if (!options.real.empty()) {
    ReadResult read = read_data_sets(options.real, model->facts(), {.by = options.by});
    for (const std::string& note : read.notes) print_note(note);
    training.real = std::move(read.data_sets);
  }
  training.family = options.posterior;
  training.batch_size = options.batch_size;
  training.learning_rate = options.learning_rate;
  training.device = options.device;
  training.checkpoint = options.output + ".checkpoint";
  training.resume = options.resume;
  training.model_library = library_of(options.model.path);

  ProgressLine line;
  SamplerTrainingEvents events;
  std::FILE* out = options.json ? stderr : stdout; // standard output then holds the JSON alone
  events.prepared = [out, &line](const InferenceSetup& setup) {
    line.finish();
    fmt::print(out, "{}", describe(setup.encoder.plan()));
    for (const std::string& note : setup.notes) print_note(note);
  };
  events.doing = [&](const std::string& what) { line.show(what); };
  events.progress = [&](const TrainingProgress& at) { line.show(progress_text(at)); };
  events.trained = [&](const TrainingResult& trained) {
    line.finish();
    print_training(out, trained, training.checkpoint);
  };
  events.keep = [&](const SamplerFile& file) { write_sampler_file(options.output, file); };
  const TrainedSampler trained = train_sampler(model, training, events);
  line.finish();
  for (const std::string& note : trained.notes) print_note(note);
  if (options.json)
    fmt::print("{}\n",
               trained.calibration ? nlohmann::ordered_json(nlohmann::json(*trained.calibration)).dump(2) : "null");
  else if (trained.calibration) fmt::print("{}", describe(*trained.calibration));
  write_sampler_file(options.output, trained.file);
  if (!trained.training.was_interrupted) std::filesystem::remove(training.checkpoint);
  fmt::print(out, "wrote {}\n", options.output);
}

} // namespace

void add_train(Command& program) {
  auto options = std::make_shared<TrainOptions>();
  Command command = program.add_command(
      "train", "Train an amortized posterior: a sampler for any new data set; or, of several models, a classifier");
  add_model_options(command, options->model, "model text, or library (.so)");
  command.add_option(
      "more", options->more,
      "other models of the same data: which of all made a data set is learned then, for `sibyl compare`");
  add_prior_option(command, options->priors);
  command.add_option("-o,--output", options->output, "the sampler file to write").required();
  command.add_option("--time", options->time,
                      "time for preparing, training and calibration: 60s, 3m, 1h (default, where no other limit is "
                      "given: 2m)");
  command.add_option("--steps", options->steps, "training steps");
  const Option simulations = command.add_option(
      "--sims", options->simulations,
      "a fixed set of so many simulations, a tenth of them held out: made once and learned from in epochs, "
      "until those held out gain no more (default: made as they are needed; with --time they come again where "
      "fresh ones are not ready)");
  command
      .add_option("--moves", options->moves,
                  "with --sims and a model with a density: Markov moves of a data set's parameters along its posterior "
                  "whenever it is learned from again; 0: none")
      .between(0, 1000)
      .needs(simulations)
      .shows_default();
  command.add_option("--frame", options->frame, "prior, laplace, variational or auto")
      .one_of({"auto", "prior", "laplace", "variational"})
      .shows_default();
  command.add_option("--design", options->design,
                      "values of the design variables that the text does not draw (JSON, CSV, NPZ)");
  command.add_option("--around", options->around,
                     "train around the posterior of this data set (JSON, CSV, NPZ) and for its design, instead of over "
                     "the priors: for flat priors and very wide ones");
  const Option self_consistency = command.add_option(
      "--self-consistency", options->self_consistency,
                   "WEIGHT (0.1 where it is left out; 0: never) of the variance of the log evidence over the network's "
                   "draws in the loss, for models with a density (default: none, 0.1 with --real)");
  self_consistency.may_be_empty();
  const Option real = command.add_option(
      "--real", options->real,
      "data sets whose parameters nobody knows (JSON, CSV, NPZ), to learn from by self-consistency beside simulations");
  command.add_option("--by", options->by, "the column whose values tell the data sets of --real apart").needs(real);
  command
      .add_option("--missing", options->missing,
                   "share of observed values to drop at random, so that missing values are understood")
      .between(0.0, 0.9);
  command.add_option("--summary", options->networks,
                      "choose a summary network: VARIABLE=NETWORK, one of " + names_of(list_summary_networks()));
  std::vector<std::string> families;
  for (const PosteriorFamilyInfo& family : list_posterior_families()) families.emplace_back(family.name);
  command
      .add_option("--posterior", options->posterior, "the posterior's family: " + names_of(list_posterior_families()))
      .one_of(families)
      .shows_default();
  command.add_option("--batch", options->batch_size, "data sets in a step (default: 64 to 256, by their rows)");
  command.add_option("--rate", options->learning_rate, "highest learning rate");
  command.add_option("--device", options->device, "cpu, cuda or cuda:N").shows_default();
  command.add_option("--seed", options->seed, "random seed").shows_default();
  command.add_option("--threads", options->threads, "number of threads").shows_default();
  command.add_flag("--sensitivity", options->sensitivity,
                    "for powers of the prior and the likelihood between 0.5 and 2, as inputs of the networks: `sibyl "
                    "sensitivity` then draws at other powers, without a density too. What cannot be raised is named");
  command.add_flag("--json", options->json, "the calibration as JSON; all else goes to standard error");
  command.add_flag("--resume", options->resume, "go on from OUTPUT.checkpoint");
  command.callback([options, self_consistency] {
    options->has_self_consistency = self_consistency.is_given();
    run(*options);
  });
}

} // namespace sibyl::cli
