// The backend that learns: LibTorch, with gradients. On the processor the spline and the operations on rows of data
// sets are fused functions with their own derivatives: dispatching dozens of small operations would cost more than
// computing them. On an accelerator they are such operations (device_spline.hpp, device_segments.hpp), so that nothing
// leaves it.
#pragma once

#include "runtime/networks/layers.hpp"
#include "runtime/networks/spline.hpp"
#include "runtime/networks/weights.hpp"
#include "runtime/training/torch/device_segments.hpp"

#include <torch/types.h>

#include <map>
#include <string>
#include <vector>

namespace sibyl::training {

class TorchBackend {
 public:
  using Tensor = torch::Tensor;

  explicit TorchBackend(torch::Device device) : TorchBackend(device, !device.is_cpu()) {}
  // `as_accelerator`: with an accelerator's operations, also on the processor.
  TorchBackend(torch::Device device, bool as_accelerator);

  torch::Device device() const { return device_; }
  bool is_accelerator() const { return as_accelerator_; }
  // What decides the random numbers that come next. Backends on the processor have their own, and one thread each.
  void seed(std::uint64_t seed);
  std::map<std::string, Tensor>& parameters() { return parameters_; }
  // While true, unknown parameters are made; afterwards they are an InternalError.
  void declare(bool declaring) { declaring_ = declaring; }

  // Puts the parameters into one vector that they are parts of from now on, and their gradients likewise: an optimizer
  // of one tensor takes a tenth of the time of one of a hundred small ones. Returns the vector, a leaf.
  Tensor flatten();
  // A backend for another thread: the parameters are parts of the same vector, which `flatten` returned, and their
  // gradients parts of another.
  TorchBackend beside(const Tensor& vector, const Tensor& gradients) const;
  // A vector of that length as tensors of the parameters' names and shapes, which share its memory.
  std::map<std::string, Tensor> parts(const Tensor& vector) const;

  Tensor parameter(const std::string& name, std::size_t rows, std::size_t columns, networks::Initial initial);
  Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) const {
    return torch::addmm(bias, x, weight);
  }
  Tensor joint_linear(const Tensor& x, const Tensor& y, const Tensor& weight, const Tensor& bias) const {
    return linear(x.size(1) == 0 ? y : torch::cat({x, y}, 1), weight, bias);
  }
  Tensor product(const Tensor& x, const Tensor& weight) const { return torch::mm(x, weight.narrow(0, 0, x.size(1))); }
  Tensor activate(const Tensor& x) const { return torch::silu(x); }
  Tensor bounded(const Tensor& x, double limit) const { return x * (1 + (x / limit).square()).rsqrt(); }
  Tensor activation_slope(const Tensor& x) const;
  Tensor add(const Tensor& x, const Tensor& y) const { return x + y; }
  Tensor multiply(const Tensor& x, const Tensor& y) const { return x * y; }
  Tensor scale(const Tensor& x, double factor) const { return x * factor; }
  Tensor shift(const Tensor& x, double number) const { return x + number; }
  Tensor add_scaled(const Tensor& x, const Tensor& y, double factor) const { return torch::add(x, y, factor); }
  Tensor row_squares(const Tensor& x) const { return x.square().sum(1, true); }
  Tensor constant(std::size_t rows, std::size_t columns, const std::vector<float>& values) const;
  Tensor zeros(std::size_t rows, std::size_t columns) const;
  std::size_t row_count(const Tensor& x) const { return static_cast<std::size_t>(x.size(0)); }
  Tensor normal(std::size_t rows, std::size_t columns);
  std::vector<float> uniforms(std::size_t count);
  Tensor concatenate(const std::vector<Tensor>& parts) const { return torch::cat(parts, 1); }
  Tensor columns(const Tensor& x, const std::vector<std::size_t>& indexes);
  Tensor merge(const Tensor& x, const std::vector<std::size_t>& at, const Tensor& y,
               const std::vector<std::size_t>& there);
  Tensor segment_mean(const Tensor& rows, const networks::Offsets& offsets);
  Tensor segment_attention(const Tensor& rows, const Tensor& scores, const networks::Offsets& offsets);
  Tensor expand(const Tensor& x, const networks::Offsets& offsets);
  Tensor window(const Tensor& rows, const networks::Offsets& offsets, std::size_t dilation);
  Tensor last_row(const Tensor& rows, const networks::Offsets& offsets);
  Tensor spline(const Tensor& x, const Tensor& numbers, std::size_t bins, Tensor& log_slope);
  Tensor inverse_spline(const Tensor& y, const Tensor& numbers, std::size_t bins, Tensor& log_slope);
  Tensor detached(const Tensor& x) const { return x.detach(); }

 private:
  const Tensor& column_indexes(const std::vector<std::int64_t>& indexes);
  void bind(const Tensor& vector, const Tensor& gradients);

  torch::Device device_;
  bool as_accelerator_;
  torch::Generator generator_, processor_generator_; // of the device; of numbers that are drawn here
  device::SegmentsInUse segments_;
  std::map<std::vector<std::int64_t>, Tensor> indexes_; // of columns, which are those of the networks' layers
  bool declaring_ = true;
  std::map<std::string, Tensor> parameters_;
};

} // namespace sibyl::training
