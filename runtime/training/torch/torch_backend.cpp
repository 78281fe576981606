#include "runtime/training/torch/torch_backend.hpp"

#include "lang/errors.hpp"
#include "runtime/training/torch/device_spline.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/autograd.h>

#include <cmath>

namespace sibyl::training {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

const float* data(const Tensor& tensor) { return tensor.data_ptr<float>(); }

// Sums of rows by data set, and its transpose: copies of each data set's row for its rows.
void sum_segments(const float* rows, std::int64_t width, const networks::Offsets& offsets, float* sums) {
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    float* sum = sums + static_cast<std::int64_t>(i) * width;
    std::fill_n(sum, width, 0.0f);
    for (std::int64_t r = offsets[i]; r < offsets[i + 1]; ++r)
      for (std::int64_t c = 0; c < width; ++c) sum[c] += rows[r * width + c];
  }
}

void copy_segments(const float* values, std::int64_t width, const networks::Offsets& offsets, float* rows) {
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
    for (std::int64_t r = offsets[i]; r < offsets[i + 1]; ++r)
      std::copy_n(values + static_cast<std::int64_t>(i) * width, width, rows + r * width);
}

networks::Offsets offsets_of(const Tensor& tensor) {
  const auto* values = tensor.data_ptr<std::int64_t>();
  return {values, values + tensor.numel()};
}

struct Expand : torch::autograd::Function<Expand> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& offsets) {
    context->save_for_backward({offsets});
    const auto places = offsets_of(offsets);
    const Tensor given = x.contiguous(), rows = torch::empty({places.back(), x.size(1)});
    copy_segments(data(given), x.size(1), places, rows.data_ptr<float>());
    return rows;
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto places = offsets_of(context->get_saved_variables()[0]);
    const Tensor given = gradients[0].contiguous();
    const Tensor sums = torch::empty({static_cast<std::int64_t>(places.size()) - 1, given.size(1)});
    sum_segments(data(given), given.size(1), places, sums.data_ptr<float>());
    return {sums, Tensor()};
  }
};

struct SegmentSum : torch::autograd::Function<SegmentSum> {
  static Tensor forward(AutogradContext* context, const Tensor& rows, const Tensor& offsets) {
    context->save_for_backward({offsets});
    const auto places = offsets_of(offsets);
    const Tensor given = rows.contiguous();
    const Tensor sums = torch::empty({static_cast<std::int64_t>(places.size()) - 1, rows.size(1)});
    sum_segments(data(given), rows.size(1), places, sums.data_ptr<float>());
    return sums;
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto places = offsets_of(context->get_saved_variables()[0]);
    const Tensor given = gradients[0].contiguous(), rows = torch::empty({places.back(), given.size(1)});
    copy_segments(data(given), given.size(1), places, rows.data_ptr<float>());
    return {rows, Tensor()};
  }
};

// Each data set's rows averaged with the softmax of each column of scores.
struct SegmentAttention : torch::autograd::Function<SegmentAttention> {
  static Tensor forward(AutogradContext* context, const Tensor& rows, const Tensor& scores, const Tensor& offsets) {
    const auto places = offsets_of(offsets);
    const std::int64_t width = rows.size(1), queries = scores.size(1),
                       sets = static_cast<std::int64_t>(places.size()) - 1;
    const Tensor x = rows.contiguous(), s = scores.contiguous();
    Tensor weights = torch::empty({rows.size(0), queries}), result = torch::zeros({sets, queries * width});
    const float *xp = data(x), *sp = data(s);
    float *wp = weights.data_ptr<float>(), *yp = result.data_ptr<float>();
    for (std::int64_t i = 0; i < sets; ++i)
      for (std::int64_t q = 0; q < queries; ++q) {
        float largest = -INFINITY, total = 0;
        for (std::int64_t r = places[i]; r < places[i + 1]; ++r) largest = std::max(largest, sp[r * queries + q]);
        for (std::int64_t r = places[i]; r < places[i + 1]; ++r)
          total += wp[r * queries + q] = std::exp(sp[r * queries + q] - largest);
        float* y = yp + (i * queries + q) * width;
        for (std::int64_t r = places[i]; r < places[i + 1]; ++r) {
          const float w = wp[r * queries + q] /= total;
          for (std::int64_t c = 0; c < width; ++c) y[c] += w * xp[r * width + c];
        }
      }
    context->save_for_backward({x, weights, result, offsets});
    return result;
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto places = offsets_of(saved[3]);
    const std::int64_t width = saved[0].size(1), queries = saved[1].size(1),
                       sets = static_cast<std::int64_t>(places.size()) - 1;
    const Tensor g = gradients[0].contiguous();
    Tensor rows = torch::zeros_like(saved[0]), scores = torch::empty_like(saved[1]);
    const float *gp = data(g), *xp = data(saved[0]), *wp = data(saved[1]), *yp = data(saved[2]);
    float *rp = rows.data_ptr<float>(), *sp = scores.data_ptr<float>();
    for (std::int64_t i = 0; i < sets; ++i)
      for (std::int64_t q = 0; q < queries; ++q) {
        const float *gy = gp + (i * queries + q) * width, *y = yp + (i * queries + q) * width;
        float mean = 0;
        for (std::int64_t c = 0; c < width; ++c) mean += gy[c] * y[c];
        for (std::int64_t r = places[i]; r < places[i + 1]; ++r) {
          const float w = wp[r * queries + q];
          float product = 0;
          for (std::int64_t c = 0; c < width; ++c) {
            product += gy[c] * xp[r * width + c];
            rp[r * width + c] += w * gy[c];
          }
          sp[r * queries + q] = w * (product - mean);
        }
      }
    return {rows, scores, Tensor()};
  }
};

struct Spline : torch::autograd::Function<Spline> {
  static variable_list forward(AutogradContext* context, const Tensor& x, const Tensor& numbers, std::int64_t bins) {
    const Tensor given = x.contiguous(), own = numbers.contiguous();
    Tensor y = torch::empty_like(given), slope = torch::empty_like(given);
    spline::forward(static_cast<std::size_t>(given.numel()), static_cast<std::size_t>(bins), data(given), data(own),
                    y.data_ptr<float>(), slope.data_ptr<float>());
    context->save_for_backward({given, own});
    context->saved_data["bins"] = bins;
    return {y, slope};
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor gy = gradients[0].contiguous(), gs = gradients[1].contiguous();
    Tensor x = torch::empty_like(saved[0]), numbers = torch::empty_like(saved[1]);
    spline::backward(static_cast<std::size_t>(saved[0].numel()),
                     static_cast<std::size_t>(context->saved_data["bins"].toInt()), data(saved[0]), data(saved[1]),
                     data(gy), data(gs), x.data_ptr<float>(), numbers.data_ptr<float>());
    return {x, numbers, Tensor()};
  }
};

Tensor tensor_of(const networks::Offsets& offsets) { return torch::tensor(offsets, torch::kInt64); }

torch::Generator make_generator(torch::Device device) {
  if (device.is_cpu()) return at::make_generator<at::CPUGeneratorImpl>();
  return at::globalContext().defaultGenerator(device);
}

void seed_generator(torch::Generator& generator, std::uint64_t seed) {
  const std::lock_guard lock(generator.mutex());
  generator.set_current_seed(seed);
}

} // namespace

TorchBackend::TorchBackend(torch::Device device, bool as_accelerator)
    : device_(device), as_accelerator_(as_accelerator), generator_(make_generator(device)),
      processor_generator_(device.is_cpu() ? generator_ : make_generator(torch::kCPU)), segments_(device) {}

void TorchBackend::seed(std::uint64_t seed) {
  seed_generator(generator_, seed);
  if (!device_.is_cpu()) seed_generator(processor_generator_, seed);
}

Tensor TorchBackend::parameter(const std::string& name, std::size_t rows, std::size_t columns,
                               networks::Initial initial) {
  if (const auto found = parameters_.find(name); found != parameters_.end()) return found->second;
  if (!declaring_) throw InternalError("the weights have no tensor " + name);
  const std::vector<std::int64_t> shape{static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)};
  const double limit = std::sqrt(3.0 / static_cast<double>(std::max<std::size_t>(rows, 1)));
  Tensor made = torch::zeros(shape, device_);
  if (initial == networks::Initial::scaled) made.uniform_(-limit, limit, generator_);
  return parameters_[name] = made.requires_grad_(true);
}

std::map<std::string, Tensor> TorchBackend::parts(const Tensor& vector) const {
  std::map<std::string, Tensor> result;
  std::int64_t first = 0;
  for (const auto& [name, tensor] : parameters_) {
    result[name] = vector.detach().narrow(0, first, tensor.numel()).view(tensor.sizes());
    first += tensor.numel();
  }
  return result;
}

Tensor TorchBackend::flatten() {
  std::vector<Tensor> all;
  for (const auto& [name, tensor] : parameters_) all.push_back(tensor.detach().flatten());
  Tensor vector = torch::cat(all).requires_grad_(true);
  vector.mutable_grad() = torch::zeros_like(vector);
  bind(vector, vector.grad());
  return vector;
}

void TorchBackend::bind(const Tensor& vector, const Tensor& gradients) {
  auto values = parts(vector), slopes = parts(gradients);
  for (auto& [name, tensor] : parameters_) {
    tensor = values[name].requires_grad_(true);
    tensor.mutable_grad() = slopes[name];
  }
}

TorchBackend TorchBackend::beside(const Tensor& vector, const Tensor& gradients) const {
  TorchBackend other(device_, as_accelerator_);
  other.declaring_ = false;
  other.parameters_ = parameters_;
  other.bind(vector, gradients);
  return other;
}

Tensor TorchBackend::activation_slope(const Tensor& x) const {
  const Tensor sigmoid = torch::sigmoid(x);
  return sigmoid * (1 + x * (1 - sigmoid));
}

namespace {

std::vector<std::int64_t> shape(std::size_t rows, std::size_t columns) {
  return {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)};
}

} // namespace

Tensor TorchBackend::constant(std::size_t rows, std::size_t columns, const std::vector<float>& values) const {
  const Tensor given = torch::from_blob(const_cast<float*>(values.data()), shape(rows, columns), torch::kFloat32);
  return device_.is_cpu() ? given.clone() : device::send(given, device_);
}

Tensor TorchBackend::zeros(std::size_t rows, std::size_t columns) const {
  return torch::zeros(shape(rows, columns), device_);
}

Tensor TorchBackend::normal(std::size_t rows, std::size_t columns) {
  return torch::randn(shape(rows, columns), generator_, device_);
}

std::vector<float> TorchBackend::uniforms(std::size_t count) {
  const Tensor numbers = torch::rand({static_cast<std::int64_t>(count)}, processor_generator_);
  return {numbers.data_ptr<float>(), numbers.data_ptr<float>() + count};
}

const Tensor& TorchBackend::column_indexes(const std::vector<std::int64_t>& indexes) {
  const auto [place, is_new] = indexes_.try_emplace(indexes);
  if (is_new) place->second = device::send(indexes, device_);
  return place->second;
}

Tensor TorchBackend::columns(const Tensor& x, const std::vector<std::size_t>& indexes) {
  return x.index_select(1, column_indexes({indexes.begin(), indexes.end()}));
}

Tensor TorchBackend::merge(const Tensor& x, const std::vector<std::size_t>& at, const Tensor& y,
                           const std::vector<std::size_t>& there) {
  if (at.empty()) return y;
  std::vector<std::int64_t> from(at.size() + there.size());
  for (std::size_t i = 0; i < at.size(); ++i) from[at[i]] = static_cast<std::int64_t>(i);
  for (std::size_t i = 0; i < there.size(); ++i) from[there[i]] = static_cast<std::int64_t>(at.size() + i);
  return torch::cat({x, y}, 1).index_select(1, column_indexes(from));
}

Tensor TorchBackend::segment_mean(const Tensor& rows, const networks::Offsets& offsets) {
  if (as_accelerator_) return device::segment_mean(rows, segments_.of(offsets));
  std::vector<float> inverse;
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
    inverse.push_back(1.0f / static_cast<float>(std::max<std::int64_t>(1, offsets[i + 1] - offsets[i])));
  return SegmentSum::apply(rows, tensor_of(offsets)) * torch::tensor(inverse).unsqueeze(1);
}

Tensor TorchBackend::segment_attention(const Tensor& rows, const Tensor& scores, const networks::Offsets& offsets) {
  return as_accelerator_ ? device::segment_attention(rows, scores, segments_.of(offsets))
                         : SegmentAttention::apply(rows, scores, tensor_of(offsets));
}

Tensor TorchBackend::expand(const Tensor& x, const networks::Offsets& offsets) {
  return as_accelerator_ ? device::expand(x, segments_.of(offsets)) : Expand::apply(x, tensor_of(offsets));
}

Tensor TorchBackend::window(const Tensor& rows, const networks::Offsets& offsets, std::size_t dilation) {
  return device::window(rows, segments_.of(offsets), dilation);
}

Tensor TorchBackend::last_row(const Tensor& rows, const networks::Offsets& offsets) {
  return device::last_row(rows, segments_.of(offsets));
}

Tensor TorchBackend::spline(const Tensor& x, const Tensor& numbers, std::size_t bins, Tensor& log_slope) {
  if (as_accelerator_) {
    const auto [y, log_slopes] = device::spline(x, numbers, bins);
    log_slope = log_slope + log_slopes.sum(1, true);
    return y;
  }
  const variable_list result = Spline::apply(x, numbers, static_cast<std::int64_t>(bins));
  log_slope = log_slope + result[1].sum(1, true);
  return result[0];
}

} // namespace sibyl::training
