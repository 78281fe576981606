// A fixed set of simulations: simulated once, learned from in epochs. Part of it is held out, never learned from.
//
// The set's first simulations are the pilot, which frames and scales are decided from. It lies in the part to learn
// from, so that nothing is known of those held out.
#pragma once

#include "runtime/model/simulator.hpp"
#include "runtime/networks/batch.hpp"
#include "runtime/posterior/setup.hpp"
#include "runtime/training/prepare.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace sibyl {

inline constexpr std::int64_t fewest_fixed_simulations = 100;

// How many of `count` simulations serve what. `learned` + `held_out` = `count`; the pilot is part of `learned`.
struct FixedSetParts {
  std::size_t count = 0, learned = 0, held_out = 0, pilot = 0;
};

// A tenth, at most 2000, is held out. Throws UserError below fewest_fixed_simulations.
FixedSetParts divide_fixed_set(std::int64_t count);

// As networks see it.
struct FixedSet {
  NetworkBatch learned, held_out;
  std::vector<double> log_determinant; // of the frames of those held out
  LeftOut left_out;                    // of both parts
};

// The whole set, seen by each of the setups; `pilot` are the set's first simulations
// (parts.pilot of them from first_training_index on), which are not made again. `told` hears of how many there are.
// Throws RuntimeError where it is interrupted, or hardly one can be used; UserError where memory does not hold it.
std::vector<FixedSet> simulate_fixed_set(const std::shared_ptr<const CompiledModel>& model,
                                         std::span<const std::shared_ptr<const InferenceSetup>> setups,
                                         const SimulatedBatch& pilot, const SetupOptions& options,
                                         const FixedSetParts& parts, const std::function<void(std::size_t)>& told = {});

// Batches of an epoch after the other; each epoch has its own order. A batch depends on the seed and its number alone.
class EpochBatches {
 public:
  // `all` must outlive it and must not be empty.
  EpochBatches(const NetworkBatch& all, std::size_t batch_size, std::uint64_t seed);

  std::int64_t per_epoch() const { return per_epoch_; }
  NetworkBatch at(std::int64_t step);

 private:
  const NetworkBatch& all_;
  std::uint64_t seed_;
  std::int64_t per_epoch_, epoch_ = -1;
  std::vector<std::size_t> order_;
};

} // namespace sibyl
