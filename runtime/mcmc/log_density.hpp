// What the algorithms of this room sample from: a log density with its gradient over R^n. Compiled models are one
// (model_target.hpp), closed-form densities of tests are others.
#pragma once

#include <cstddef>
#include <string>

namespace sibyl::mcmc {

// One object belongs to one chain, and so to one thread at a time.
class LogDensity {
 public:
  virtual ~LogDensity() = default;
  virtual std::size_t dimension() const = 0;
  // Reads and writes `dimension` numbers. Minus infinity outside of the support; what the gradient is there, nobody
  // reads. No allocation: it is called for every step of a trajectory.
  virtual double evaluate(const double* point, double* gradient) = 0;
  // Why the last value was minus infinity, for people; "" where the target cannot tell.
  virtual std::string failure() const { return ""; }
};

} // namespace sibyl::mcmc
