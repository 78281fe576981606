// Hamiltonian Monte Carlo with many short chains that adapt together (ChEES-HMC: Hoffman, Radul and Sountsov 2021, "An
// Adaptive-MCMC Scheme for Setting Trajectory Lengths in Hamiltonian Monte Carlo", AISTATS).
//
// All chains take the same number of leapfrog steps, so that a compiled density runs them in its lanes. While they warm
// up, the step size follows their acceptance, the length of trajectories the ChEES criterion, and the metric their
// covariance. Then they run until groups that started apart agree (nested_r_hat.hpp) or a budget is used up.
#pragma once

#include "runtime/chains/log_density_function.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace sibyl {

struct HmcOptions {
  std::size_t groups = 16, chains_in_group = 8;
  std::size_t warmup = 400;         // steps
  std::size_t most_steps = 3000;    // after warm-up: the budget
  std::size_t most_leapfrogs = 400; // in a step
  double acceptance = 0.8;          // aimed at
  double good_r_hat = 1.01;         // chains stop there
  double seconds = std::numeric_limits<double>::infinity(); // with warm-up: the budget of time
  std::size_t draws = 4000;         // wanted
  std::uint64_t seed = 1;
  bool keep_states = false;          // HmcResult::states
  std::function<bool()> interrupted; // asked between leapfrog steps; the chains then stop
};

struct HmcResult {
  std::vector<double> draws;                            // [draw][parameter], taken evenly from all chains after warm-up
  std::vector<double> states;                           // [chain][step][parameter]: all that draws are taken from
  double r_hat = 0;                                     // the largest of all parameters and of the log density
  std::size_t steps = 0;                                // after warm-up
  std::size_t gradients = 0;                            // evaluated, with warm-up
  double divergent = 0;                                 // share of the trajectories after warm-up whose energy was lost
  double acceptance = 0, step_size = 0, trajectory = 0; // the latter two in the metric's units
  bool was_interrupted = false;
  // A parameter that differs between the chains' states by rounding alone: the density has no bound there, as far as
  // numbers tell. The chains then stop, and the draws are their last states.
  std::optional<std::size_t> rounded;
  bool is_out_of_time = false; // what there is by then is used; of a warm-up that did not end there are no draws
};

// `points`: [point][parameter], an approximate sample of the target, which gives the first metric; group g starts at
// point `starts[g % size]`. Where the log density is not finite at any of them, r_hat is infinite and there are no
// draws.
HmcResult run_adaptive_hmc(const LogDensityFunction& target, std::size_t dimension, std::span<const double> points,
                           std::span<const std::size_t> starts, const HmcOptions& options);

} // namespace sibyl
