// Draws of the model's own posterior, from amortized ones: resampled by their importance weights where these are well
// behaved, else by Markov chains that start from them.
#pragma once

#include "runtime/model/target_density.hpp"
#include "runtime/trust/exact_outcome.hpp"
#include "runtime/trust/importance.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace sibyl {

// Amortized draws of one data set with their weights.
struct WeightedDraws {
  std::vector<double> unconstrained; // [draw][parameter]
  ImportanceWeights weights;
};

// Whether resampling gives `count` draws that are not mostly copies of each other.
bool can_resample(const ImportanceWeights& weights, std::size_t count);
// How many amortized draws it would take; no more than 16 times `count`.
std::size_t draws_to_resample(const ImportanceWeights& weights, std::size_t count);

// `count` draws, [draw][parameter], and what they are. `target` is bound to the data set and has its gradient; it is
// only asked where the weights do not do. The same seed gives the same draws.
struct ExactDraws {
  std::vector<double> unconstrained;
  ExactOutcome outcome;
};
//
// `may_resample`: whether the draws are known to go wherever the posterior is; else chains are run, whatever the
// weights. `has_heavy_tail`: whether good weights do not tell an sd (density_check.hpp): chains are run then, too, and
// where these do not agree the draws are resampled, and not exact.
// `seconds`: what chains may take; where they have not agreed by then the outcome says so.
ExactDraws draw_exactly(const WeightedDraws& amortized, TargetDensity& target, std::size_t count, std::uint64_t seed,
                        bool may_resample, bool has_heavy_tail, double seconds,
                        const std::atomic<std::int32_t>* interrupted);

} // namespace sibyl
