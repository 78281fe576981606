// Chains over the posterior of a compiled model given one data set, with everything that the model computes from its
// parameters, and what is to be said of them: summaries with diagnostics, and warnings with what to do.
#pragma once

#include "runtime/data/draws.hpp"
#include "runtime/data/edge_values.hpp"
#include "runtime/mcmc/chains.hpp"
#include "runtime/mcmc/model_target.hpp"
#include "runtime/model/parameters.hpp"
#include "runtime/trust/chain_diagnostics.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sibyl::mcmc {

struct ModelChainsOptions : ChainsOptions { // `first_point` is made from `initial`
  InitialValues initial;
};

struct ModelChains {
  // Of each chain, as many rows in all. Behind the model's columns are Stan's: lp__, accept_stat__, stepsize__,
  // treedepth__, n_leapfrog__, divergent__, energy__. The label is the chain's number, from 1.
  std::vector<Draws> draws;
  std::vector<ChainRun> runs; // of these chains, with as many draws
  LeftOut failed;             // draws that miss what is computed from their parameters (edge_values.hpp)
  std::size_t wanted_chains = 0, wanted_draws = 0;
  bool was_interrupted = false; // then there may be fewer
};

// Throws UserError where the model has no density or no parameters, or the options cannot be followed; RuntimeError
// where no chain finds a first point, or it is interrupted before the first draw.
ModelChains sample_chains(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                          const ModelChainsOptions& options);

// A column's draws, [chain][draw].
std::vector<double> column_of(const ModelChains& chains, std::size_t column);

struct QuantitySummary {
  std::string column;
  ChainSummary summary;
};

struct ChainsReport {
  std::vector<QuantitySummary> quantities; // lp__, then the model's columns
  std::size_t divergent = 0, at_largest_depth = 0;
  std::vector<double> ebfmi;         // of each chain
  std::vector<std::string> warnings; // one sentence or two each: what it is, and what to do
};

// `outputs`: which of the model's columns are summarized. Columns are shared out over `threads`.
ChainsReport report(const ModelChains& chains, const Facts& facts, const ChainOptions& options, Outputs outputs,
                    int threads);

} // namespace sibyl::mcmc
