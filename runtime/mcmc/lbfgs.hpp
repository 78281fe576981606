// The maximum of a log density by the limited-memory BFGS method (Nocedal and Wright 2006, "Numerical Optimization",
// algorithms 7.4 and 7.5), with a line search for the strong Wolfe conditions (3.5 and 3.6) and Stan's tolerances.
#pragma once

#include "runtime/mcmc/log_density.hpp"

#include <Eigen/Dense>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace sibyl::mcmc {

struct LbfgsOptions {
  int max_iterations = 2000;
  int history = 5; // pairs of steps and gradient changes
  // It ends where the objective, the gradient or the parameters change less (CmdStan's defaults; relative ones are in
  // units of the rounding error).
  double objective = 1e-12, relative_objective = 1e4;
  double gradient = 1e-8, relative_gradient = 1e7;
  double parameters = 1e-8;
  const std::atomic<std::int32_t>* interrupted = nullptr;
};

struct LbfgsPoint {
  Eigen::VectorXd position, gradient; // of the log density
  double log_density = 0;
};

struct LbfgsResult {
  LbfgsPoint best;
  int iterations = 0, evaluations = 0;
  bool converged = false, was_interrupted = false;
  std::string reason; // why it ended, one clause
};

// Hears of every point that was reached, the start first.
using LbfgsObserver = std::function<void(const LbfgsPoint&)>;

// `start`: its log density and gradient must be finite.
LbfgsResult maximize(LogDensity& density, const Eigen::VectorXd& start, const LbfgsOptions& options = {},
                     const LbfgsObserver& observer = {});

} // namespace sibyl::mcmc
