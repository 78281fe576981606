#include "runtime/frames/frame.hpp"

#include "lang/errors.hpp"
#include "runtime/frames/small_matrix.hpp"
#include "runtime/frames/winsorize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sibyl {

namespace {

double log_diagonal_sum(const double* factor, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += std::log(factor[i * n + i]);
  return sum;
}

} // namespace

void FrameBatch::to_frame(std::size_t data_set, const double* theta, double* z) const {
  for (std::size_t p = 0; p < dimension; ++p) z[p] = theta[p] - center[data_set * dimension + p];
  small_matrix::multiply_transposed(factor.data() + data_set * dimension * dimension, z, dimension);
}

void FrameBatch::append(const FrameBatch& more) {
  if (count == 0) {
    *this = more;
    return;
  }
  count += more.count;
  const auto add = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  add(center, more.center);
  add(factor, more.factor);
  add(log_determinant, more.log_determinant);
  add(objective, more.objective);
  add(converged, more.converged);
  add(views, more.views);
}

void FrameBatch::from_frame(std::size_t data_set, const double* z, double* theta) const {
  std::copy_n(z, dimension, theta);
  small_matrix::solve_lower_transposed(factor.data() + data_set * dimension * dimension, theta, dimension);
  for (std::size_t p = 0; p < dimension; ++p) theta[p] += center[data_set * dimension + p];
}

PriorFrame PriorFrame::from_draws(std::span<const double> draws, const ParameterSpace& space) {
  const std::size_t n = sibyl::dimension(space), count = draws.size() / n;
  std::vector<std::vector<double>> columns(n, std::vector<double>(count));
  PriorFrame frame;
  for (std::size_t p = 0; p < n; ++p) {
    for (std::size_t i = 0; i < count; ++i) columns[p][i] = draws[i * n + p];
    // An infinite value is a parameter at its bound to machine precision.
    std::erase_if(columns[p], [](double value) { return !std::isfinite(value); });
    if (columns[p].size() < std::max<std::size_t>(2, count / 2))
      throw RuntimeError(fmt::format("{} is not finite in most prior draws, unconstrained", owner(space, p)));
    const double usual = columns[p][columns[p].size() / 2];
    columns[p].resize(count, usual);
    winsorize(columns[p]);
    double sum = 0;
    for (const double value : columns[p]) sum += value;
    frame.center.push_back(sum / static_cast<double>(count));
  }
  std::vector<double> covariance(n * n, 0);
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t q = 0; q <= p; ++q) {
      double sum = 0;
      for (std::size_t i = 0; i < count; ++i)
        sum += (columns[p][i] - frame.center[p]) * (columns[q][i] - frame.center[q]);
      covariance[p * n + q] = covariance[q * n + p] = sum / static_cast<double>(count - 1);
    }
  for (std::size_t p = 0; p < n; ++p) {
    if (!(covariance[p * n + p] > 0))
      throw RuntimeError(fmt::format("{} has the same value in all prior draws", owner(space, p)));
    covariance[p * n + p] *= 1 + 1e-6; // parameters that determine each other must not make it singular
  }
  // The precision is C^-T C^-1 with the covariance C C^T.
  if (!small_matrix::cholesky(covariance.data(), n)) throw RuntimeError("the prior draws' covariance is singular");
  std::vector<double> inverse(n * n, 0); // C^-1, row-major
  for (std::size_t column = 0; column < n; ++column) {
    std::vector<double> unit(n, 0);
    unit[column] = 1;
    small_matrix::solve_lower(covariance.data(), unit.data(), n);
    for (std::size_t row = 0; row < n; ++row) inverse[row * n + column] = unit[row];
  }
  frame.factor.assign(n * n, 0);
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t q = 0; q < n; ++q)
      for (std::size_t k = 0; k < n; ++k) frame.factor[p * n + q] += inverse[k * n + p] * inverse[k * n + q];
  if (!small_matrix::cholesky(frame.factor.data(), n)) throw RuntimeError("the prior draws' precision is singular");
  return frame;
}

FrameBatch PriorFrame::repeat(std::size_t count) const {
  FrameBatch frames;
  frames.count = count;
  frames.dimension = dimension();
  for (std::size_t i = 0; i < count; ++i) {
    frames.center.insert(frames.center.end(), center.begin(), center.end());
    frames.factor.insert(frames.factor.end(), factor.begin(), factor.end());
  }
  frames.log_determinant.assign(count, log_diagonal_sum(factor.data(), dimension()));
  frames.objective.assign(count, 0);
  frames.converged.assign(count, 1);
  return frames;
}

namespace {

constexpr std::string_view kind_names[] = {"prior", "laplace", "refined", "variational"};

} // namespace

std::string_view name_of(FrameKind kind) { return kind_names[static_cast<std::size_t>(kind)]; }

std::optional<FrameKind> frame_kind_named(std::string_view name) {
  const auto found = std::find(std::begin(kind_names), std::end(kind_names), name);
  if (found == std::end(kind_names)) return std::nullopt;
  return static_cast<FrameKind>(found - std::begin(kind_names));
}

std::size_t frame_context_size(FrameKind kind, std::size_t dimension) {
  if (kind == FrameKind::prior) return 0;
  const std::size_t correlations = dimension <= largest_correlated_dimension ? dimension * (dimension - 1) / 2 : 0;
  return 2 * dimension + correlations + 2;
}

void write_frame_context(const PriorFrame& prior, const FrameBatch& frames, std::size_t data_set, double value_count,
                         float* context) {
  const std::size_t n = frames.dimension;
  const double* center = frames.center.data() + data_set * n;
  const double* factor = frames.factor.data() + data_set * n * n;
  std::vector<double> work(n);
  for (std::size_t p = 0; p < n; ++p) work[p] = center[p] - prior.center[p];
  small_matrix::multiply_transposed(prior.factor.data(), work.data(), n);
  for (std::size_t p = 0; p < n; ++p) *context++ = static_cast<float>(work[p]);
  for (std::size_t p = 0; p < n; ++p)
    *context++ = static_cast<float>(std::log(factor[p * n + p]) - std::log(prior.factor[p * n + p]));
  if (n <= largest_correlated_dimension) {
    // Rows of L^-T: their inner products are the posterior covariance.
    std::vector<double> roots(n * n);
    for (std::size_t column = 0; column < n; ++column) {
      std::fill(work.begin(), work.end(), 0);
      work[column] = 1;
      small_matrix::solve_lower_transposed(factor, work.data(), n);
      for (std::size_t row = 0; row < n; ++row) roots[row * n + column] = work[row];
    }
    const auto product = [&](std::size_t p, std::size_t q) {
      double sum = 0;
      for (std::size_t k = 0; k < n; ++k) sum += roots[p * n + k] * roots[q * n + k];
      return sum;
    };
    for (std::size_t p = 0; p < n; ++p) work[p] = std::sqrt(product(p, p));
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t q = 0; q < p; ++q) *context++ = static_cast<float>(product(p, q) / (work[p] * work[q]));
  }
  const double objective = frames.objective[data_set];
  // Logarithmic in its tails: densities of data close to noise-free grow without limit.
  *context++ = static_cast<float>(std::asinh(objective / std::max(1.0, value_count)));
  *context++ = frames.converged[data_set] ? 1.0f : 0.0f;
}

} // namespace sibyl
