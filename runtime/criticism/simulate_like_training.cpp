#include "runtime/criticism/simulate_like_training.hpp"

#include "runtime/inputs/missing_values.hpp"

namespace sibyl {

SimulatedBatch simulate_like_training(const std::shared_ptr<const CompiledModel>& model, const InferenceSetup& setup,
                                      std::uint64_t first_index, std::size_t count, std::uint64_t seed, int threads,
                                      const std::atomic<std::int32_t>* interrupted) {
  SimulatorOptions options;
  options.threads = threads;
  options.interrupted = interrupted;
  options.design = setup.design;
  options.region = setup.region;
  options.keep_all = true;
  options.only_finite = true;
  SimulatedBatch batch = Simulator(model, options).simulate(first_index, count, seed);
  drop_values(model->facts(), batch.data, batch.indices, setup.missing_share, seed);
  return batch;
}

} // namespace sibyl
