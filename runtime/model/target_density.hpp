// The model's log density at many points of one data set: what draws are weighted by, and what chains run on.
#pragma once

#include "runtime/model/density.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace sibyl {

// Points are unconstrained parameters, [point][parameter]; the density is that of them, Jacobians included. Not for
// several threads at once.
class TargetDensity {
 public:
  // Throws UserError, with the statement that decides, where the model has no density.
  TargetDensity(std::shared_ptr<const CompiledModel> model, bool has_gradient);

  // Throws RuntimeError where the data set violates the model's declarations.
  void bind(const DataBatch& batch, std::size_t data_set);
  // While not zero, evaluations stop and throw RuntimeError. The flag must outlive this.
  void set_interrupt_flag(const std::atomic<std::int32_t>* flag) { density_.set_interrupt_flag(flag); }
  std::size_t dimension() const { return density_.parameter_count(); }

  // Minus infinity where a check in the model fails, or the density is no number. `gradients`: of the points' shape, or
  // empty where only values are wanted.
  void evaluate(std::span<const double> points, std::span<double> values, std::span<double> gradients = {});

 private:
  Density density_;
};

} // namespace sibyl
