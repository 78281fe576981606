// The backend that evaluates networks: Eigen on the processor, one thread, no gradients, no LibTorch.
#pragma once

#include "runtime/networks/networks.hpp"
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
  Tensor activate(Tensor x) const;
  Tensor add(const Tensor& x, const Tensor& y) const { return x + y; }
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
