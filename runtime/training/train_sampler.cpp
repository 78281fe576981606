#include "runtime/training/train_sampler.hpp"

#include "lang/errors.hpp"
#include "runtime/training/add_self_consistency.hpp"
#include "runtime/training/locate_region.hpp"
#include "runtime/training/training_plan.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>

namespace sibyl {

namespace {

constexpr std::size_t typical_count = 2000;

nlohmann::json history(const TrainingResult& trained, double mean_log_determinant) {
  auto points = nlohmann::json::array();
  for (const ValidationPoint& point : trained.history)
    points.push_back({{"step", point.step}, {"seconds", point.seconds}, {"loss", point.loss}});
  return {{"steps", trained.steps},
          {"simulations", trained.simulations},
          {"epochs", trained.epochs},
          {"seconds", trained.seconds},
          {"best_step", trained.best_step},
          {"validation_loss", trained.validation_loss},
          {"untrained_validation_loss", trained.untrained_validation_loss},
          {"mean_log_determinant", mean_log_determinant},
          {"self_consistency",
           {{"untrained", trained.self_consistency.untrained},
            {"trained", trained.self_consistency.trained},
            {"draws", trained.self_consistency.draws},
            {"dropped", trained.self_consistency.dropped}}},
          {"validation", points},
          {"milliseconds",
           {{"waiting", trained.times.waiting},
            {"forward", trained.times.forward},
            {"backward", trained.times.backward},
            {"optimizer", trained.times.optimizer}}}};
}

// Judging the sampler may take this share of a budget of seconds, and more where training ended early.
constexpr double judging_share = 0.1;
// What is typical is measured in this share of it.
constexpr double typical_share = 0.3;
constexpr std::size_t fewest_typical = 150;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// What is left of it for the optimizer.
TrainingBudget training_budget(TrainingBudget budget, double spent) {
  if (budget.seconds > 0) budget.seconds = std::max(budget.seconds * (1 - judging_share) - spent, budget.seconds / 3);
  return budget;
}

void add_training_notes(const TrainingResult& trained, const LearnedFrom& learned_from,
                        std::vector<std::string>& notes) {
  const LeftOut& left_out = learned_from.left_out;
  if (learned_from.came_again > learned_from.fresh)
    notes.push_back(
        fmt::format("a data set takes longer to make than to learn from: {} were learned from {:.0f} times "
                    "each",
                    learned_from.fresh,
                    1 + static_cast<double>(learned_from.came_again) / static_cast<double>(learned_from.fresh)));
  if (learned_from.moves_tried > 0)
    notes.push_back(
        fmt::format("from the second epoch on the parameters of each data set moved along its posterior: {} "
                    "of {} Markov moves were accepted",
                    learned_from.moves_accepted, learned_from.moves_tried));
  if (left_out.is_noteworthy()) notes.push_back("in training, " + left_out.describe("simulations"));
  if (static_cast<double>(trained.left_out) > noteworthy_share * static_cast<double>(trained.simulations))
    notes.push_back(fmt::format("{} of {} simulations were left out of training: their loss was not finite",
                                trained.left_out, trained.simulations));
  if (trained.skipped > 0)
    notes.push_back(
        fmt::format("{} of {} steps were skipped: their loss was not finite", trained.skipped, trained.steps));
  if (const SelfConsistencyResult& term = trained.self_consistency; term.draws > 0) {
    notes.push_back(fmt::format("self-consistency: the log evidence varies from draw to draw by an sd of {:.3g} nats, "
                                "{:.3g} before training",
                                std::sqrt(term.trained), std::sqrt(term.untrained)));
    if (static_cast<double>(term.dropped) > noteworthy_share * static_cast<double>(term.draws))
      notes.push_back(
          fmt::format("{} of {} draws were left out of self-consistency: the model's density was not finite "
                      "there",
                      term.dropped, term.draws));
  }
  if (trained.has_diverged)
    notes.push_back(
        "training ended early: its loss was not finite again and again; the sampler is the best until then");
}

// Numbers of the draws that a test is learned from, at most.
constexpr std::size_t most_kept = 20000000;

// What is measured on fresh simulations. Nothing that goes wrong here takes anything from the trained sampler.
void judge(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options,
           const SamplerTrainingEvents& events, std::int32_t interrupts_before, double seconds,
           TrainedSampler& result) {
  CalibrationOptions calibration{.seed = options.setup.seed,
                                 .threads = options.setup.threads,
                                 .seconds = seconds,
                                 .interrupted = options.setup.interrupted,
                                 .interrupts_before = interrupts_before};
  try {
    const PosteriorSampler sampler = make_sampler(model, result.file);
    const auto start = std::chrono::steady_clock::now();
    CalibrationOptions typical = calibration;
    typical.simulations = typical_count;
    typical.fewest = fewest_typical;
    typical.seconds *= typical_share;
    if (events.doing) events.doing("calibrating: what is typical");
    result.file.typical = measure_typical_set(model, sampler, typical);
    if (events.doing)
      calibration.told = [&](std::size_t count) {
        events.doing(fmt::format("calibrating: {} of {} fresh simulations", count, calibration.simulations));
      };
    if (seconds > 0) calibration.seconds = std::max(seconds - seconds_since(start), 1e-3);
    std::vector<TestExample> examples;
    std::size_t kept = 0;
    if (!sampler.why_no_density().empty() || sampler.setup().missing_share > 0)
      calibration.example = [&](TestExample one) {
        if ((kept += one.local.draws.size()) <= most_kept) examples.push_back(std::move(one));
      };
    result.calibration = calibrate(model, sampler, calibration);
    result.file.calibration = *result.calibration;
    result.file.test = TrainedTest(std::move(examples), options.setup.seed);
  } catch (const std::exception& error) {
    result.notes.push_back(fmt::format("no calibration: {}; the trained sampler is kept without", error.what()));
  }
}

} // namespace

TrainedSampler train_sampler(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& given,
                             const SamplerTrainingEvents& events) {
  SamplerTrainingOptions options = given;
  if (options.resume && !std::filesystem::exists(options.checkpoint))
    throw UserError(fmt::format("there is no checkpoint {} to resume from", options.checkpoint));
  require_self_consistency(*model, options);
  const auto start = std::chrono::steady_clock::now();
  const TrainFunction train = load_training();
  std::vector<std::string> first_notes, last_notes;
  if (options.simulations != 0) {
    const FixedSetParts parts = divide_fixed_set(options.simulations);
    first_notes.push_back(fmt::format("{} simulations: {} to learn from, the pilot among them, and {} held out; fresh "
                                      "ones judge the sampler",
                                      parts.count, parts.learned, parts.held_out));
  }
  std::optional<StartedPlan> started;
  if (options.resume) {
    started = read_started_plan(*model, options);
    options.setup.region = started->setup.region;
  } else if (options.around) {
    LocatedRegion located = locate_region(model, *options.around,
                                          {.seconds = options.budget.seconds > 0 ? options.budget.seconds / 3 : 60,
                                           .seed = options.setup.seed,
                                           .threads = options.setup.threads,
                                           .interrupted = options.setup.interrupted});
    options.setup.region = std::move(located.region);
    first_notes.insert(first_notes.end(), located.notes.begin(), located.notes.end());
  }
  std::string frame_note;
  TrainingPlan plan = started ? make_started_plan(model, options, *started, events)
                              : choose_plan(model, options, train, events, frame_note);
  add_self_consistency(plan, options, last_notes);
  const double seconds = seconds_since(start);
  if (events.prepared) {
    InferenceSetup shown = *plan.setup;
    shown.notes.insert(shown.notes.begin(), first_notes.begin(), first_notes.end());
    if (!frame_note.empty()) shown.notes.push_back(frame_note);
    shown.notes.insert(shown.notes.end(), last_notes.begin(), last_notes.end());
    events.prepared(shown);
  }

  TrainingJob job = plan.job;
  job.budget = training_budget(options.budget, seconds);
  if (plan.most_steps > 0)
    job.budget.steps = job.budget.steps > 0 ? std::min(job.budget.steps, plan.most_steps) : plan.most_steps;
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
  LearnedFrom learned_from;
  result.training = carry_out(plan, train, job, learned_from);
  if (learned_from.came_again > 0) result.training.simulations = learned_from.fresh;
  const std::int32_t interrupts = options.setup.interrupted ? options.setup.interrupted->load() : 0;
  add_training_notes(result.training, learned_from, result.notes);
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
  const double total = options.budget.seconds;
  judge(model, options, events, interrupts,
        total > 0 ? std::max(total - seconds_since(start), 0.5 * judging_share * total) : 0, result);
  return result;
}

} // namespace sibyl
