// Draws for one data set with the ratios that make them the model's posterior: what leave-one-out, powers of the prior
// and the likelihood, and comparisons are computed from.
#pragma once

#include "runtime/posterior/posterior_sampler.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

struct WeightedPosterior {
  Draws draws;                       // with all that the model computes of them
  std::vector<double> unconstrained; // [draw][parameter]
  // log p - log q of each draw; empty where the draws are the posterior's own, by Markov chains.
  std::vector<double> log_ratios;
  Verdict verdict;
};

// Amortized draws where their importance weights are good, else exact ones (exact_draws.hpp): the verdict says whether
// these are. Throws UserError where the model has no density or a value is missing.
std::vector<WeightedPosterior> weigh_posteriors(const PosteriorSampler& sampler, std::span<const DataSet> data_sets,
                                                const SampleOptions& options);

// Of each draw: the log density without the Jacobian of the unconstrained parameters. `data`: complete.
std::vector<double> log_joint(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                              std::span<const double> unconstrained);

} // namespace sibyl
