#include "runtime/posterior/network_posterior.hpp"

#include "runtime/networks/eigen_backend.hpp"
#include "runtime/networks/normal_draws.hpp"

#include <cmath>
#include <numbers>

namespace sibyl {

namespace {

using Matrix = EigenBackend::Tensor;

Matrix matrix(const std::vector<float>& values, std::size_t rows, std::size_t columns) {
  return Eigen::Map<const Matrix>(values.data(), static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns));
}

const char* network_name(SummaryKind kind) {
  switch (kind) {
  case SummaryKind::sequence: return "sequence";
  case SummaryKind::mlp: return "mlp";
  default: return "set";
  }
}

// The log density of a standard normal row.
double standard_normal(const Eigen::Ref<const Eigen::RowVectorXf>& row) {
  return -0.5 *
         (static_cast<double>(row.squaredNorm()) + static_cast<double>(row.size()) * std::log(2 * std::numbers::pi));
}

} // namespace

NetworkConfig network_config(const InferenceSetup& setup) {
  NetworkConfig config;
  config.dimension = setup.parameter_count;
  config.direct_width = setup.encoder.direct_width();
  for (std::size_t i = 0; i < setup.encoder.plan().sources.size(); ++i)
    config.sources.push_back({network_name(setup.encoder.plan().sources[i].kind), setup.encoder.source_width(i)});
  return config;
}

NetworkBatch network_batch(const EncodedBatch& inputs) {
  NetworkBatch batch;
  batch.count = inputs.count;
  batch.direct_width = inputs.direct_width;
  batch.direct = inputs.direct;
  for (const EncodedSource& source : inputs.sources) {
    RowsBatch rows;
    rows.width = source.width;
    for (std::size_t i = 0; i < inputs.count; ++i) {
      const auto first = source.rows.begin() + static_cast<std::ptrdiff_t>(i * source.row_capacity * source.width);
      rows.rows.insert(rows.rows.end(), first,
                       first + static_cast<std::ptrdiff_t>(source.row_counts[i]) *
                                   static_cast<std::ptrdiff_t>(source.width));
      rows.offsets.push_back(rows.offsets.back() + source.row_counts[i]);
    }
    batch.sources.push_back(std::move(rows));
  }
  return batch;
}

std::size_t NetworkPosterior::summary_size() const { return networks::summary_size(config_); }

std::vector<float> NetworkPosterior::summarize(const EncodedBatch& inputs) const {
  const NetworkBatch batch = network_batch(inputs);
  EigenBackend backend(weights_);
  std::vector<Matrix> rows;
  std::vector<const networks::Offsets*> offsets;
  for (const RowsBatch& source : batch.sources) {
    rows.push_back(matrix(source.rows, static_cast<std::size_t>(source.offsets.back()), source.width));
    offsets.push_back(&source.offsets);
  }
  const Matrix summary =
      networks::summarize(backend, config_, matrix(batch.direct, batch.count, batch.direct_width), rows, offsets);
  return {summary.data(), summary.data() + summary.size()};
}

void NetworkPosterior::sample(const float* summary, std::size_t count, std::uint64_t seed, double* z,
                              double* log_density) const {
  EigenBackend backend(weights_);
  const Eigen::Map<const Matrix> given(summary, 1, static_cast<Eigen::Index>(summary_size()));
  const Matrix context = networks::flow_context(backend, config_, Matrix(given));
  NormalDraws normal(seed);
  constexpr std::size_t most = 1024; // rows at a time: they stay in the cache
  for (std::size_t begin = 0; begin < count; begin += most) {
    const auto rows = static_cast<Eigen::Index>(std::min(most, count - begin));
    Matrix base(rows, static_cast<Eigen::Index>(config_.dimension));
    for (Eigen::Index i = 0; i < base.size(); ++i) base.data()[i] = normal.next();
    Matrix log_slope = Matrix::Zero(rows, 1);
    const Matrix drawn = networks::flow_inverse(backend, config_, base, context, log_slope);
    for (Eigen::Index r = 0; r < rows; ++r) {
      const std::size_t row = begin + static_cast<std::size_t>(r);
      for (std::size_t p = 0; p < config_.dimension; ++p)
        z[row * config_.dimension + p] = drawn(r, static_cast<Eigen::Index>(p));
      if (log_density) log_density[row] = standard_normal(base.row(r)) + static_cast<double>(log_slope(r, 0));
    }
  }
}

void NetworkPosterior::log_density(const float* summary, std::size_t count, const double* z,
                                   double* log_density) const {
  EigenBackend backend(weights_);
  const Eigen::Map<const Matrix> given(summary, 1, static_cast<Eigen::Index>(summary_size()));
  const Matrix context =
      networks::flow_context(backend, config_, Matrix(given)).replicate(static_cast<Eigen::Index>(count), 1);
  const Matrix points = Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
                            z, static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(config_.dimension))
                            .cast<float>();
  Matrix log_slope = Matrix::Zero(points.rows(), 1);
  const Matrix base = networks::flow_forward(backend, config_, points, context, log_slope);
  for (std::size_t i = 0; i < count; ++i)
    log_density[i] = standard_normal(base.row(static_cast<Eigen::Index>(i))) +
                     static_cast<double>(log_slope(static_cast<Eigen::Index>(i), 0));
}

} // namespace sibyl
