// The backend that evaluates networks: Eigen on the processor, one thread, no gradients, no LibTorch.
#pragma once

#include "runtime/networks/layers.hpp"
#include "runtime/networks/weights.hpp"

#include <Eigen/Core>

namespace sibyl {

class EigenBackend {
 public:
  using Tensor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  // The weights must outlive the backend.
  explicit EigenBackend(const Weights& weights) : weights_(weights) {}

  // UserError where the weights have no such tensor, or one of another shape.
  Eigen::Map<const Tensor> parameter(const std::string& name, std::size_t rows, std::size_t columns,
                                     networks::Initial) const;

  Tensor linear(const Tensor& x, const Eigen::Map<const Tensor>& weight, const Eigen::Map<const Tensor>& bias) const;
  Tensor joint_linear(const Tensor& x, const Tensor& y, const Eigen::Map<const Tensor>& weight,
                      const Eigen::Map<const Tensor>& bias) const;
  Tensor product(const Tensor& x, const Eigen::Map<const Tensor>& weight) const;
  Tensor activate(Tensor x) const;
  Tensor activation_slope(const Tensor& x) const;
  Tensor bounded(const Tensor& x, double limit) const {
    return x.array() * (1 + (x.array() / static_cast<float>(limit)).square()).rsqrt();
  }
  Tensor add(const Tensor& x, const Tensor& y) const { return x + y; }
  Tensor multiply(const Tensor& x, const Tensor& y) const { return x.cwiseProduct(y); }
  Tensor scale(const Tensor& x, double factor) const { return x * static_cast<float>(factor); }
  Tensor shift(const Tensor& x, double number) const { return x.array() + static_cast<float>(number); }
  Tensor add_scaled(const Tensor& x, const Tensor& y, double factor) const {
    return x + y * static_cast<float>(factor);
  }
  Tensor row_squares(const Tensor& x) const { return x.rowwise().squaredNorm(); }
  Tensor constant(std::size_t rows, std::size_t columns, const std::vector<float>& values) const;
  Tensor zeros(std::size_t rows, std::size_t columns) const;
  std::size_t row_count(const Tensor& x) const { return static_cast<std::size_t>(x.rows()); }
  Tensor concatenate(const std::vector<Tensor>& parts) const;
  Tensor columns(const Tensor& x, const std::vector<std::size_t>& indexes) const;
  Tensor merge(const Tensor& x, const std::vector<std::size_t>& at, const Tensor& y,
               const std::vector<std::size_t>& there) const;
  Tensor segment_mean(const Tensor& rows, const networks::Offsets& offsets) const;
  Tensor segment_attention(const Tensor& rows, const Tensor& scores, const networks::Offsets& offsets) const;
  Tensor expand(const Tensor& x, const networks::Offsets& offsets) const;
  Tensor window(const Tensor& rows, const networks::Offsets& offsets, std::size_t dilation) const;
  Tensor last_row(const Tensor& rows, const networks::Offsets& offsets) const;
  Tensor spline(const Tensor& x, const Tensor& numbers, std::size_t bins, Tensor& log_slope) const;
  Tensor inverse_spline(const Tensor& y, const Tensor& numbers, std::size_t bins, Tensor& log_slope) const;

 private:
  const Weights& weights_;
};

} // namespace sibyl
