#include "runtime/training/training_plan.hpp"

#include "lang/errors.hpp"
#include "runtime/posterior/network_posterior.hpp"
#include "runtime/training/training_source.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace sibyl {

namespace {

constexpr std::size_t validation_count = 2000;
constexpr std::int64_t trial_steps = 100;
constexpr std::int64_t fewest_simulations_for_trials = 2000; // of a fixed set

double mean(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

// A data set of many rows makes a batch long to process: fewer of them are taken at a time. So they are where there are
// few of them: steps are then what is lacking.
std::size_t default_batch_size(const NetworkBatch& example, std::size_t learned) {
  std::int64_t rows = 0;
  for (const RowsBatch& source : example.sources) rows += source.offsets.back();
  const double mean = example.count > 0 ? static_cast<double>(rows) / static_cast<double>(example.count) : 0;
  const std::size_t usual = mean > 100 ? 64 : mean > 40 ? 128 : 256;
  return learned == 0 ? usual : std::clamp<std::size_t>(learned / 40, 32, usual);
}

// So many that more would learn the set by heart, or gain little: the learning rate is to have come down by then.
std::int64_t steps_for_fixed_set(std::size_t learned) {
  return std::llround(6000 * std::cbrt(static_cast<double>(learned) / 9000));
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
    plan.most_steps = steps_for_fixed_set(learned);
  }
  job.checkpoint_identity =
      fmt::format("{}|{}|{}|{}|{}|{}", plan.model->text(), options.family, nlohmann::json(*plan.setup).dump(),
                  options.setup.seed, job.batch_size, options.simulations);
}

TrainingPlan make_online_plan(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options) {
  TrainingPlan plan{.model = std::move(model)};
  plan.setup = std::make_shared<const InferenceSetup>(prepare(plan.model, options.setup));
  Examples validation = ExampleMaker(plan.model, plan.setup, options.setup.seed, options.setup.interrupted)
                            .make(first_validation_index, validation_count);
  if (validation.left_out.is_hopeless())
    throw RuntimeError("too few simulations are usable to learn from them: " +
                       validation.left_out.describe("simulations"));
  plan.log_determinant = std::move(validation.log_determinant);
  plan.left_out = validation.left_out;
  plan.job.validation = network_batch(validation);
  set_job(plan, options);
  return plan;
}

SamplerTrainingOptions in_prior_frame(SamplerTrainingOptions options) {
  options.setup.frame = FrameChoice::prior;
  return options;
}

bool leaves_time_for_trials(const SamplerTrainingOptions& options) {
  const std::int64_t least_steps = 10 * trial_steps;
  const TrainingBudget& budget = options.budget;
  return (budget.seconds == 0 || budget.seconds >= 20) && (budget.steps == 0 || budget.steps >= least_steps) &&
         (options.simulations == 0 || options.simulations >= fewest_simulations_for_trials);
}

// Losses of other families do not compare between frames.
bool tries_frames(const SamplerTrainingOptions& options, const InferenceSetup& setup) {
  return find_posterior_family(options.family).loss_is_negative_log_density &&
         options.setup.frame == FrameChoice::automatic && setup.frame_kind() == FrameKind::laplace &&
         leaves_time_for_trials(options);
}

// The candidates, of which the first is the one to take without trials.
std::vector<TrainingPlan> make_plans(std::shared_ptr<const CompiledModel> model,
                                     const SamplerTrainingOptions& options) {
  std::vector<TrainingPlan> plans;
  if (options.simulations == 0) {
    plans.push_back(make_online_plan(model, options));
    if (tries_frames(options, *plans[0].setup)) plans.push_back(make_online_plan(model, in_prior_frame(options)));
    return plans;
  }
  const FixedSetParts parts = divide_fixed_set(options.simulations);
  const SimulatedBatch pilot = simulate_usable(model, options.setup, first_training_index, parts.pilot);
  std::vector<std::shared_ptr<const InferenceSetup>> setups{
      std::make_shared<const InferenceSetup>(prepare(model, options.setup, &pilot))};
  if (tries_frames(options, *setups[0]))
    setups.push_back(std::make_shared<const InferenceSetup>(prepare(model, in_prior_frame(options).setup, &pilot)));
  std::vector<FixedSet> sets = simulate_fixed_set(model, setups, pilot, options.setup, parts);
  for (std::size_t s = 0; s < sets.size(); ++s) {
    TrainingPlan plan{.model = model, .setup = setups[s]};
    plan.log_determinant = std::move(sets[s].log_determinant);
    plan.left_out = sets[s].left_out;
    plan.job.validation = std::move(sets[s].held_out);
    plan.fixed = std::make_shared<const FixedSet>(std::move(sets[s]));
    set_job(plan, options);
    plans.push_back(std::move(plan));
  }
  return plans;
}

// The validation losses after a short training, in nats of unconstrained parameters, by data set.
std::vector<double> try_out(const TrainingPlan& plan, TrainFunction train) {
  TrainingJob job = plan.job;
  job.budget = {.steps = trial_steps};
  LeftOut ignored;
  std::vector<double> losses = carry_out(plan, train, std::move(job), ignored).validation_losses;
  for (std::size_t i = 0; i < losses.size(); ++i) losses[i] -= plan.log_determinant[i];
  return losses;
}

} // namespace

TrainingPlan choose_plan(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options,
                         TrainFunction train, std::string& note) {
  std::vector<TrainingPlan> plans = make_plans(std::move(model), options);
  if (plans.size() == 1) return std::move(plans[0]);
  const double gain = usual_gain(try_out(plans[1], train), try_out(plans[0], train));
  note =
      fmt::format("after {} steps of each, the {} frame is {:.3f} nats better than the {} frame (mean over data sets, "
                  "less the twentieth at either end)",
                  trial_steps, gain > 0 ? "Laplace" : "prior", std::abs(gain), gain > 0 ? "prior" : "Laplace");
  return std::move(plans[gain > 0 ? 0 : 1]);
}

TrainingResult carry_out(const TrainingPlan& plan, TrainFunction train, TrainingJob job, LeftOut& left_out) {
  if (plan.fixed) {
    EpochBatches batches(plan.fixed->learned, job.batch_size, job.seed);
    job.batch = [&](std::int64_t step) { return batches.at(step); };
    left_out = plan.fixed->left_out;
    return train(job);
  }
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

double usual_gain(std::span<const double> first, std::span<const double> second) {
  if (first.size() != second.size()) throw InternalError("two frames were validated on different data sets");
  std::vector<double> gains(first.size());
  for (std::size_t i = 0; i < gains.size(); ++i) gains[i] = first[i] - second[i];
  std::sort(gains.begin(), gains.end());
  const std::size_t cut = gains.size() / 20;
  return mean(std::span(gains).subspan(cut, gains.size() - 2 * cut));
}

} // namespace sibyl
