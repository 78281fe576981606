#include "runtime/training/train_classifier.hpp"

#include "lang/errors.hpp"
#include "runtime/inputs/missing_values.hpp"
#include "runtime/model/ordered_producer.hpp"
#include "runtime/model/simulator.hpp"
#include "runtime/networks/summary_networks.hpp"
#include "runtime/posterior/network_posterior.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace sibyl {

namespace {

constexpr std::size_t pilot_count = 1000, validation_count = 1000, judged_count = 2000, typical_count = 1000;
constexpr std::size_t fewest_pilots = 100;
// What is judged and measured takes so much of a budget of seconds; no fewer simulations of each model than these.
constexpr double judging_share = 0.1;
constexpr std::size_t fewest_judged = 200, judged_at_once = 50;
// Two samples of a design value whose distributions are further apart are of two designs: chance alone does that to one
// comparison in a million.
constexpr double design_difference_chance = 1e-6;

// The simulations of all models, as the reference reads them.
class Candidates {
 public:
  Candidates(std::span<const CandidateModel> models, const ClassifierTrainingOptions& options, int threads,
             const std::atomic<std::int32_t>* interrupted)
      : models_(models), options_(options) {
    for (const CandidateModel& one : models) {
      SimulatorOptions simulator;
      simulator.threads = threads;
      simulator.design = one.design;
      simulator.only_finite = true;
      simulator.interrupted = interrupted;
      simulators_.emplace_back(one.model, simulator);
    }
  }

  DataBatch simulate(std::size_t m, const Facts& reference, std::uint64_t first, std::size_t count) {
    // Each model has random numbers of its own.
    SimulatedBatch batch = simulators_[m].simulate(first, count, options_.seed + 1000003 * m);
    const Facts& own = models_[m].model->facts();
    drop_values(own, batch.data, batch.indices, options_.missing_share, options_.seed);
    return read_as(reference, own, std::move(batch.data));
  }

 private:
  std::span<const CandidateModel> models_;
  const ClassifierTrainingOptions& options_;
  std::vector<Simulator> simulators_;
};

// The largest distance between the ECDFs of two samples.
double kolmogorov_smirnov(std::vector<double> first, std::vector<double> second) {
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  double largest = 0;
  std::size_t i = 0, j = 0;
  while (i < first.size() && j < second.size()) {
    const double value = std::min(first[i], second[j]);
    while (i < first.size() && first[i] <= value) ++i;
    while (j < second.size() && second[j] <= value) ++j;
    largest = std::max(largest, std::abs(static_cast<double>(i) / static_cast<double>(first.size()) -
                                         static_cast<double>(j) / static_cast<double>(second.size())));
  }
  return largest;
}

// Of each data set: one of the variable's own numbers and its first extent.
struct DesignValues {
  std::vector<double> first, size;
};

DesignValues design_values(const VariableBatch& variable, std::size_t count) {
  DesignValues result;
  for (std::size_t i = 0; i < count; ++i) {
    bool is_empty = false;
    for (std::size_t d = 0; d < variable.rank(); ++d) is_empty |= variable.size(i, d) == 0;
    if (!is_empty) result.first.push_back(variable.row(i)[0]);
    if (variable.rank() > 0) result.size.push_back(variable.size(i, 0));
  }
  return result;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double one : values) sum += one / static_cast<double>(values.size());
  return sum;
}

void require_same_design(const Facts& facts, std::span<const CandidateModel> models,
                         const std::vector<DataBatch>& pilots) {
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    if (facts.variables[v].role != Role::design || !pilots[0].variables[v].present) continue;
    const DesignValues of_first = design_values(pilots[0].variables[v], pilots[0].count);
    for (std::size_t m = 1; m < models.size(); ++m) {
      if (!pilots[m].variables[v].present) continue;
      const DesignValues of_other = design_values(pilots[m].variables[v], pilots[m].count);
      const auto compare = [&](const std::vector<double>& a, const std::vector<double>& b, const char* what) {
        if (a.empty() || b.empty()) return;
        const auto n = static_cast<double>(a.size()), k = static_cast<double>(b.size());
        const double limit = std::sqrt(-0.5 * std::log(design_difference_chance / 2) * (n + k) / (n * k));
        if (kolmogorov_smirnov(a, b) > limit)
          throw UserError(
              fmt::format("the design of {} and {} differs: {}`{}` is {:.4g} on average in one and {:.4g} in the "
                          "other, so that data "
                          "sets would be told apart by what no model makes; give them the same design block",
                          models[0].name, models[m].name, what, facts.variables[v].name, mean(a), mean(b)));
      };
      compare(of_first.first, of_other.first, "");
      compare(of_first.size, of_other.size, "the size of ");
    }
  }
}

std::size_t asymmetry(const InputPlan& plan) {
  std::size_t result = 0;
  for (const InputSource& source : plan.sources) result += source.order() != RowOrder::exchangeable;
  return result + plan.direct.size();
}

struct Labelled {
  EncodedBatch inputs;
  std::vector<float> classes;
};

class Training {
 public:
  Training(std::span<const CandidateModel> models, const ClassifierTrainingOptions& options)
      : models_(models), options_(options), candidates_(models, options, options.threads, options.interrupted) {}

  ModelClassifierFile run() {
    const auto start = std::chrono::steady_clock::now();
    const auto taken = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
    if (options_.doing) options_.doing("preparing: pilot simulations");
    const TrainFunction train = load_training();
    prepare();
    const double total = options_.budget.seconds;
    TrainingJob job = make_job();
    if (total > 0) job.budget.seconds = std::max(total * (1 - judging_share) - taken(), total / 3);
    const TrainingResult trained = train_on_simulations(job, train);
    if (options_.trained) options_.trained(trained);
    file_.weights = trained.weights;
    file_.history = {{"steps", trained.steps},
                     {"simulations", trained.simulations},
                     {"seconds", trained.seconds},
                     {"validation_loss", trained.validation_loss}};
    judge(total > 0 ? std::max(total - taken(), 0.5 * judging_share * total) : 0);
    return std::move(file_);
  }

 private:
  const Facts& reference() const { return models_[file_.reference].model->facts(); }

  void prepare() {
    for (std::size_t m = 0; m < models_.size(); ++m) {
      const Facts& facts = models_[m].model->facts();
      for (const VariableFact& variable : facts.variables)
        if (variable.role == Role::underlying || variable.is_computed)
          throw UserError(
              fmt::format("{}: `{}` is observed as transformed data; models whose data are transformed cannot "
                          "be compared, since their densities are those of other numbers",
                          models_[m].name, variable.name));
      if (m == 0) continue;
      const std::string difference = different_data(models_[0].model->facts(), models_[0].name, facts, models_[m].name);
      if (!difference.empty()) throw UserError(difference);
    }
    // Networks that make something of the order of values serve models to which it means nothing, not the other way
    // round: the model of the least symmetry decides.
    std::optional<InputPlan> plan;
    for (std::size_t m = 0; m < models_.size(); ++m) {
      const Facts& facts = models_[m].model->facts();
      std::vector<DataBatch> pilots;
      for (std::size_t k = 0; k < models_.size(); ++k) {
        pilots.push_back(candidates_.simulate(k, facts, first_pilot_index, pilot_count));
        if (pilots.back().count < fewest_pilots)
          throw RuntimeError(fmt::format("too few simulations of {} are usable to learn from them", models_[k].name));
      }
      if (m == 0) require_same_design(facts, models_, pilots);
      const DataBatch all = merge(std::move(pilots));
      InputPlan own =
          make_input_plan(facts, all, {.allows_missing = options_.missing_share > 0, .networks = options_.networks});
      if (plan && asymmetry(own) <= asymmetry(*plan)) continue;
      file_.reference = m;
      plan = own;
      const PriorFrame unused{{0}, {1}}; // there are no parameters
      file_.encoder = InputEncoder(facts, std::move(own), FrameKind::prior, unused, all, unused.repeat(all.count));
      file_.trained_range = TrainedRange(facts, models_[m].design, all);
    }
    file_.config = {};
    file_.config.direct_width = file_.encoder.direct_width();
    for (std::size_t i = 0; i < plan->sources.size(); ++i)
      file_.config.sources.push_back({plan->sources[i].network, file_.encoder.source_width(i)});
    if (options_.note) {
      options_.note(describe(*plan));
      for (const std::string& note : plan->notes) options_.note(note);
    }
  }

  // So many data sets of each model.
  NetworkBatch make_batch(Candidates& candidates, std::uint64_t first, std::size_t of_each) const {
    NetworkBatch result;
    for (std::size_t m = 0; m < models_.size(); ++m) {
      const DataBatch data = candidates.simulate(m, reference(), first, of_each);
      if (data.count == 0) continue;
      NetworkBatch one =
          network_batch(file_.encoder.encode(reference(), data, file_.encoder.prior().repeat(data.count)));
      one.dimension = 1;
      one.z.assign(data.count, static_cast<float>(m));
      if (result.count == 0) result = std::move(one);
      else append(result, one);
    }
    return result;
  }

  std::size_t of_each() const { return std::max<std::size_t>(1, options_.batch_size / models_.size()); }

  TrainingJob make_job() {
    TrainingJob job;
    job.config = file_.config;
    job.classes = models_.size();
    job.budget = options_.budget;
    job.batch_size = options_.batch_size;
    if (options_.learning_rate > 0) job.learning_rate = options_.learning_rate;
    job.seed = options_.seed;
    job.device = options_.device;
    job.threads = options_.threads;
    job.interrupted = options_.interrupted;
    job.progress = options_.progress;
    job.validation = make_batch(candidates_, first_validation_index, validation_count);
    return job;
  }

  TrainingResult train_on_simulations(TrainingJob& job, TrainFunction train) {
    std::atomic<std::int32_t> stopping = 0;
    const std::size_t threads = static_cast<std::size_t>(std::max(1, options_.threads / 2));
    std::vector<std::unique_ptr<Candidates>> makers;
    for (std::size_t t = 0; t < threads; ++t)
      makers.push_back(std::make_unique<Candidates>(models_, options_, 1, &stopping));
    OrderedProducer<NetworkBatch> producer(
        [&](std::uint64_t number, std::size_t thread) {
          return make_batch(*makers[thread], first_training_index + number * of_each(), of_each());
        },
        threads, 8);
    job.batch = [&](std::int64_t) { return producer.take(); };
    TrainingResult result = train(job);
    // A simulation that runs long must not hold up the end.
    stopping = 1;
    return result;
  }

  void judge(double seconds) {
    if (options_.doing) options_.doing("calibrating");
    const auto start = std::chrono::steady_clock::now();
    for (const CandidateModel& one : models_)
      file_.models.push_back({one.name, one.model->text(), one.library, TypicalSet()});
    Candidates candidates(models_, options_, options_.threads, nullptr);
    const ModelClassifier classifier(models_[file_.reference].model, file_);
    const std::size_t classes = models_.size();
    std::vector<double> logits;
    std::vector<std::size_t> truth;
    std::vector<std::vector<float>> summaries(classes);
    for (std::size_t made = 0; made < judged_count; made += judged_at_once) {
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
      if (seconds > 0 && spent.count() > seconds && made >= fewest_judged) break;
      for (std::size_t m = 0; m < classes; ++m) {
        const DataBatch data = candidates.simulate(m, reference(), first_calibration_index + made, judged_at_once);
        if (data.count == 0) continue;
        const ModelClassifier::Outputs outputs = classifier.evaluate(data);
        logits.insert(logits.end(), outputs.logits.begin(), outputs.logits.end());
        truth.insert(truth.end(), data.count, m);
        if (made < typical_count)
          summaries[m].insert(summaries[m].end(), outputs.summaries.begin(), outputs.summaries.end());
      }
    }
    const std::size_t size = networks::summary_size(file_.config);
    for (std::size_t m = 0; m < classes; ++m) file_.models[m].typical = TypicalSet(summaries[m], size);
    // The temperature is fitted to one half, and judged on the other: parts alternate between them, so that both have
    // all models.
    std::vector<double> fitted, judged;
    std::vector<std::size_t> fitted_truth, judged_truth;
    const std::size_t part = judged_at_once * classes;
    for (std::size_t i = 0; i < truth.size(); ++i) {
      const bool is_fitted = i / part % 2 == 0;
      const auto row = logits.begin() + static_cast<std::ptrdiff_t>(i * classes);
      std::vector<double>& to = is_fitted ? fitted : judged;
      to.insert(to.end(), row, row + static_cast<std::ptrdiff_t>(classes));
      (is_fitted ? fitted_truth : judged_truth).push_back(truth[i]);
    }
    file_.temperature = fit_temperature(fitted, fitted_truth, classes);
    std::vector<double> probabilities;
    for (std::size_t i = 0; i < judged_truth.size(); ++i) {
      const std::vector<double> one =
          to_probabilities(std::span(judged).subspan(i * classes, classes), file_.temperature, {});
      probabilities.insert(probabilities.end(), one.begin(), one.end());
    }
    file_.calibration = judge_classifier(probabilities, judged_truth, classes);
  }

  std::span<const CandidateModel> models_;
  const ClassifierTrainingOptions& options_;
  Candidates candidates_;
  ModelClassifierFile file_;
};

std::string in_words(const VariableFact& variable) {
  return variable.role == Role::design ? "what is given" : "what the model makes";
}

} // namespace

std::string different_data(const Facts& first, const std::string& first_name, const Facts& second,
                           const std::string& second_name) {
  const auto lacking = [](const Facts& has, const std::string& has_name, const Facts& lacks,
                          const std::string& lacks_name) -> std::string {
    for (const VariableFact& one : has.variables) {
      if (!is_data(one)) continue;
      const int other = lacks.find(one.name);
      if (other < 0 || !is_data(lacks.variables[static_cast<std::size_t>(other)]))
        return fmt::format("the models have not the same data: `{}` is data of {}, and not of {}", one.name, has_name,
                           lacks_name);
    }
    return "";
  };
  if (std::string found = lacking(first, first_name, second, second_name); !found.empty()) return found;
  if (std::string found = lacking(second, second_name, first, first_name); !found.empty()) return found;
  for (const VariableFact& one : first.variables) {
    if (!is_data(one)) continue;
    const VariableFact& other = second.variables[static_cast<std::size_t>(second.find(one.name))];
    if (one.is_integer != other.is_integer || one.dimensions.size() != other.dimensions.size())
      return fmt::format("the models have not the same data: `{}` is {} in {}, and {} in {}", one.name, one.type,
                         first_name, other.type, second_name);
    if (one.role != other.role)
      return fmt::format("the models have not the same data: `{}` is {} in {}, and {} in {}", one.name, in_words(one),
                         first_name, in_words(other), second_name);
  }
  return "";
}

ModelClassifierFile train_classifier(std::span<const CandidateModel> models, const ClassifierTrainingOptions& options) {
  if (models.size() < 2) throw InternalError("a classifier needs several models");
  return Training(models, options).run();
}

} // namespace sibyl
