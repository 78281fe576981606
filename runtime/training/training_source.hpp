// Training batches, simulated while the optimizer works: simulator, frame and encoder on producer threads.
#pragma once

#include "runtime/model/ordered_producer.hpp"
#include "runtime/model/simulator.hpp"
#include "runtime/posterior/network_posterior.hpp"
#include "runtime/posterior/setup.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sibyl {

// What networks learn from: inputs, and the truth in the data set's frame.
struct Examples {
  EncodedBatch inputs;
  std::size_t dimension = 0;
  std::vector<float> z; // [data set][parameter]
  // log |dz / d unconstrained parameters| of each data set: added to a density of z, the result is comparable between
  // frames.
  std::vector<double> log_determinant;
  FrameBatch frames;
  LeftOut left_out;

  std::size_t count() const { return inputs.count; }
};

// Encoded inputs without padding, and z.
NetworkBatch network_batch(const Examples& examples);

std::size_t bytes_of(const NetworkBatch& batch);

// What networks see of simulations that there are. Not for several threads at once.
class ExampleEncoder {
 public:
  ExampleEncoder(std::shared_ptr<const CompiledModel> model, std::shared_ptr<const InferenceSetup> setup,
                 std::uint64_t seed);
  Examples encode(SimulatedBatch batch);

 private:
  std::shared_ptr<const CompiledModel> model_;
  std::shared_ptr<const InferenceSetup> setup_;
  std::uint64_t seed_; // of the values that are dropped
  FrameFinder frames_;
};

// Examples as networks read them.
struct ExampleSet {
  NetworkBatch batch;
  std::vector<double> log_determinant; // as that of Examples
  LeftOut left_out;
};
void append(ExampleSet& set, const Examples& more);

// Data sets first_index .. first_index + count - 1 on several threads, less those that are left out: it may be none.
// Throws RuntimeError where it is interrupted.
ExampleSet make_examples(const std::shared_ptr<const CompiledModel>& model,
                         const std::shared_ptr<const InferenceSetup>& setup, std::uint64_t seed,
                         std::uint64_t first_index, std::size_t count, int threads,
                         const std::atomic<std::int32_t>* interrupted);

// Makes examples on the calling thread. Not for several threads at once.
class ExampleMaker {
 public:
  ExampleMaker(std::shared_ptr<const CompiledModel> model, std::shared_ptr<const InferenceSetup> setup,
               std::uint64_t seed, const std::atomic<std::int32_t>* interrupted = nullptr);
  // Data sets first_index .. first_index + count - 1, less those that are left out: it may be none.
  Examples make(std::uint64_t first_index, std::size_t count);

 private:
  std::uint64_t seed_;
  Simulator simulator_;
  ExampleEncoder encoder_;
};

struct TrainingSourceOptions {
  std::size_t batch_size = 256;
  std::uint64_t seed = 1;
  std::uint64_t first_batch = 0; // where training resumes
  std::size_t threads = 1;
  std::size_t queue = 8; // batches made ahead
};

// Batch k holds the data sets k * batch_size .. (k + 1) * batch_size - 1, whatever the number of threads.
class TrainingSource {
 public:
  TrainingSource(std::shared_ptr<const CompiledModel> model, std::shared_ptr<const InferenceSetup> setup,
                 const TrainingSourceOptions& options);
  ~TrainingSource();

  // The next batch; waits for it.
  Examples next();
  // Nothing where it is not made yet.
  std::optional<Examples> next_if_ready();

 private:
  std::atomic<std::int32_t> stopping_ = 0;
  std::vector<std::unique_ptr<ExampleMaker>> makers_; // one per thread
  std::unique_ptr<OrderedProducer<Examples>> producer_;
};

} // namespace sibyl
