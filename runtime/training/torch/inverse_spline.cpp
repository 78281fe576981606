// The spline backwards, with its derivative: that of the map's inverse, from the derivative of the map itself.
#include "runtime/training/torch/device_spline.hpp"
#include "runtime/training/torch/torch_backend.hpp"

#include <torch/autograd.h>

namespace sibyl::training {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

// x with y = F(x; numbers) and log F'(x; numbers).
struct InverseSpline : torch::autograd::Function<InverseSpline> {
  static variable_list forward(AutogradContext* context, const Tensor& y, const Tensor& numbers, std::int64_t bins) {
    const Tensor given = y.contiguous(), own = numbers.contiguous();
    Tensor x = torch::empty_like(given), slope = torch::empty_like(given);
    spline::inverse(static_cast<std::size_t>(given.numel()), static_cast<std::size_t>(bins), given.data_ptr<float>(),
                    own.data_ptr<float>(), x.data_ptr<float>(), slope.data_ptr<float>());
    context->save_for_backward({x, own, slope});
    context->saved_data["bins"] = bins;
    return {x, slope};
  }

  // dx = (dy - dF / d numbers . d numbers) / F', and the slope changes with x and with the numbers.
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &numbers = saved[1];
    const auto bins = static_cast<std::size_t>(context->saved_data["bins"].toInt());
    const auto through_map = [&](const Tensor& of_value, const Tensor& of_slope, Tensor& of_numbers) {
      Tensor of_x = torch::empty_like(x);
      of_numbers = torch::empty_like(numbers);
      spline::backward(static_cast<std::size_t>(x.numel()), bins, x.data_ptr<float>(), numbers.data_ptr<float>(),
                       of_value.data_ptr<float>(), of_slope.data_ptr<float>(), of_x.data_ptr<float>(),
                       of_numbers.data_ptr<float>());
      return of_x;
    };
    const Tensor none = torch::zeros_like(x);
    Tensor numbers_of_slope, numbers_of_value;
    const Tensor of_x = gradients[0] + through_map(none, gradients[1].contiguous(), numbers_of_slope);
    const Tensor of_y = (of_x * (-saved[2]).exp()).contiguous();
    through_map((-of_y).contiguous(), none, numbers_of_value);
    return {of_y, numbers_of_slope + numbers_of_value, Tensor()};
  }
};

} // namespace

Tensor TorchBackend::inverse_spline(const Tensor& y, const Tensor& numbers, std::size_t bins, Tensor& log_slope) {
  if (as_accelerator_) {
    const auto [x, log_slopes] = device::inverse_spline(y, numbers, bins);
    log_slope = log_slope + log_slopes.sum(1, true);
    return x;
  }
  const variable_list result = InverseSpline::apply(y, numbers, static_cast<std::int64_t>(bins));
  log_slope = log_slope + result[1].sum(1, true);
  return result[0];
}

} // namespace sibyl::training
