// Many short chains over a processor's lanes (runtime/chains/adaptive_hmc.hpp) for one data set: they begin at
// Pathfinder's draws and run until groups that began apart agree.
#pragma once

#include "runtime/chains/adaptive_hmc.hpp"
#include "runtime/data/draws.hpp"
#include "runtime/data/edge_values.hpp"
#include "runtime/mcmc/model_chains.hpp"
#include "runtime/mcmc/model_target.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sibyl::mcmc {

struct CheesOptions {
  std::size_t draws = 4000; // over all chains
  double target_acceptance = 0.8;
  std::uint64_t seed = 1;
  int threads = 1;                          // of Pathfinder's; the chains run on one
  InitialValues initial;                    // of Pathfinder's paths
  Outputs summarized = Outputs::parameters; // which of the model's columns the report has
  const std::atomic<std::int32_t>* interrupted = nullptr;
};

struct CheesResult {
  Draws draws; // with the column lp__ behind the model's
  HmcResult run;
  std::size_t chains = 0;
  // lp__, then the model's columns: from all states of the chains after warm-up, of which the draws are a part. R-hat
  // is nested (runtime/chains/nested_r_hat.hpp).
  std::vector<QuantitySummary> quantities;
  LeftOut failed;                    // draws that miss what is computed from their parameters
  std::vector<std::string> warnings; // what is wrong, and what to do
};

// Throws as sample_chains does.
CheesResult sample_chees(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                         const CheesOptions& options);

} // namespace sibyl::mcmc
