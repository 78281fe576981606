// Derivatives along a direction: any backend, with each tensor carried beside its derivative (forward mode).
//
// A velocity's divergence, say, is the sum of its derivatives along the unit directions. It has the operations that
// networks without rows of data sets need; weights and the second argument of joint_linear are constants.
#pragma once

#include "runtime/networks/layers.hpp"

namespace sibyl::networks {

template <typename Backend>
class Directional {
 public:
  using Inner = TensorOf<Backend>;
  struct Tensor {
    Inner value, slope;
  };

  explicit Directional(Backend& backend) : backend_(backend) {}

  auto parameter(const std::string& name, std::size_t rows, std::size_t columns, Initial initial) {
    return backend_.parameter(name, rows, columns, initial);
  }
  template <typename Weight>
  Tensor linear(const Tensor& x, const Weight& weight, const Weight& bias) {
    return {backend_.linear(x.value, weight, bias), backend_.product(x.slope, weight)};
  }
  template <typename Weight>
  Tensor joint_linear(const Tensor& x, const Inner& y, const Weight& weight, const Weight& bias) {
    return {backend_.joint_linear(x.value, y, weight, bias), backend_.product(x.slope, weight)};
  }
  Tensor activate(const Tensor& x) {
    return {backend_.activate(x.value), backend_.multiply(x.slope, backend_.activation_slope(x.value))};
  }
  Tensor add(const Tensor& x, const Tensor& y) {
    return {backend_.add(x.value, y.value), backend_.add(x.slope, y.slope)};
  }
  // Constants beside a tensor.
  Tensor beside(const Tensor& x, const Inner& constants, std::size_t columns) {
    return {backend_.concatenate({x.value, constants}),
            backend_.concatenate({x.slope, backend_.zeros(backend_.row_count(x.slope), columns)})};
  }

 private:
  Backend& backend_;
};

} // namespace sibyl::networks
