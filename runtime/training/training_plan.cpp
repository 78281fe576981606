#include "runtime/training/training_plan.hpp"

#include "lang/errors.hpp"
#include "runtime/posterior/network_posterior.hpp"
#include "runtime/training/online_batches.hpp"
#include "runtime/training/training_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace sibyl {

namespace {

// Validation sets, by how many rows they have together.
constexpr std::size_t most_validation = 2000, fewest_validation = 200, rows_of_validation = 200000;
constexpr std::size_t first_validation = 40; // tell how many rows there are, and how long they take
// Steps of a trial, by the rows of a batch: many rows make a step slow.
constexpr std::int64_t most_trial_steps = 100, fewest_trial_steps = 30, rows_of_trial = 1000000;
constexpr double trial_share = 0.15;                         // of a budget of seconds
constexpr std::int64_t fewest_simulations_for_trials = 2000; // of a fixed set

double mean(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

double mean_rows(const NetworkBatch& batch) {
  std::int64_t rows = 0;
  for (const RowsBatch& source : batch.sources) rows += source.offsets.back();
  return batch.count > 0 ? static_cast<double>(rows) / static_cast<double>(batch.count) : 0;
}

// A data set of many rows makes a batch long to process: fewer of them are taken at a time. So they are where there are
// few of them: steps are then what is lacking.
std::size_t default_batch_size(const NetworkBatch& example, std::size_t learned) {
  const double rows = mean_rows(example);
  const std::size_t usual = rows > 100 ? 64 : rows > 40 ? 128 : 256;
  return learned == 0 ? usual : std::clamp<std::size_t>(learned / 40, 32, usual);
}

// So many that more would learn the set by heart, or gain little: the learning rate is to have come down by then. Where
// parameters move, twice as many still gain (with 10,000 simulations of slcp another 0.12 nats of held-out ones).
std::int64_t steps_for_fixed_set(std::size_t learned, bool is_moving) {
  return std::llround((is_moving ? 12000 : 6000) * std::cbrt(static_cast<double>(learned) / 9000));
}

} // namespace

double weight_decay_for_fixed_set(std::size_t learned, bool is_moving) {
  return (is_moving ? 0.15 : 0.3) * std::min(1.0, 10000 / static_cast<double>(std::max<std::size_t>(1, learned)));
}

namespace {

void set_job(TrainingPlan& plan, const SamplerTrainingOptions& options) {
  if (find_posterior_family(options.family).loss_is_negative_log_density)
    plan.mean_log_determinant = mean(plan.log_determinant);
  TrainingJob& job = plan.job;
  const std::size_t learned = plan.fixed ? plan.fixed->learned.count : 0;
  job.config = network_config(*plan.setup, options.family);
  if (options.learning_rate > 0) job.learning_rate = options.learning_rate;
  job.seed = options.setup.seed;
  job.device = options.device;
  job.threads = options.setup.threads;
  job.interrupted = options.setup.interrupted;
  job.batch_size = options.batch_size > 0 ? options.batch_size : default_batch_size(job.validation, learned);
  if (plan.fixed) {
    job.epoch_steps = EpochBatches(plan.fixed->learned, job.batch_size, job.seed).per_epoch();
    plan.most_steps = steps_for_fixed_set(learned, plan.moves > 0);
    job.weight_decay = weight_decay_for_fixed_set(learned, plan.moves > 0);
  }
  job.checkpoint_identity = training_identity(*plan.model, options);
  job.checkpoint_plan = to_text({*plan.setup, plan.left_out.tried()});
}

// What finding frames and validation sets may take of a budget of seconds.
constexpr double frames_share = 0.15, validation_share = 0.05;

std::shared_ptr<const SimulatedBatch> simulate_pilot(const std::shared_ptr<const CompiledModel>& model,
                                                     const SetupOptions& options) {
  return std::make_shared<const SimulatedBatch>(
      simulate_usable(model, options, first_pilot_index, options.pilot_count));
}

std::shared_ptr<const InferenceSetup> prepare_in_time(const std::shared_ptr<const CompiledModel>& model,
                                                      const SamplerTrainingOptions& options,
                                                      const SimulatedBatch& pilot) {
  SetupOptions setup = options.setup;
  setup.frame_seconds = frames_share * options.budget.seconds;
  return std::make_shared<const InferenceSetup>(prepare(model, setup, &pilot));
}

// `validated`: from how many simulations the validation set is made; 0: as many as suit.
TrainingPlan make_online_plan(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options,
                              std::shared_ptr<const SimulatedBatch> pilot, std::shared_ptr<const InferenceSetup> setup,
                              std::size_t validated = 0) {
  TrainingPlan plan{.model = std::move(model),
                    .setup = std::move(setup),
                    .pilot = std::move(pilot),
                    .lets_come_again = options.budget.seconds > 0};
  const auto make = [&](std::size_t first, std::size_t last) {
    return make_examples(plan.model, plan.setup, options.setup.seed, first_validation_index + first, last - first,
                         options.setup.threads, options.setup.interrupted);
  };
  const auto start = std::chrono::steady_clock::now();
  ExampleSet validation = make(0, first_validation);
  double affordable = most_validation;
  if (options.budget.seconds > 0) {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    affordable = first_validation * validation_share * options.budget.seconds / taken.count();
  }
  const double suitable =
      std::clamp<double>(static_cast<double>(rows_of_validation) / std::max(1.0, mean_rows(validation.batch)),
                         fewest_validation, most_validation);
  if (validated == 0) validated = static_cast<std::size_t>(std::clamp<double>(affordable, first_validation, suitable));
  ExampleSet more = make(first_validation, validated);
  validation.left_out.add(more.left_out);
  if (more.batch.count > 0) append(validation.batch, more.batch);
  validation.log_determinant.insert(validation.log_determinant.end(), more.log_determinant.begin(),
                                    more.log_determinant.end());
  if (validation.left_out.is_hopeless() || validation.batch.count == 0)
    throw RuntimeError("too few simulations are usable to learn from them: " +
                       validation.left_out.describe("simulations"));
  plan.log_determinant = std::move(validation.log_determinant);
  plan.left_out = validation.left_out;
  plan.job.validation = std::move(validation.batch);
  set_job(plan, options);
  return plan;
}

SamplerTrainingOptions in_prior_frame(SamplerTrainingOptions options) {
  options.setup.frame = FrameChoice::prior;
  return options;
}

bool leaves_time_for_trials(const SamplerTrainingOptions& options) {
  const std::int64_t least_steps = 10 * most_trial_steps;
  const TrainingBudget& budget = options.budget;
  return (budget.seconds == 0 || budget.seconds >= 20) && (budget.steps == 0 || budget.steps >= least_steps) &&
         (options.simulations == 0 || options.simulations >= fewest_simulations_for_trials);
}

// Losses of other families do not compare between frames.
bool tries_frames(const SamplerTrainingOptions& options, const InferenceSetup& setup) {
  return find_posterior_family(options.family).loss_is_negative_log_density &&
         options.setup.frame == FrameChoice::automatic && setup.frame_kind() != FrameKind::prior &&
         leaves_time_for_trials(options);
}

std::vector<TrainingPlan> make_fixed_plans(const std::shared_ptr<const CompiledModel>& model,
                                           const SamplerTrainingOptions& options,
                                           const std::shared_ptr<const SimulatedBatch>& pilot,
                                           std::span<const std::shared_ptr<const InferenceSetup>> setups,
                                           const FixedSetParts& parts, const SamplerTrainingEvents& events) {
  std::vector<TrainingPlan> plans;
  // A region's density is not the model's.
  const int moves = model->facts().has_density && !options.setup.region ? options.moves : 0;
  std::vector<FixedSet> sets =
      simulate_fixed_set(model, setups, *pilot, options.setup, parts, moves > 0, [&](std::size_t made) {
        if (events.doing) events.doing(fmt::format("preparing: {} of {} simulations", made, parts.count));
      });
  for (std::size_t s = 0; s < sets.size(); ++s) {
    TrainingPlan plan{.model = model, .setup = setups[s], .pilot = pilot, .moves = moves};
    plan.log_determinant = std::move(sets[s].log_determinant);
    plan.left_out = sets[s].left_out;
    plan.job.validation = std::move(sets[s].held_out);
    plan.fixed = std::make_shared<const FixedSet>(std::move(sets[s]));
    set_job(plan, options);
    plans.push_back(std::move(plan));
  }
  return plans;
}

// The candidates, of which the first is the one to take without trials.
std::vector<TrainingPlan> make_plans(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options,
                                     const SamplerTrainingEvents& events) {
  std::vector<TrainingPlan> plans;
  if (events.doing) events.doing("preparing: pilot simulations");
  if (options.simulations == 0) {
    const auto pilot = simulate_pilot(model, options.setup);
    plans.push_back(make_online_plan(model, options, pilot, prepare_in_time(model, options, *pilot)));
    if (tries_frames(options, *plans[0].setup))
      plans.push_back(make_online_plan(model, options, pilot, prepare_in_time(model, in_prior_frame(options), *pilot),
                                       plans[0].left_out.tried()));
    return plans;
  }
  const FixedSetParts parts = divide_fixed_set(options.simulations);
  const auto pilot =
      std::make_shared<const SimulatedBatch>(simulate_usable(model, options.setup, first_training_index, parts.pilot));
  std::vector<std::shared_ptr<const InferenceSetup>> setups{
      std::make_shared<const InferenceSetup>(prepare(model, options.setup, pilot.get()))};
  if (tries_frames(options, *setups[0]))
    setups.push_back(
        std::make_shared<const InferenceSetup>(prepare(model, in_prior_frame(options).setup, pilot.get())));
  return make_fixed_plans(std::move(model), options, pilot, setups, parts, events);
}

struct Trial {
  std::int64_t steps = 0;
  std::vector<double> losses; // of validation, in nats of unconstrained parameters, by data set
};

Trial try_out(const TrainingPlan& plan, TrainFunction train, const TrainingBudget& budget) {
  TrainingJob job = plan.job;
  job.budget = budget;
  LearnedFrom ignored;
  TrainingResult result = carry_out(plan, train, std::move(job), ignored);
  Trial trial{result.steps, std::move(result.validation_losses)};
  for (std::size_t i = 0; i < trial.losses.size(); ++i) trial.losses[i] -= plan.log_determinant[i];
  return trial;
}

} // namespace

TrainingPlan choose_plan(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options,
                         TrainFunction train, const SamplerTrainingEvents& events, std::string& note) {
  std::vector<TrainingPlan> plans = make_plans(std::move(model), options, events);
  if (plans.size() == 1) return std::move(plans[0]);
  if (events.doing) events.doing("preparing: which frame is better");
  const TrainingJob& job = plans[0].job;
  const double rows = mean_rows(job.validation) * static_cast<double>(job.batch_size);
  const auto trial_steps = static_cast<std::int64_t>(std::clamp<double>(
      static_cast<double>(rows_of_trial) / std::max(1.0, rows), fewest_trial_steps, most_trial_steps));
  // Steps in the data sets' own frames take longer: the prior frame has as many.
  const double seconds = options.budget.seconds * trial_share;
  const Trial own = try_out(plans[0], train, {.seconds = seconds, .steps = trial_steps});
  // Neither has learned anything yet; the better one of two that were cut short is a matter of chance.
  const auto is_interrupted = [&] { return options.setup.interrupted && *options.setup.interrupted; };
  if (is_interrupted()) throw RuntimeError("interrupted");
  if (own.steps < fewest_trial_steps) {
    note = fmt::format("the data sets' own frames without a trial: {} steps took {:.0f} s, too long to try the prior "
                       "frame, too",
                       own.steps, seconds);
    return std::move(plans[0]);
  }
  const Trial prior = try_out(plans[1], train, {.steps = own.steps});
  if (is_interrupted()) throw RuntimeError("interrupted");
  const double gain = usual_gain(prior.losses, own.losses);
  note = fmt::format(
      "after {} steps of each, {} better by {:.3f} nats than {} (mean over data sets, less the twentieth at "
      "either end)",
      own.steps, gain > 0 ? "the data sets' own frames are" : "the prior frame is", std::abs(gain),
      gain > 0 ? "the prior frame" : "the data sets' own frames");
  return std::move(plans[gain > 0 ? 0 : 1]);
}

TrainingPlan make_started_plan(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options,
                               const StartedPlan& started, const SamplerTrainingEvents& events) {
  if (events.doing) events.doing("preparing: pilot simulations");
  const auto setup = std::make_shared<const InferenceSetup>(started.setup);
  if (options.simulations == 0)
    return make_online_plan(model, options, simulate_pilot(model, options.setup), setup, started.validated);
  const FixedSetParts parts = divide_fixed_set(options.simulations);
  const auto pilot =
      std::make_shared<const SimulatedBatch>(simulate_usable(model, options.setup, first_training_index, parts.pilot));
  return std::move(make_fixed_plans(model, options, pilot, std::span(&setup, 1), parts, events)[0]);
}

TrainingResult carry_out(const TrainingPlan& plan, TrainFunction train, TrainingJob job, LearnedFrom& learned_from) {
  if (plan.fixed && plan.moves > 0) {
    MovingBatches batches(plan.model, *plan.fixed, job.batch_size, job.seed, plan.moves);
    job.batch = [&](std::int64_t step) { return batches.at(step); };
    TrainingResult result = train(job);
    learned_from = {
        .left_out = plan.fixed->left_out, .moves_tried = batches.tried(), .moves_accepted = batches.accepted()};
    return result;
  }
  if (plan.fixed) {
    EpochBatches batches(plan.fixed->learned, job.batch_size, job.seed);
    job.batch = [&](std::int64_t step) { return batches.at(step); };
    learned_from.left_out = plan.fixed->left_out;
    return train(job);
  }
  // So many simulations that about a batch of them is left.
  const double kept = plan.left_out.is_noteworthy() ? 1 - plan.left_out.share() : 1;
  const auto tries = static_cast<std::size_t>(std::ceil(static_cast<double>(job.batch_size) / kept));
  OnlineBatches batches(
      plan.model, plan.setup,
      {.source = {.batch_size = tries, .seed = job.seed, .threads = static_cast<std::size_t>(std::max(1, job.threads))},
       .lets_come_again = plan.lets_come_again});
  job.batch = [&](std::int64_t step) { return batches.at(step); };
  TrainingResult result = train(job);
  learned_from = {.left_out = batches.left_out(), .fresh = batches.fresh(), .came_again = batches.came_again()};
  return result;
}

double usual_gain(std::span<const double> first, std::span<const double> second) {
  if (first.size() != second.size()) throw InternalError("two frames were validated on different data sets");
  std::vector<double> gains(first.size());
  for (std::size_t i = 0; i < gains.size(); ++i) gains[i] = first[i] - second[i];
  std::sort(gains.begin(), gains.end());
  const std::size_t cut = gains.size() / 20;
  return mean(std::span(gains).subspan(cut, gains.size() - 2 * cut));
}

} // namespace sibyl
