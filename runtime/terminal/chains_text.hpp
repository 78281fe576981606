// What is said of Markov chains, by `sibyl mcmc` and the REPL alike.
#pragma once

#include "runtime/mcmc/model_chains.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace sibyl::cli {

// The progress line.
std::string progress_text(const mcmc::ChainsProgress& at, const mcmc::ChainsOptions& options);

// The table of summaries, one row for each quantity; what does not vary has no R-hat and no error.
std::string chains_table(const mcmc::ChainsReport& report);

// "4 chains of 1000 draws in 0.31 s", with the warm-up's part, and what was cut short.
std::string chains_summary(const mcmc::ModelChains& chains, double seconds);

nlohmann::ordered_json chains_json(const mcmc::ModelChains& chains, const mcmc::ChainsReport& report, double seconds);

} // namespace sibyl::cli
