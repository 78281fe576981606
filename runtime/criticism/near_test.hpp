// The local test of one data set's draws on simulations that are near it: where a posterior is asked about, not all
// over the prior, where most data sets are unlike the one at hand, and with its own design and missing values.
//
// Parameters are those of training's simulations, each taken with a probability a(theta), a bell around the data set's
// draws that is a few times as wide as they are. The posterior of a data set that was made so is what the networks
// learned, times a(theta): draws by the networks, of the simulated data sets and of the one at hand, are taken with the
// same probability. This needs no density, of priors neither. What the networks may have overlooked in a data set is
// told by a regression on its values (overlooked.hpp).
#pragma once

#include "runtime/posterior/posterior_sampler.hpp"
#include "runtime/trust/local_test.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace sibyl {

struct NearTestOptions {
  std::size_t simulations = 1000;  // wanted; of fewer than LocalTest::least_simulations there is no test
  std::size_t draws = 600;         // of each, before they are taken with their probability
};

// `posterior`: with its unconstrained draws and its summary kept. `parameters`: of training's simulations,
// unconstrained, [draw][parameter]. Nothing where there are too few near the draws.
std::optional<LocalOutcome> test_near(const PosteriorSampler& sampler, const DataSet& data, const Posterior& posterior,
                                      std::span<const double> parameters, std::uint64_t seed,
                                      const SampleOptions& sampling, const NearTestOptions& options = {});

} // namespace sibyl
