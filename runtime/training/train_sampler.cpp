#include "runtime/training/train_sampler.hpp"

#include "lang/errors.hpp"
#include "runtime/posterior/network_posterior.hpp"
#include "runtime/training/training_source.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>

namespace sibyl {

namespace {

constexpr std::size_t validation_count = 2000;
constexpr std::size_t typical_count = 2000;
constexpr std::int64_t trial_steps = 100;

// A data set of many rows makes a batch long to process: fewer of them are taken at a time.
std::size_t default_batch_size(const EncodedBatch& example) {
  std::size_t rows = 0;
  for (const EncodedSource& source : example.sources)
    for (const std::int32_t count : source.row_counts) rows += static_cast<std::size_t>(count);
  const double mean = example.count > 0 ? static_cast<double>(rows) / static_cast<double>(example.count) : 0;
  return mean > 100 ? 64 : mean > 40 ? 128 : 256;
}

double mean(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
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

// Batches are numbered, so that resumed training goes on with those it would have seen.
class NumberedBatches {
 public:
  NumberedBatches(std::shared_ptr<const CompiledModel> model, std::shared_ptr<const InferenceSetup> setup,
                  const TrainingSourceOptions& options)
      : model_(std::move(model)), setup_(std::move(setup)), options_(options) {}

  NetworkBatch at(std::int64_t step) {
    if (!source_ || step != next_) {
      options_.first_batch = static_cast<std::uint64_t>(step);
      source_ = std::make_unique<TrainingSource>(model_, setup_, options_);
    }
    next_ = step + 1;
    return network_batch(source_->next());
  }

 private:
  std::shared_ptr<const CompiledModel> model_;
  std::shared_ptr<const InferenceSetup> setup_;
  TrainingSourceOptions options_;
  std::unique_ptr<TrainingSource> source_;
  std::int64_t next_ = -1;
};

// One way to train: a setup and what follows from it.
struct Plan {
  std::shared_ptr<const CompiledModel> model;
  std::shared_ptr<const InferenceSetup> setup;
  double mean_log_determinant = 0; // of the validation set: a loss less this is one of unconstrained parameters
  TrainingJob job;
};

Plan make_plan(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options) {
  Plan plan{std::move(model), nullptr, 0, {}};
  plan.setup = std::make_shared<const InferenceSetup>(prepare(plan.model, options.setup));
  const Examples validation = ExampleMaker(plan.model, plan.setup, options.setup.seed, options.setup.interrupted)
                                  .make(first_validation_index, validation_count);
  plan.mean_log_determinant = mean(validation.log_determinant);
  TrainingJob& job = plan.job;
  job.config = network_config(*plan.setup);
  if (options.learning_rate > 0) job.learning_rate = options.learning_rate;
  job.seed = options.setup.seed;
  job.device = options.device;
  job.threads = options.setup.threads;
  job.interrupted = options.setup.interrupted;
  job.validation = network_batch(validation);
  job.batch_size = options.batch_size > 0 ? options.batch_size : default_batch_size(validation.inputs);
  job.checkpoint_identity = fmt::format("{}|{}|{}|{}", plan.model->text(), nlohmann::json(*plan.setup).dump(),
                                        options.setup.seed, job.batch_size);
  return plan;
}

TrainingResult carry_out(const Plan& plan, TrainFunction train, TrainingJob job) {
  NumberedBatches batches(plan.model, plan.setup,
                          {.batch_size = job.batch_size,
                           .seed = job.seed,
                           .threads = static_cast<std::size_t>(std::max(1, job.threads / 2))});
  job.batch = [&](std::int64_t step) { return batches.at(step); };
  return train(job);
}

// The validation loss after a short training, in nats of unconstrained parameters.
double try_out(const Plan& plan, TrainFunction train) {
  TrainingJob job = plan.job;
  job.budget = {.steps = trial_steps};
  return carry_out(plan, train, std::move(job)).validation_loss - plan.mean_log_determinant;
}

bool leaves_time_for_trials(const TrainingBudget& budget, std::size_t batch_size) {
  const std::int64_t least_steps = 10 * trial_steps;
  return (budget.seconds == 0 || budget.seconds >= 20) && (budget.steps == 0 || budget.steps >= least_steps) &&
         (budget.simulations == 0 || budget.simulations >= least_steps * static_cast<std::int64_t>(batch_size));
}

// Where the user leaves the frame open and the Laplace frame is possible, both are trained for a moment; what validates
// better stays. Their trials are the same however often they are run, so that a resumed training decides alike.
Plan choose_plan(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options, TrainFunction train,
                 std::string& note) {
  Plan plan = make_plan(model, options);
  if (options.setup.frame != FrameChoice::automatic || plan.setup->frame_kind() != FrameKind::laplace ||
      !leaves_time_for_trials(options.budget, plan.job.batch_size))
    return plan;
  SamplerTrainingOptions other_options = options;
  other_options.setup.frame = FrameChoice::prior;
  Plan other = make_plan(std::move(model), other_options);
  const double loss = try_out(plan, train), other_loss = try_out(other, train);
  note =
      fmt::format("after {} steps of each, validation loss {:.3f} in the Laplace frame and {:.3f} in the prior frame",
                  trial_steps, loss, other_loss);
  return other_loss < loss ? std::move(other) : std::move(plan);
}

} // namespace

TrainedSampler train_sampler(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options,
                             const SamplerTrainingEvents& events) {
  if (options.resume && !std::filesystem::exists(options.checkpoint))
    throw UserError(fmt::format("there is no checkpoint {} to resume from", options.checkpoint));
  const TrainFunction train = load_training();
  const auto start = std::chrono::steady_clock::now();
  std::string frame_note;
  const Plan plan = choose_plan(model, options, train, frame_note);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (events.prepared) {
    InferenceSetup shown = *plan.setup;
    if (!frame_note.empty()) shown.notes.push_back(frame_note);
    events.prepared(shown);
  }

  TrainingJob job = plan.job;
  job.budget = options.budget;
  if (!frame_note.empty() && job.budget.seconds > 0) job.budget.seconds -= std::min(seconds, job.budget.seconds / 2);
  job.checkpoint = options.checkpoint;
  job.resume = options.resume;
  if (events.progress)
    job.progress = [&](const TrainingProgress& at) {
      TrainingProgress shown = at;
      shown.loss -= plan.mean_log_determinant;
      shown.validation_loss -= plan.mean_log_determinant;
      events.progress(shown);
    };
  TrainedSampler result;
  result.training = carry_out(plan, train, job);
  if (events.trained) events.trained(result.training);

  SamplerFile& file = result.file;
  file.model_name = model->name();
  file.model_text = model->text();
  file.config = plan.job.config;
  file.weights = result.training.weights;
  file.setup = *plan.setup;
  file.history = history(result.training, plan.mean_log_determinant);
  const PosteriorSampler sampler = make_sampler(model, file);
  const std::uint64_t seed = options.setup.seed;
  const int threads = options.setup.threads;
  file.typical = measure_typical_set(model, sampler, typical_count, seed, threads);
  result.calibration = calibrate(model, sampler, {.seed = seed, .threads = threads});
  file.calibration = result.calibration;
  return result;
}

} // namespace sibyl
