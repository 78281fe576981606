#include "runtime/training/train_sampler.hpp"

#include "lang/errors.hpp"
#include "runtime/posterior/network_posterior.hpp"
#include "runtime/training/locate_region.hpp"
#include "runtime/training/training_source.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
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
    const Examples examples = source_->next();
    left_out_.add(examples.left_out);
    return network_batch(examples);
  }
  const LeftOut& left_out() const { return left_out_; }

 private:
  std::shared_ptr<const CompiledModel> model_;
  std::shared_ptr<const InferenceSetup> setup_;
  TrainingSourceOptions options_;
  std::unique_ptr<TrainingSource> source_;
  std::int64_t next_ = -1;
  LeftOut left_out_;
};

// One way to train: a setup and what follows from it.
struct Plan {
  std::shared_ptr<const CompiledModel> model;
  std::shared_ptr<const InferenceSetup> setup;
  // Of the validation set: a negative log density of z less this is one of unconstrained parameters.
  std::vector<double> log_determinant;
  double mean_log_determinant = 0; // zero where the family's loss is another
  LeftOut left_out;                // of the validation set
  TrainingJob job;
};

Plan make_plan(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options) {
  Plan plan{.model = std::move(model)};
  plan.setup = std::make_shared<const InferenceSetup>(prepare(plan.model, options.setup));
  Examples validation = ExampleMaker(plan.model, plan.setup, options.setup.seed, options.setup.interrupted)
                            .make(first_validation_index, validation_count);
  if (validation.left_out.is_hopeless())
    throw RuntimeError("too few simulations are usable to learn from them: " +
                       validation.left_out.describe("simulations"));
  plan.log_determinant = std::move(validation.log_determinant);
  if (find_posterior_family(options.family).loss_is_negative_log_density)
    plan.mean_log_determinant = mean(plan.log_determinant);
  plan.left_out = validation.left_out;
  TrainingJob& job = plan.job;
  job.config = network_config(*plan.setup, options.family);
  if (options.learning_rate > 0) job.learning_rate = options.learning_rate;
  job.seed = options.setup.seed;
  job.device = options.device;
  job.threads = options.setup.threads;
  job.interrupted = options.setup.interrupted;
  job.validation = network_batch(validation);
  job.batch_size = options.batch_size > 0 ? options.batch_size : default_batch_size(validation.inputs);
  job.checkpoint_identity = fmt::format("{}|{}|{}|{}|{}", plan.model->text(), options.family,
                                        nlohmann::json(*plan.setup).dump(), options.setup.seed, job.batch_size);
  return plan;
}

TrainingResult carry_out(const Plan& plan, TrainFunction train, TrainingJob job, LeftOut& left_out) {
  // So many simulations that about a batch of them is left.
  const double kept = plan.left_out.is_noteworthy() ? 1 - plan.left_out.share() : 1;
  const auto tries = static_cast<std::size_t>(std::ceil(static_cast<double>(job.batch_size) / kept));
  NumberedBatches batches(
      plan.model, plan.setup,
      {.batch_size = tries, .seed = job.seed, .threads = static_cast<std::size_t>(std::max(1, job.threads / 2))});
  job.batch = [&](std::int64_t step) { return batches.at(step); };
  TrainingResult result = train(job);
  left_out = batches.left_out();
  return result;
}

// The validation losses after a short training, in nats of unconstrained parameters, by data set.
std::vector<double> try_out(const Plan& plan, TrainFunction train) {
  TrainingJob job = plan.job;
  job.budget = {.steps = trial_steps};
  LeftOut ignored;
  std::vector<double> losses = carry_out(plan, train, std::move(job), ignored).validation_losses;
  for (std::size_t i = 0; i < losses.size(); ++i) losses[i] -= plan.log_determinant[i];
  return losses;
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
  // Losses of other families do not compare between frames.
  if (!find_posterior_family(options.family).loss_is_negative_log_density) return plan;
  if (options.setup.frame != FrameChoice::automatic || plan.setup->frame_kind() != FrameKind::laplace ||
      !leaves_time_for_trials(options.budget, plan.job.batch_size))
    return plan;
  SamplerTrainingOptions other_options = options;
  other_options.setup.frame = FrameChoice::prior;
  Plan other = make_plan(std::move(model), other_options);
  const double gain = usual_gain(try_out(other, train), try_out(plan, train));
  note =
      fmt::format("after {} steps of each, the {} frame is {:.3f} nats better than the {} frame (mean over data sets, "
                  "less the twentieth at either end)",
                  trial_steps, gain > 0 ? "Laplace" : "prior", std::abs(gain), gain > 0 ? "prior" : "Laplace");
  return gain > 0 ? std::move(plan) : std::move(other);
}

// Calibration may take this share of a budget of seconds.
constexpr double calibration_share = 0.1;

// What is left of it for the optimizer.
TrainingBudget training_budget(TrainingBudget budget, double spent) {
  if (budget.seconds > 0)
    budget.seconds = std::max(budget.seconds * (1 - calibration_share) - spent, budget.seconds / 2);
  return budget;
}

void add_training_notes(const TrainingResult& trained, const LeftOut& left_out, std::vector<std::string>& notes) {
  if (left_out.is_noteworthy()) notes.push_back("in training, " + left_out.describe("simulations"));
  if (static_cast<double>(trained.left_out) > noteworthy_share * static_cast<double>(trained.simulations))
    notes.push_back(fmt::format("{} of {} simulations were left out of training: their loss was not finite",
                                trained.left_out, trained.simulations));
  if (trained.skipped > 0)
    notes.push_back(
        fmt::format("{} of {} steps were skipped: their loss was not finite", trained.skipped, trained.steps));
  if (trained.has_diverged)
    notes.push_back(
        "training ended early: its loss was not finite again and again; the sampler is the best until then");
}

// What is measured on fresh simulations. Nothing that goes wrong here takes anything from the trained sampler.
void judge(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options,
           std::int32_t interrupts_before, TrainedSampler& result) {
  const std::uint64_t seed = options.setup.seed;
  const int threads = options.setup.threads;
  try {
    const PosteriorSampler sampler = make_sampler(model, result.file);
    result.file.typical = measure_typical_set(model, sampler, typical_count, seed, threads);
    result.calibration = calibrate(model, sampler,
                                   {.seed = seed,
                                    .threads = threads,
                                    .seconds = options.budget.seconds * calibration_share,
                                    .interrupted = options.setup.interrupted,
                                    .interrupts_before = interrupts_before});
    result.file.calibration = *result.calibration;
  } catch (const std::exception& error) {
    result.notes.push_back(fmt::format("no calibration: {}; the trained sampler is kept without", error.what()));
  }
}

} // namespace

double usual_gain(std::span<const double> first, std::span<const double> second) {
  if (first.size() != second.size()) throw InternalError("two frames were validated on different data sets");
  std::vector<double> gains(first.size());
  for (std::size_t i = 0; i < gains.size(); ++i) gains[i] = first[i] - second[i];
  std::sort(gains.begin(), gains.end());
  const std::size_t cut = gains.size() / 20;
  return mean(std::span(gains).subspan(cut, gains.size() - 2 * cut));
}

TrainedSampler train_sampler(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& given,
                             const SamplerTrainingEvents& events) {
  SamplerTrainingOptions options = given;
  if (options.resume && !std::filesystem::exists(options.checkpoint))
    throw UserError(fmt::format("there is no checkpoint {} to resume from", options.checkpoint));
  const auto start = std::chrono::steady_clock::now();
  const TrainFunction train = load_training();
  std::vector<std::string> first_notes;
  if (options.around) {
    LocatedRegion located = locate_region(model, *options.around,
                                          {.seconds = options.budget.seconds > 0 ? options.budget.seconds / 3 : 60,
                                           .seed = options.setup.seed,
                                           .threads = options.setup.threads,
                                           .interrupted = options.setup.interrupted});
    options.setup.region = std::move(located.region);
    first_notes = std::move(located.notes);
  }
  std::string frame_note;
  const Plan plan = choose_plan(model, options, train, frame_note);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (events.prepared) {
    InferenceSetup shown = *plan.setup;
    shown.notes.insert(shown.notes.begin(), first_notes.begin(), first_notes.end());
    if (!frame_note.empty()) shown.notes.push_back(frame_note);
    events.prepared(shown);
  }

  TrainingJob job = plan.job;
  job.budget = training_budget(options.budget, seconds);
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
  LeftOut left_out;
  result.training = carry_out(plan, train, job, left_out);
  const std::int32_t interrupts = options.setup.interrupted ? options.setup.interrupted->load() : 0;
  add_training_notes(result.training, left_out, result.notes);
  if (events.trained) events.trained(result.training);

  SamplerFile& file = result.file;
  file.model_name = model->name();
  file.model_text = model->text();
  file.model_library = options.model_library;
  file.config = plan.job.config;
  file.weights = result.training.weights;
  file.setup = *plan.setup;
  file.history = history(result.training, plan.mean_log_determinant);
  if (events.keep) events.keep(file);
  judge(model, options, interrupts, result);
  return result;
}

} // namespace sibyl
