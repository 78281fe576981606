// The log density of a model's unconstrained parameters and its derivatives, for several data sets or points at once.
#pragma once

#include "runtime/model/model_call.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

// One data set per lane, or one data set in all lanes and as many points. Not for several threads at once.
class Density {
 public:
  // Throws UserError, with the statement that decides, where the model has no density.
  // Where only values are wanted, `has_gradient` false saves compiling the gradient.
  explicit Density(std::shared_ptr<const CompiledModel> model, int lanes = 0, bool has_gradient = true);

  // Lane l evaluates data set which[l]. Throws RuntimeError where a data set violates the model's declarations; lanes
  // whose data sets may be unusable are told by `usable` instead where `tolerant`.
  void bind(const DataBatch& batch, std::span<const std::size_t> which, bool tolerant = false);
  bool usable(int lane) const { return usable_[static_cast<std::size_t>(lane)]; }

  const CompiledModel& model() const { return call_.model(); }
  int lanes() const { return call_.lanes(); }
  // Of the lane with the most; parameters whose sizes differ between lanes have other extents.
  std::size_t parameter_count() const { return parameter_count_; }
  ParameterExtents parameter_extents(int lane) const { return extents_[static_cast<std::size_t>(lane)]; }

  // The points to evaluate, [parameter][lane]: written by the caller before `evaluate`.
  double* points() { return points_; }

  // Evaluates all lanes. A lane whose checks fail (a negative scale) or whose density is NaN has the value minus
  // infinity.
  void evaluate(bool with_gradient, bool include_jacobian = true);
  double value(int lane) const { return values_[static_cast<std::size_t>(lane)]; }
  // While not zero, evaluations stop and throw RuntimeError. The flag must outlive the density.
  void set_interrupt_flag(const std::atomic<std::int32_t>* flag) { call_.set_interrupt_flag(flag); }
  // Why the value is not finite: the message of the check that failed, with its place in the text, or "the log density
  // is nan". "" where it is finite.
  std::string failure(int lane) const;
  const double* gradient() const { return call_.gradient(); } // [parameter][lane]

  // The matrix of second derivatives at the current points, [row][column][lane], by central differences of gradients;
  // symmetric. The points are as before afterwards, the value and gradient are not.
  void hessian(std::vector<double>& result, bool include_jacobian = true);

 private:
  ModelCall call_;
  std::size_t parameter_count_ = 0;
  double* points_ = nullptr;
  std::vector<double> values_;
  std::vector<char> usable_;
  std::vector<ParameterExtents> extents_; // of the lanes that are bound
};

} // namespace sibyl
