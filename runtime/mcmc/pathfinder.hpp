// Pathfinder (Zhang, Carpenter, Gelman and Vehtari 2022, "Pathfinder: Parallel quasi-Newton variational inference",
// JMLR 23): along the way of an optimizer the estimates of the inverse Hessian make normal distributions, and the one
// nearest to the target, by the evidence lower bound, is drawn from. The paths' normal distributions make a mixture,
// whose draws are weighted by Pareto-smoothed importance sampling (against the whole mixture, not each against its own
// path's, which one narrow path would spoil); k-hat says how far they can be trusted. It takes a few hundred gradients.
#pragma once

#include "runtime/data/draws.hpp"
#include "runtime/data/edge_values.hpp"
#include "runtime/mcmc/lbfgs.hpp"
#include "runtime/mcmc/model_target.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sibyl::mcmc {

struct PathOptions {
  int max_iterations = 1000, history = 5; // of L-BFGS
  std::size_t elbo_draws = 25;            // for each point of the way
  std::size_t draws = 1000;               // of each path, before they are weighted
  const std::atomic<std::int32_t>* interrupted = nullptr;
};

class LowRankNormal;

// What one path found.
struct Path {
  double elbo = 0; // of the normal distribution that was chosen; minus infinity where there is none
  int iterations = 0;
  std::vector<double> draws;                   // [draw][parameter]
  std::vector<double> log_p, log_q;            // of each draw: of the target, of the normal distribution
  std::shared_ptr<const LowRankNormal> normal; // null where there is none
};

// `start`: its log density and gradient must be finite.
Path find_path(LogDensity& density, const Eigen::VectorXd& start, RandomNumbers& random, const PathOptions& options);

struct PathfinderOptions : PathOptions {
  std::size_t paths = 4, resampled = 1000;
  std::uint64_t seed = 1;
  int threads = 1; // the draws do not depend on it
  InitialValues initial;
};

struct PathfinderResult {
  std::vector<double> unconstrained; // [draw][parameter]
  Draws draws;                       // with the columns lp__, lp_approx__ and path__ behind the model's
  LeftOut failed;                    // draws that miss what is computed from their parameters
  std::vector<double> elbo;          // of each path
  double k_hat = 0, effective_size = 0;
  std::string warning; // what is to be known of these draws; "" where they are good
};

// Throws UserError where the model has no density or no parameters, or the options cannot be followed; RuntimeError
// where no path finds a normal distribution, or it is interrupted.
PathfinderResult pathfinder(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                            const PathfinderOptions& options);

} // namespace sibyl::mcmc
