// What is said of Markov chains and modes, by their commands and the REPL alike.
#pragma once

#include "runtime/mcmc/chees.hpp"
#include "runtime/mcmc/model_chains.hpp"
#include "runtime/mcmc/optimize.hpp"
#include "runtime/mcmc/pathfinder.hpp"

#include <nlohmann/json_fwd.hpp>

#include <span>
#include <string>

namespace sibyl::cli {

// The progress line.
std::string progress_text(const mcmc::ChainsProgress& at, const mcmc::ChainsOptions& options);

// The table of summaries, one row for each quantity; what does not vary has no R-hat and no error.
std::string chains_table(std::span<const mcmc::QuantitySummary> quantities, const char* r_hat = "R-hat");

// "4 chains of 1000 draws in 0.31 s", with the warm-up's part, and what was cut short.
std::string chains_summary(const mcmc::ModelChains& chains, double seconds);

nlohmann::ordered_json chains_json(const mcmc::ModelChains& chains, const mcmc::ChainsReport& report, double seconds);

// One row for each parameter, and where `all` for what is computed from them; with summaries of the Laplace draws where
// there are some.
std::string mode_table(const mcmc::Optimum& optimum, const Facts& facts, bool all);
// One line on the log density and the search.
std::string mode_summary(const mcmc::Optimum& optimum, bool jacobian);

// Summaries of draws, one row for each parameter, and where `all` for what is computed from them.
std::string draws_table(const Draws& draws, const Facts& facts, bool all);
// "1000 draws from 4 of 4 paths in 0.05 s: k-hat 0.41, worth 950 independent draws"
std::string pathfinder_summary(const mcmc::PathfinderResult& result, double seconds);

// "4000 draws of 128 chains over lanes in 0.10 s: nested R-hat 1.004, ..."
std::string chees_summary(const mcmc::CheesResult& result, double seconds);
nlohmann::ordered_json chees_json(const mcmc::CheesResult& result, double seconds);

} // namespace sibyl::cli
