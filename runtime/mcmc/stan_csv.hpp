// Chains as CmdStan writes them: one CSV file each, with the run's configuration, the adapted step size and metric, and
// the times as comments, so that CmdStanPy, cmdstanr, posterior and ArviZ read them as CmdStan's own.
#pragma once

#include "runtime/mcmc/model_chains.hpp"
#include "runtime/mcmc/optimize.hpp"
#include "runtime/mcmc/pathfinder.hpp"

#include <string>
#include <vector>

namespace sibyl::mcmc {

// "draws.csv" for one chain, "draws_1.csv", "draws_2.csv", ... for several.
std::vector<std::string> stan_csv_paths(const std::string& path, std::size_t chains);

// Writes a file for each chain, complete or not at all, and returns their paths. `data_file`: for the comments.
std::vector<std::string> write_stan_csv(const std::string& path, const ModelChains& chains,
                                        const ModelChainsOptions& options, const std::string& model_name,
                                        const std::string& data_file);

// The mode; or the Laplace draws where they were asked for, and the mode beside them: "laplace_mode.csv".
void write_stan_csv(const std::string& path, const Optimum& optimum, const OptimizeOptions& options,
                    const std::string& model_name, const std::string& data_file);

void write_stan_csv(const std::string& path, const PathfinderResult& result, const PathfinderOptions& options,
                    const std::string& model_name, const std::string& data_file);

} // namespace sibyl::mcmc
