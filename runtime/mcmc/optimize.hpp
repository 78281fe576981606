// The mode of a compiled model's density given one data set, and draws from the normal distribution that has the
// density's curvature there (Laplace's approximation).
#pragma once

#include "runtime/data/draws.hpp"
#include "runtime/data/edge_values.hpp"
#include "runtime/mcmc/lbfgs.hpp"
#include "runtime/mcmc/model_target.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sibyl::mcmc {

struct OptimizeOptions : LbfgsOptions {
  // With the Jacobian of the constraints: the mode of the unconstrained parameters' density; without, the maximum of
  // the density of the parameters as they are declared.
  bool jacobian = false;
  std::size_t laplace_draws = 0; // wants the Jacobian
  std::uint64_t seed = 1;
  InitialValues initial;
};

struct Optimum {
  std::vector<double> unconstrained;
  double log_density = 0;
  Draws mode;         // one row: parameters and what the model computes from them, and lp__
  LbfgsResult search; // how it was found
  Draws laplace;      // the draws, with the columns log_p__ and log_q__: of the target, of the normal
  LeftOut failed;     // of the Laplace draws
};

// Throws UserError where the model has no density or no parameters; RuntimeError where no first point has a finite
// density, the search ends without a mode (it says why), or the curvature at the mode is not that of a maximum.
Optimum optimize(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                 const OptimizeOptions& options);

} // namespace sibyl::mcmc
