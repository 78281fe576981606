#include "runtime/training/torch/torch_backend.hpp"

#include "lang/errors.hpp"

#include <ATen/CPUGeneratorImpl.h>

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

Tensor on_processor(const Tensor& tensor) { return tensor.to(torch::kCPU).contiguous(); }

networks::Offsets offsets_of(const Tensor& tensor) {
  const auto* values = tensor.data_ptr<std::int64_t>();
  return {values, values + tensor.numel()};
}

struct Expand : torch::autograd::Function<Expand> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& offsets) {
    context->save_for_backward({offsets});
    const auto places = offsets_of(offsets);
    const Tensor given = on_processor(x), rows = torch::empty({places.back(), x.size(1)});
    copy_segments(data(given), x.size(1), places, rows.data_ptr<float>());
    return rows.to(x.device());
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto places = offsets_of(context->get_saved_variables()[0]);
    const Tensor given = on_processor(gradients[0]);
    const Tensor sums = torch::empty({static_cast<std::int64_t>(places.size()) - 1, given.size(1)});
    sum_segments(data(given), given.size(1), places, sums.data_ptr<float>());
    return {sums.to(gradients[0].device()), Tensor()};
  }
};

struct SegmentSum : torch::autograd::Function<SegmentSum> {
  static Tensor forward(AutogradContext* context, const Tensor& rows, const Tensor& offsets) {
    context->save_for_backward({offsets});
    const auto places = offsets_of(offsets);
    const Tensor given = on_processor(rows);
    const Tensor sums = torch::empty({static_cast<std::int64_t>(places.size()) - 1, rows.size(1)});
    sum_segments(data(given), rows.size(1), places, sums.data_ptr<float>());
    return sums.to(rows.device());
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto places = offsets_of(context->get_saved_variables()[0]);
    const Tensor given = on_processor(gradients[0]), rows = torch::empty({places.back(), given.size(1)});
    copy_segments(data(given), given.size(1), places, rows.data_ptr<float>());
    return {rows.to(gradients[0].device()), Tensor()};
  }
};

// Each data set's rows averaged with the softmax of each column of scores.
struct SegmentAttention : torch::autograd::Function<SegmentAttention> {
  static Tensor forward(AutogradContext* context, const Tensor& rows, const Tensor& scores, const Tensor& offsets) {
    const auto places = offsets_of(offsets);
    const std::int64_t width = rows.size(1), queries = scores.size(1),
                       sets = static_cast<std::int64_t>(places.size()) - 1;
    const Tensor x = on_processor(rows), s = on_processor(scores);
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
    return result.to(rows.device());
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto places = offsets_of(saved[3]);
    const std::int64_t width = saved[0].size(1), queries = saved[1].size(1),
                       sets = static_cast<std::int64_t>(places.size()) - 1;
    const Tensor g = on_processor(gradients[0]);
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
    return {rows.to(gradients[0].device()), scores.to(gradients[0].device()), Tensor()};
  }
};

struct Spline : torch::autograd::Function<Spline> {
  static variable_list forward(AutogradContext* context, const Tensor& x, const Tensor& numbers, std::int64_t bins) {
    const Tensor given = on_processor(x), own = on_processor(numbers);
    Tensor y = torch::empty_like(given), slope = torch::empty_like(given);
    spline::forward(static_cast<std::size_t>(given.numel()), static_cast<std::size_t>(bins), data(given), data(own),
                    y.data_ptr<float>(), slope.data_ptr<float>());
    context->save_for_backward({given, own});
    context->saved_data["bins"] = bins;
    return {y.to(x.device()), slope.to(x.device())};
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor gy = on_processor(gradients[0]), gs = on_processor(gradients[1]);
    Tensor x = torch::empty_like(saved[0]), numbers = torch::empty_like(saved[1]);
    spline::backward(static_cast<std::size_t>(saved[0].numel()),
                     static_cast<std::size_t>(context->saved_data["bins"].toInt()), data(saved[0]), data(saved[1]),
                     data(gy), data(gs), x.data_ptr<float>(), numbers.data_ptr<float>());
    return {x.to(gradients[0].device()), numbers.to(gradients[0].device()), Tensor()};
  }
};

Tensor tensor_of(const networks::Offsets& offsets) { return torch::tensor(offsets, torch::kInt64); }

torch::Generator make_generator(torch::Device device) {
  if (device.is_cpu()) return at::make_generator<at::CPUGeneratorImpl>();
  return at::globalContext().defaultGenerator(device);
}

} // namespace

TorchBackend::TorchBackend(torch::Device device) : device_(device), generator_(make_generator(device)) {}

void TorchBackend::seed(std::uint64_t seed) {
  const std::lock_guard lock(generator_.mutex());
  generator_.set_current_seed(seed);
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
  TorchBackend other(device_);
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
  return torch::from_blob(const_cast<float*>(values.data()), shape(rows, columns), torch::kFloat32).clone().to(device_);
}

Tensor TorchBackend::zeros(std::size_t rows, std::size_t columns) const {
  return torch::zeros(shape(rows, columns), device_);
}

Tensor TorchBackend::normal(std::size_t rows, std::size_t columns) {
  return torch::randn(shape(rows, columns), generator_, device_);
}

std::vector<float> TorchBackend::uniforms(std::size_t count) {
  const Tensor numbers = on_processor(torch::rand({static_cast<std::int64_t>(count)}, generator_, device_));
  return {numbers.data_ptr<float>(), numbers.data_ptr<float>() + count};
}

Tensor TorchBackend::index_tensor(const std::vector<std::int64_t>& indexes) const {
  return torch::tensor(indexes, torch::kInt64).to(device_);
}

Tensor TorchBackend::columns(const Tensor& x, const std::vector<std::size_t>& indexes) {
  return x.index_select(1, index_tensor({indexes.begin(), indexes.end()}));
}

Tensor TorchBackend::merge(const Tensor& x, const std::vector<std::size_t>& at, const Tensor& y,
                           const std::vector<std::size_t>& there) {
  if (at.empty()) return y;
  std::vector<std::int64_t> from(at.size() + there.size());
  for (std::size_t i = 0; i < at.size(); ++i) from[at[i]] = static_cast<std::int64_t>(i);
  for (std::size_t i = 0; i < there.size(); ++i) from[there[i]] = static_cast<std::int64_t>(at.size() + i);
  return torch::cat({x, y}, 1).index_select(1, index_tensor(from));
}

Tensor TorchBackend::segment_mean(const Tensor& rows, const networks::Offsets& offsets) {
  std::vector<float> inverse;
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
    inverse.push_back(1.0f / static_cast<float>(std::max<std::int64_t>(1, offsets[i + 1] - offsets[i])));
  return SegmentSum::apply(rows, tensor_of(offsets)) * torch::tensor(inverse).to(device_).unsqueeze(1);
}

Tensor TorchBackend::segment_attention(const Tensor& rows, const Tensor& scores, const networks::Offsets& offsets) {
  return SegmentAttention::apply(rows, scores, tensor_of(offsets));
}

Tensor TorchBackend::expand(const Tensor& x, const networks::Offsets& offsets) {
  return Expand::apply(x, tensor_of(offsets));
}

Tensor TorchBackend::window(const Tensor& rows, const networks::Offsets& offsets, std::size_t dilation) {
  // Row 0 of the padded rows is zero: it stands for what lies outside.
  const Tensor padded = torch::cat({torch::zeros({1, rows.size(1)}, rows.options()), rows}, 0);
  std::vector<std::int64_t> before(static_cast<std::size_t>(offsets.back()), 0), after = before;
  const auto step = static_cast<std::int64_t>(dilation);
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
    for (std::int64_t r = offsets[i]; r < offsets[i + 1]; ++r) {
      if (r - step >= offsets[i]) before[static_cast<std::size_t>(r)] = r - step + 1;
      if (r + step < offsets[i + 1]) after[static_cast<std::size_t>(r)] = r + step + 1;
    }
  return torch::cat({padded.index_select(0, index_tensor(before)), rows, padded.index_select(0, index_tensor(after))},
                    1);
}

Tensor TorchBackend::last_row(const Tensor& rows, const networks::Offsets& offsets) {
  const Tensor padded = torch::cat({torch::zeros({1, rows.size(1)}, rows.options()), rows}, 0);
  std::vector<std::int64_t> last;
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) last.push_back(offsets[i + 1] > offsets[i] ? offsets[i + 1] : 0);
  return padded.index_select(0, index_tensor(last));
}

Tensor TorchBackend::spline(const Tensor& x, const Tensor& numbers, std::size_t bins, Tensor& log_slope) {
  const variable_list result = Spline::apply(x, numbers, static_cast<std::int64_t>(bins));
  log_slope = log_slope + result[1].sum(1, true);
  return result[0];
}

} // namespace sibyl::training
