// Log densities given by a formula, for the optimizer and the chains.
#pragma once

#include "runtime/mcmc/log_density.hpp"

#include <cstddef>

namespace sibyl::test {

// `function(point, gradient)` gives the value; the gradient may be null.
template <typename Function>
class ClosedForm : public mcmc::LogDensity {
 public:
  ClosedForm(std::size_t dimension, Function function) : dimension_(dimension), function_(function) {}
  std::size_t dimension() const override { return dimension_; }
  double evaluate(const double* point, double* gradient) override { return function_(point, gradient); }

 private:
  std::size_t dimension_;
  Function function_;
};

} // namespace sibyl::test
