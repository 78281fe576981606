#include "runtime/networks/eigen_backend.hpp"

#include "lang/errors.hpp"
#include "runtime/networks/dense.hpp"
#include "runtime/networks/spline.hpp"

#include <algorithm>

namespace sibyl {

using Tensor = EigenBackend::Tensor;
using networks::Offsets;

namespace {

// One row as often as wanted. Eigen's `replicate` divides for the place of every single number.
template <typename Row>
Tensor repeat(const Row& row, Eigen::Index count) {
  Tensor result(count, row.cols());
  for (Eigen::Index i = 0; i < count; ++i) std::copy_n(row.data(), row.cols(), result.data() + i * row.cols());
  return result;
}

// result += x weight
void multiply_into(const Tensor& x, const float* weight, Tensor& result) {
  dense::accumulate(static_cast<std::size_t>(x.rows()), static_cast<std::size_t>(x.cols()),
                    static_cast<std::size_t>(result.cols()), x.data(), weight, result.data());
}

} // namespace

Eigen::Map<const Tensor> EigenBackend::parameter(const std::string& name, std::size_t rows, std::size_t columns,
                                                 networks::Initial) const {
  const auto found = weights_.find(name);
  if (found == weights_.end()) throw UserError("the sampler file is damaged: it has no tensor " + name);
  if (found->second.rows != rows || found->second.columns != columns)
    throw UserError("the sampler file is damaged: the tensor " + name + " has another shape");
  return {found->second.values.data(), static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns)};
}

Tensor EigenBackend::linear(const Tensor& x, const Eigen::Map<const Tensor>& weight,
                            const Eigen::Map<const Tensor>& bias) const {
  Tensor result = repeat(bias, x.rows());
  multiply_into(x, weight.data(), result);
  return result;
}

Tensor EigenBackend::joint_linear(const Tensor& x, const Tensor& y, const Eigen::Map<const Tensor>& weight,
                                  const Eigen::Map<const Tensor>& bias) const {
  Tensor own = repeat(bias, y.rows());
  multiply_into(y, weight.data() + x.cols() * weight.cols(), own);
  Tensor result = y.rows() == x.rows() ? std::move(own) : repeat(own, x.rows());
  multiply_into(x, weight.data(), result);
  return result;
}

Tensor EigenBackend::activate(Tensor x) const {
  dense::activate(static_cast<std::size_t>(x.size()), x.data());
  return x;
}

Tensor EigenBackend::product(const Tensor& x, const Eigen::Map<const Tensor>& weight) const {
  Tensor result = Tensor::Zero(x.rows(), weight.cols());
  multiply_into(x, weight.data(), result);
  return result;
}

Tensor EigenBackend::activation_slope(const Tensor& x) const {
  const Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> sigmoid = 1 / (1 + (-x.array()).exp());
  return sigmoid * (1 + x.array() * (1 - sigmoid));
}

Tensor EigenBackend::constant(std::size_t rows, std::size_t columns, const std::vector<float>& values) const {
  return Eigen::Map<const Tensor>(values.data(), static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns));
}

Tensor EigenBackend::zeros(std::size_t rows, std::size_t columns) const {
  return Tensor::Zero(static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns));
}

Tensor EigenBackend::concatenate(const std::vector<Tensor>& parts) const {
  Eigen::Index width = 0;
  for (const Tensor& part : parts) width += part.cols();
  Tensor result(parts.front().rows(), width);
  Eigen::Index at = 0;
  for (const Tensor& part : parts) {
    result.middleCols(at, part.cols()) = part;
    at += part.cols();
  }
  return result;
}

Tensor EigenBackend::columns(const Tensor& x, const std::vector<std::size_t>& indexes) const {
  Tensor result(x.rows(), static_cast<Eigen::Index>(indexes.size()));
  for (std::size_t i = 0; i < indexes.size(); ++i)
    result.col(static_cast<Eigen::Index>(i)) = x.col(static_cast<Eigen::Index>(indexes[i]));
  return result;
}

Tensor EigenBackend::merge(const Tensor& x, const std::vector<std::size_t>& at, const Tensor& y,
                           const std::vector<std::size_t>& there) const {
  Tensor result(y.rows(), static_cast<Eigen::Index>(at.size() + there.size()));
  for (std::size_t i = 0; i < at.size(); ++i)
    result.col(static_cast<Eigen::Index>(at[i])) = x.col(static_cast<Eigen::Index>(i));
  for (std::size_t i = 0; i < there.size(); ++i)
    result.col(static_cast<Eigen::Index>(there[i])) = y.col(static_cast<Eigen::Index>(i));
  return result;
}

Tensor EigenBackend::segment_mean(const Tensor& rows, const Offsets& offsets) const {
  Tensor result = Tensor::Zero(static_cast<Eigen::Index>(offsets.size()) - 1, rows.cols());
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    const Eigen::Index count = offsets[i + 1] - offsets[i];
    if (count > 0) result.row(static_cast<Eigen::Index>(i)) = rows.middleRows(offsets[i], count).colwise().mean();
  }
  return result;
}

Tensor EigenBackend::segment_attention(const Tensor& rows, const Tensor& scores, const Offsets& offsets) const {
  Tensor result = Tensor::Zero(static_cast<Eigen::Index>(offsets.size()) - 1, rows.cols() * scores.cols());
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    const Eigen::Index count = offsets[i + 1] - offsets[i];
    if (count == 0) continue;
    const auto own = rows.middleRows(offsets[i], count);
    for (Eigen::Index q = 0; q < scores.cols(); ++q) {
      const Eigen::VectorXf score = scores.col(q).segment(offsets[i], count);
      const Eigen::VectorXf weight = (score.array() - score.maxCoeff()).exp();
      result.row(static_cast<Eigen::Index>(i)).segment(q * rows.cols(), rows.cols()) =
          weight.transpose() * own / weight.sum();
    }
  }
  return result;
}

Tensor EigenBackend::expand(const Tensor& x, const Offsets& offsets) const {
  Tensor result(offsets.back(), x.cols());
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
    result.middleRows(offsets[i], offsets[i + 1] - offsets[i]).rowwise() = x.row(static_cast<Eigen::Index>(i));
  return result;
}

Tensor EigenBackend::window(const Tensor& rows, const Offsets& offsets, std::size_t dilation) const {
  const Eigen::Index width = rows.cols(), step = static_cast<Eigen::Index>(dilation);
  Tensor result = Tensor::Zero(rows.rows(), 3 * width);
  result.middleCols(width, width) = rows;
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    const Eigen::Index begin = offsets[i], moved = offsets[i + 1] - begin - step;
    if (moved <= 0) continue;
    result.block(begin + step, 0, moved, width) = rows.middleRows(begin, moved);
    result.block(begin, 2 * width, moved, width) = rows.middleRows(begin + step, moved);
  }
  return result;
}

Tensor EigenBackend::last_row(const Tensor& rows, const Offsets& offsets) const {
  Tensor result = Tensor::Zero(static_cast<Eigen::Index>(offsets.size()) - 1, rows.cols());
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
    if (offsets[i + 1] > offsets[i]) result.row(static_cast<Eigen::Index>(i)) = rows.row(offsets[i + 1] - 1);
  return result;
}

namespace {

using Kernel = void (*)(std::size_t, std::size_t, const float*, const float*, float*, float*);

Tensor mapped(Kernel kernel, const Tensor& x, const Tensor& numbers, std::size_t bins, Tensor& log_slope) {
  Tensor y(x.rows(), x.cols()), slopes(x.rows(), x.cols());
  kernel(static_cast<std::size_t>(x.size()), bins, x.data(), numbers.data(), y.data(), slopes.data());
  log_slope.col(0) += slopes.rowwise().sum();
  return y;
}

} // namespace

Tensor EigenBackend::spline(const Tensor& x, const Tensor& numbers, std::size_t bins, Tensor& log_slope) const {
  return mapped(spline::forward, x, numbers, bins, log_slope);
}

Tensor EigenBackend::inverse_spline(const Tensor& y, const Tensor& numbers, std::size_t bins, Tensor& log_slope) const {
  return mapped(spline::inverse, y, numbers, bins, log_slope);
}

} // namespace sibyl
