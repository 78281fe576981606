// Markov chains by the No-U-Turn sampler, from the first point to the last draw: initialization, Stan's windowed
// warm-up, sampling; several chains on threads.
//
// A chain's draws depend on the seed and its number alone: not on the number of chains or of threads.
#pragma once

#include "runtime/mcmc/log_density.hpp"
#include "runtime/mcmc/metric.hpp"
#include "runtime/mcmc/nuts.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace sibyl::mcmc {

struct ChainOptions {
  std::size_t warmup = 1000, draws = 1000;
  double target_acceptance = 0.8; // in (0, 1)
  int max_depth = 10;             // at least 1
  MetricKind metric = MetricKind::diagonal;
  std::uint64_t seed = 1;
};

// What one chain did. Interrupted, it has fewer draws than were asked for, or none.
struct ChainRun {
  ChainRun(MetricKind kind, std::size_t dimension) : metric(kind, dimension) {}

  std::vector<double> unconstrained;   // [draw][parameter]
  std::vector<Transition> transitions; // of the draws
  double step_size = 0;                // after warm-up
  Metric metric;                       // likewise
  std::size_t warmup_iterations = 0;   // that were done
  double warmup_seconds = 0, sampling_seconds = 0;
};

// A first point for chain number `chain` (from 0), written to `point`; called again where the log density is not finite
// there. False: what it wrote is given, and another call would write the same.
using FirstPoint = std::function<bool(std::size_t chain, RandomNumbers& random, std::span<double> point)>;
// Uniform between -radius and radius.
FirstPoint uniform_first_point(double radius);

// A first point with a finite log density and gradient, of up to 100. False where it was asked to stop; throws
// RuntimeError, with the reason of the last, where there is none.
bool find_finite_point(std::size_t chain, LogDensity& density, RandomNumbers& random, const FirstPoint& first_point,
                       const StopFlags& stop, std::span<double> point);

struct ChainsProgress {
  std::size_t warmup_done = 0, draws_done = 0; // over all chains
  std::size_t divergent = 0;                   // of the draws
};

struct ChainsOptions : ChainOptions {
  std::size_t chains = 4;
  int threads = 1;
  FirstPoint first_point = uniform_first_point(2);
  const std::atomic<std::int32_t>* interrupted = nullptr; // not zero: stop with the draws so far
  // Called some ten times a second by one thread at a time, not always the same.
  std::function<void(const ChainsProgress&)> progress;
};

// `make_density`: of a chain, on the thread that runs it. Throws RuntimeError where no first point has a finite log
// density and gradient (the reason of the last try is in it), or no step size works.
std::vector<ChainRun> run_chains(const std::function<std::unique_ptr<LogDensity>()>& make_density,
                                 const ChainsOptions& options);

// The first so many draws of the first so many chains that keep most draws where chains have different numbers of
// them: chains and draws for each.
struct CommonDraws {
  std::vector<std::size_t> chains;
  std::size_t draws = 0;
};
CommonDraws common_draws(std::span<const ChainRun> runs);

} // namespace sibyl::mcmc
