// The ladder: what can be asked of each data set's posterior, asked in order until something answers, and whether the
// model can have made the data.
//
// 1. Distance of the data set's summaries from simulations' (runtime/trust/typical_set.hpp), and what is outside of the
//    sizes, the design and the values in training.
// 2. Importance weights against the model's density: where they are good, the draws are resampled by them.
// 3. Where they are not, Hamiltonian Monte Carlo over lanes from the amortized draws, until nested R-hat is good.
// 4. Without a density: a local test (runtime/trust/local_test.hpp) of the networks' draws for this data set, learned
//    from simulated data sets, their draws, and what their residuals tell of the parameters (residual_pulls.hpp); and
//    another, learned near the data set (near_test.hpp). Together they have one p-value.
// 5. Predictive checks: replications of the data set from its posterior, compared by statistics of the data and by the
//    scalars among the model's generated quantities. They tell whether the model fits, which no comparison
//    of posteriors can.
//
// The p-value of the data is that of all statistics and of the summaries' distance together, against simulated data
// sets that were treated likewise (typical_scores.hpp): uniform for data of the model, whatever the statistics and
// however good the posterior. Where the distance alone makes it small, the data set is also compared with others of its
// own design (given_design.hpp), and the larger p-value counts.
#pragma once

#include "runtime/criticism/given_design.hpp"
#include "runtime/criticism/typical_scores.hpp"
#include "runtime/posterior/posterior_sampler.hpp"
#include "runtime/trust/local_test.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

struct VerifyOptions {
  std::size_t simulations = 600; // simulated data sets that a data set is compared with
  // The same and more, where a local test is learned from them; each replication by one of LocalTest::locating_draws.
  std::size_t local_test_simulations = 1000, local_test_replications = 100;
  std::size_t replications = 50; // of each data set
  // Parameters among which those near a data set's draws are looked for, and the most data sets of a call for which that
  // is done: of more all have the local test that they share.
  std::size_t near_parameters = 40000, most_near = 20;
  // Data sets with the design of one whose summaries are far out; and for how many that is done in one call.
  std::size_t of_design = 300, most_of_design = 200;
};

// Keeps the simulated data sets' scores from one call to the next. Safe for several threads at once.
class Verifier {
 public:
  explicit Verifier(const PosteriorSampler& sampler, VerifyOptions options = {});

  // As PosteriorSampler::sample, which draws; `options.exact` is decided here. Every verdict has its verification, but
  // where it was interrupted and what was finished is kept: there may be draws without.
  std::vector<Posterior> verify(std::span<const DataSet> data_sets, const SampleOptions& options) const;

 private:
  struct Reference {
    TypicalScores scores;
    std::string impossible; // why data sets are not compared with replications
    std::size_t replications = 0; // of each data set, simulated or given
    std::vector<double> parameters; // of simulated data sets, unconstrained: what others of any design are made with
    std::vector<double> near_parameters; // likewise, for tests near a data set
    std::optional<LocalTest> local; // where it was wanted; empty where there was too little to learn it from
  };
  std::shared_ptr<const Reference> reference(const SampleOptions& options, bool wants_local_test) const;
  std::shared_ptr<const Reference> make_reference(const SampleOptions& options, bool wants_local_test) const;

  const PosteriorSampler& sampler_;
  VerifyOptions options_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const Reference> reference_;
};

} // namespace sibyl
