// Self-consistency (Schmitt, Ivanova, Habermann, Köthe, Bürkner and Radev 2024, "Leveraging self-consistency for
// data-efficient amortized Bayesian inference"; on real, unlabelled data Mishra et al. 2025): for the exact posterior
//   log p(theta) + log p(y | theta) - log q(theta | y)
// is the logarithm of the evidence of y, whatever theta is. Its variance over draws of q is a loss that needs data sets
// y alone, not the parameters that made them.
//
// All terms are of the frame's z, which is affine in the unconstrained parameters: the frame's determinant is the same
// for all draws of a data set and drops out of the variance, the Jacobians of the constraints are in the model's
// density.
#pragma once

#include "runtime/networks/batch.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

// Data sets that are evaluated together.
struct UnlabelledBatch {
  NetworkBatch inputs;            // z is empty
  std::vector<std::size_t> which; // their numbers
};

// log p of the draws z, [data set][draw][parameter], of the data sets of these numbers, and its derivatives with
// respect to z, of z's shape. A value that is not finite tells that the density is not known there; its derivatives
// then mean nothing.
using UnlabelledDensity = std::function<void(std::span<const std::size_t> which, std::span<const double> z,
                                             std::span<double> values, std::span<double> gradients)>;

// The term in a training's loss.
struct SelfConsistency {
  double weight = 0; // once it is ramped in; 0: there is no such term
  std::size_t draws = 16; // of each data set
  std::function<UnlabelledBatch(std::int64_t step)> batch; // the same step gives the same batch
  UnlabelledBatch validation;                              // its mean term is part of what chooses the best weights
  UnlabelledDensity density;
};

// What became of it.
struct SelfConsistencyResult {
  double untrained = 0, trained = 0; // the validation's mean term, squared nats: before, and of the best weights
  std::int64_t draws = 0, dropped = 0; // in training: all, and those at which the density was not finite
};

} // namespace sibyl
