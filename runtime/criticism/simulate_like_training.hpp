// Data sets from where training had them: the same priors or region, design and share of missing values.
#pragma once

#include "runtime/model/simulator.hpp"
#include "runtime/posterior/setup.hpp"

#include <atomic>
#include <cstdint>
#include <memory>

namespace sibyl {

// Data sets first_index .. first_index + count - 1 of the seed, less those that are left out, on so many threads; their
// parameters are kept.
SimulatedBatch simulate_like_training(const std::shared_ptr<const CompiledModel>& model, const InferenceSetup& setup,
                                      std::uint64_t first_index, std::size_t count, std::uint64_t seed, int threads,
                                      const std::atomic<std::int32_t>* interrupted);

} // namespace sibyl
