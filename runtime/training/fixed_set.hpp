// A fixed set of simulations: simulated once, learned from in epochs. Part of it is held out, never learned from.
//
// The set's first simulations are the pilot, which frames and scales are decided from. It lies in the part to learn
// from, so that nothing is known of those held out.
#pragma once

#include "runtime/model/ordered_producer.hpp"
#include "runtime/model/simulator.hpp"
#include "runtime/networks/batch.hpp"
#include "runtime/posterior/setup.hpp"
#include "runtime/training/posterior_moves.hpp"
#include "runtime/training/prepare.hpp"

#include <atomic>
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
  // Of those to learn from; null where their parameters stay as they are.
  std::shared_ptr<const SimulatedPosteriors> posteriors;
};

// The whole set, seen by each of the setups; `pilot` are the set's first simulations
// (parts.pilot of them from first_training_index on), which are not made again. Where `keep_posteriors`, the sets have
// theirs. `told` hears of how many there are.
// Throws RuntimeError where it is interrupted, or hardly one can be used; UserError where memory does not hold it.
std::vector<FixedSet> simulate_fixed_set(const std::shared_ptr<const CompiledModel>& model,
                                         std::span<const std::shared_ptr<const InferenceSetup>> setups,
                                         const SimulatedBatch& pilot, const SetupOptions& options,
                                         const FixedSetParts& parts, bool keep_posteriors = false,
                                         const std::function<void(std::size_t)>& told = {});

// Batches of an epoch after the other; each epoch has its own order. A batch depends on the seed and its number alone.
class EpochBatches {
 public:
  // `all` must outlive it and must not be empty.
  EpochBatches(const NetworkBatch& all, std::size_t batch_size, std::uint64_t seed);

  std::int64_t per_epoch() const { return per_epoch_; }
  NetworkBatch at(std::int64_t step) { return select(all_, which(step)); }
  // The numbers of its data sets; they are there until the next call.
  std::span<const std::size_t> which(std::int64_t step);

 private:
  const NetworkBatch& all_;
  std::uint64_t seed_;
  std::int64_t per_epoch_, epoch_ = -1;
  std::vector<std::size_t> order_;
};

// The same, with parameters that move: after the first epoch each data set comes with further draws of its posterior.
// A batch depends on those before it; where steps are passed over, the parameters are at first those that made the
// data.
class MovingBatches {
 public:
  // `set` must outlive it, and has posteriors. `moves`: of a data set for each visit.
  MovingBatches(std::shared_ptr<const CompiledModel> model, const FixedSet& set, std::size_t batch_size,
                std::uint64_t seed, int moves);
  ~MovingBatches();

  NetworkBatch at(std::int64_t step);
  // Moves that were tried, and those accepted.
  std::int64_t tried() const { return tried_; }
  std::int64_t accepted() const { return accepted_; }

 private:
  NetworkBatch make(std::int64_t step);

  std::shared_ptr<const CompiledModel> model_;
  const FixedSet& set_;
  std::uint64_t seed_;
  int count_; // of the moves
  EpochBatches batches_;
  std::unique_ptr<PosteriorMoves> moves_;
  std::int64_t next_ = -1;
  std::atomic<std::int64_t> tried_ = 0, accepted_ = 0;
  std::unique_ptr<OrderedProducer<NetworkBatch>> producer_; // last: it uses all of the above
};

} // namespace sibyl
