#include "runtime/model/density.hpp"

#include "lang/errors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sibyl {

Density::Density(std::shared_ptr<const CompiledModel> model, int lanes, bool has_gradient)
    : call_(std::move(model), Precision::f64, lanes), values_(static_cast<std::size_t>(call_.lanes())),
      usable_(values_.size(), 0) {
  call_.model().function(has_gradient ? "log_density_gradient" : "log_density", Precision::f64, call_.lanes());
}

void Density::bind(const DataBatch& batch, std::span<const std::size_t> which, bool tolerant) {
  call_.bind(batch, which);
  const bool all_usable = call_.transform_data();
  for (int lane = 0; lane < lanes(); ++lane) {
    const bool is_bound = lane < static_cast<int>(which.size());
    usable_[static_cast<std::size_t>(lane)] = is_bound && (all_usable || !call_.failed(lane));
    if (is_bound && !usable(lane) && !tolerant) throw RuntimeError(call_.failure(lane));
  }
  if (!call_.run("sizes"))
    for (int lane = 0; lane < lanes(); ++lane) {
      if (!usable(lane) || !call_.failed(lane)) continue;
      if (!tolerant) throw RuntimeError(call_.failure(lane));
      usable_[static_cast<std::size_t>(lane)] = 0;
    }
  parameter_count_ = call_.unconstrained_count();
  extents_.clear();
  for (int lane = 0; lane < static_cast<int>(which.size()); ++lane) extents_.push_back(call_.parameter_extents(lane));
  points_ = call_.unconstrained_input(parameter_count_);
  std::fill_n(points_, parameter_count_ * static_cast<std::size_t>(lanes()), 0.0);
}

void Density::evaluate(bool with_gradient, bool include_jacobian) {
  const bool all_succeeded = call_.run_density(with_gradient, include_jacobian);
  for (int lane = 0; lane < lanes(); ++lane) {
    const double value = call_.log_density(lane);
    const bool is_valid = usable(lane) && (all_succeeded || !call_.failed(lane)) && !std::isnan(value);
    values_[static_cast<std::size_t>(lane)] = is_valid ? value : -std::numeric_limits<double>::infinity();
  }
}

std::string Density::failure(int lane) const {
  if (call_.failed(lane)) return call_.failure(lane);
  const double value = call_.log_density(lane);
  return std::isfinite(value) ? "" : fmt::format("the log density is {}", value);
}

void Density::hessian(std::vector<double>& result, bool include_jacobian) {
  const std::size_t width = static_cast<std::size_t>(lanes()), n = parameter_count_;
  result.assign(n * n * width, 0);
  // The step balances the rounding of the gradient against the third derivative: cube root of the unit roundoff.
  constexpr double relative_step = 6e-6;
  std::vector<double> saved(width), step(width);
  for (std::size_t column = 0; column < n; ++column) {
    double* point = points_ + column * width;
    for (std::size_t lane = 0; lane < width; ++lane) {
      saved[lane] = point[lane];
      step[lane] = relative_step * std::max(1.0, std::abs(point[lane]));
      point[lane] = saved[lane] + step[lane];
      step[lane] = point[lane] - saved[lane]; // what the sum's rounding left of it
    }
    evaluate(true, include_jacobian);
    const double* gradient = call_.gradient();
    for (std::size_t row = 0; row < n; ++row)
      for (std::size_t lane = 0; lane < width; ++lane)
        result[(row * n + column) * width + lane] = gradient[row * width + lane];
    for (std::size_t lane = 0; lane < width; ++lane) point[lane] = saved[lane] - step[lane];
    evaluate(true, include_jacobian);
    for (std::size_t row = 0; row < n; ++row)
      for (std::size_t lane = 0; lane < width; ++lane) {
        double& entry = result[(row * n + column) * width + lane];
        entry = (entry - gradient[row * width + lane]) / (2 * step[lane]);
      }
    std::copy(saved.begin(), saved.end(), point);
  }
  for (std::size_t row = 0; row < n; ++row)
    for (std::size_t column = 0; column < row; ++column)
      for (std::size_t lane = 0; lane < width; ++lane) {
        double& lower = result[(row * n + column) * width + lane];
        double& upper = result[(column * n + row) * width + lane];
        lower = upper = 0.5 * (lower + upper);
      }
}

} // namespace sibyl
