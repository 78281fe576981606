#include "runtime/training/training_source.hpp"
#include "lang/errors.hpp"
#include "runtime/inputs/missing_values.hpp"

#include <algorithm>

namespace sibyl {

namespace {

SimulatorOptions simulator_options(const InferenceSetup& setup, const std::atomic<std::int32_t>* interrupted) {
  SimulatorOptions options;
  options.design = setup.design;
  options.region = setup.region;
  options.only_finite = true;
  options.interrupted = interrupted;
  return options;
}

} // namespace

ExampleMaker::ExampleMaker(std::shared_ptr<const CompiledModel> model, std::shared_ptr<const InferenceSetup> setup,
                           std::uint64_t seed, const std::atomic<std::int32_t>* interrupted)
    : seed_(seed), simulator_(model, simulator_options(*setup, interrupted)), encoder_(model, setup, seed) {}

Examples ExampleMaker::make(std::uint64_t first_index, std::size_t count) {
  return encoder_.encode(simulator_.simulate(first_index, count, seed_));
}

ExampleEncoder::ExampleEncoder(std::shared_ptr<const CompiledModel> model, std::shared_ptr<const InferenceSetup> setup,
                               std::uint64_t seed)
    : model_(std::move(model)), setup_(std::move(setup)), seed_(seed), frames_(model_, *setup_) {}

Examples ExampleEncoder::encode(SimulatedBatch batch) {
  drop_values(model_->facts(), batch.data, batch.indices, setup_->missing_share, seed_);
  FrameBatch frames = frames_.find(batch.data);
  Examples examples;
  examples.inputs = setup_->encoder.encode(model_->facts(), batch.data, frames);
  examples.dimension = setup_->parameter_count;
  examples.z.resize(batch.data.count * examples.dimension);
  std::vector<double> z(examples.dimension);
  for (std::size_t i = 0; i < batch.data.count; ++i) {
    frames.to_frame(i, batch.unconstrained.data() + i * examples.dimension, z.data());
    std::transform(z.begin(), z.end(), examples.z.begin() + static_cast<std::ptrdiff_t>(i * examples.dimension),
                   [](double value) { return static_cast<float>(value); });
  }
  examples.log_determinant = frames.log_determinant;
  examples.frames = std::move(frames);
  examples.left_out = std::move(batch.left_out);
  return examples;
}

void append(ExampleSet& set, const Examples& more) {
  set.left_out.add(more.left_out);
  if (more.count() == 0) return;
  append(set.batch, network_batch(more));
  set.log_determinant.insert(set.log_determinant.end(), more.log_determinant.begin(), more.log_determinant.end());
}

ExampleSet make_examples(const std::shared_ptr<const CompiledModel>& model,
                         const std::shared_ptr<const InferenceSetup>& setup, std::uint64_t seed,
                         std::uint64_t first_index, std::size_t count, int threads,
                         const std::atomic<std::int32_t>* interrupted) {
  constexpr std::size_t at_a_time = 20;
  const std::size_t workers = static_cast<std::size_t>(std::max(1, threads)),
                    parts = (count + at_a_time - 1) / at_a_time;
  std::vector<std::unique_ptr<ExampleMaker>> makers;
  for (std::size_t worker = 0; worker < workers; ++worker)
    makers.push_back(std::make_unique<ExampleMaker>(model, setup, seed, interrupted));
  OrderedProducer<Examples> producer(
      [&](std::uint64_t part, std::size_t worker) {
        if (part >= parts) return Examples();
        const std::size_t first = part * at_a_time;
        return makers[worker]->make(first_index + first, std::min(at_a_time, count - first));
      },
      workers, 2 * workers);
  ExampleSet set;
  for (std::size_t part = 0; part < parts; ++part) {
    if (interrupted && *interrupted) throw RuntimeError("interrupted");
    append(set, producer.take());
  }
  return set;
}

TrainingSource::TrainingSource(std::shared_ptr<const CompiledModel> model, std::shared_ptr<const InferenceSetup> setup,
                               const TrainingSourceOptions& options) {
  const std::size_t threads = std::max<std::size_t>(1, options.threads);
  for (std::size_t thread = 0; thread < threads; ++thread)
    makers_.push_back(std::make_unique<ExampleMaker>(model, setup, options.seed, &stopping_));
  producer_ = std::make_unique<OrderedProducer<Examples>>(
      [this, size = options.batch_size](std::uint64_t batch, std::size_t thread) {
        return makers_[thread]->make(first_training_index + batch * size, size);
      },
      threads, options.queue, options.first_batch);
}

TrainingSource::~TrainingSource() {
  // A simulation that runs long must not hold up the end of the program.
  stopping_ = 1;
  producer_.reset();
}

Examples TrainingSource::next() { return producer_->take(); }

std::optional<Examples> TrainingSource::next_if_ready() { return producer_->take_if_ready(); }

std::size_t bytes_of(const NetworkBatch& batch) {
  std::size_t numbers = batch.direct.size() + batch.z.size();
  for (const RowsBatch& source : batch.sources) numbers += source.rows.size() + 2 * source.offsets.size();
  return numbers * sizeof(float);
}

NetworkBatch network_batch(const Examples& examples) {
  NetworkBatch batch = network_batch(examples.inputs);
  batch.dimension = examples.dimension;
  batch.z = examples.z;
  return batch;
}

} // namespace sibyl
