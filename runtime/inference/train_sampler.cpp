#include "runtime/inference/train_sampler.hpp"

#include "lang/errors.hpp"
#include "runtime/inference/network_posterior.hpp"
#include "runtime/inference/training_source.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>

namespace sibyl {

namespace {

constexpr std::size_t validation_count = 2000;
constexpr std::size_t typical_count = 2000;

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

} // namespace

TrainedSampler train_sampler(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options,
                             const SamplerTrainingEvents& events) {
  const TrainFunction train = load_training();
  const std::uint64_t seed = options.setup.seed;
  const int threads = options.setup.threads;
  const auto setup = std::make_shared<const InferenceSetup>(prepare(model, options.setup));
  if (events.prepared) events.prepared(*setup);

  TrainingJob job;
  job.config = network_config(*setup);
  job.budget = options.budget;
  if (options.learning_rate > 0) job.learning_rate = options.learning_rate;
  job.seed = seed;
  job.device = options.device;
  job.threads = threads;
  job.interrupted = options.setup.interrupted;
  job.checkpoint = options.checkpoint;
  job.resume = options.resume;
  if (job.resume && !std::filesystem::exists(job.checkpoint))
    throw UserError(fmt::format("there is no checkpoint {} to resume from", job.checkpoint));

  const Examples validation =
      ExampleMaker(model, setup, seed, job.interrupted).make(first_validation_index, validation_count);
  const double mean_log_determinant = mean(validation.log_determinant);
  job.validation = network_batch(validation);
  job.batch_size = options.batch_size > 0 ? options.batch_size : default_batch_size(validation.inputs);
  job.checkpoint_identity =
      fmt::format("{}|{}|{}|{}", model->text(), nlohmann::json(*setup).dump(), seed, job.batch_size);
  if (events.progress)
    job.progress = [&](const TrainingProgress& at) {
      TrainingProgress shown = at;
      shown.loss -= mean_log_determinant;
      shown.validation_loss -= mean_log_determinant;
      events.progress(shown);
    };

  TrainedSampler result;
  {
    NumberedBatches batches(
        model, setup,
        {.batch_size = job.batch_size, .seed = seed, .threads = static_cast<std::size_t>(std::max(1, threads / 2))});
    job.batch = [&](std::int64_t step) { return batches.at(step); };
    result.training = train(job);
  }
  if (events.trained) events.trained(result.training);

  SamplerFile& file = result.file;
  file.model_name = model->name();
  file.model_text = model->text();
  file.config = job.config;
  file.weights = result.training.weights;
  file.setup = *setup;
  file.history = history(result.training, mean_log_determinant);
  const PosteriorSampler sampler = make_sampler(model, file);
  file.typical = measure_typical_set(model, sampler, typical_count, seed, threads);
  result.calibration = calibrate(model, sampler, {.seed = seed, .threads = threads});
  file.calibration = result.calibration;
  return result;
}

PosteriorSampler make_sampler(std::shared_ptr<const CompiledModel> model, const SamplerFile& file) {
  return PosteriorSampler(std::move(model), file.setup,
                          std::make_shared<const NetworkPosterior>(file.config, file.weights), file.typical);
}

} // namespace sibyl
