#include "runtime/posterior/network_posterior.hpp"

#include "runtime/networks/catalogue.hpp"
#include "runtime/networks/eigen_backend.hpp"
#include "runtime/networks/normal_draws.hpp"
#include "runtime/networks/posterior_families.hpp"
#include "runtime/networks/summary_networks.hpp"

#include <algorithm>

namespace sibyl {

namespace {

using Matrix = EigenBackend::Tensor;

Matrix matrix(const std::vector<float>& values, std::size_t rows, std::size_t columns) {
  return Eigen::Map<const Matrix>(values.data(), static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns));
}

} // namespace

NetworkConfig network_config(const InferenceSetup& setup, const std::string& family) {
  NetworkConfig config;
  config.family = family;
  config.dimension = setup.parameter_count;
  config.direct_width = setup.encoder.direct_width();
  for (std::size_t i = 0; i < setup.encoder.plan().sources.size(); ++i)
    config.sources.push_back({setup.encoder.plan().sources[i].network, setup.encoder.source_width(i)});
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
  const Matrix given = Eigen::Map<const Matrix>(summary, 1, static_cast<Eigen::Index>(summary_size()));
  networks::visit_family(config_.family, [&](auto family) {
    const Matrix context = family.context(backend, config_, given, summary_size());
    NormalDraws normal(seed);
    constexpr std::size_t most = 1024; // rows at a time: they stay in the cache
    for (std::size_t begin = 0; begin < count; begin += most) {
      const std::size_t rows = std::min(most, count - begin);
      Matrix base = backend.zeros(rows, config_.dimension), density;
      for (Eigen::Index i = 0; i < base.size(); ++i) base.data()[i] = normal.next();
      const Matrix drawn = family.sample(backend, config_, base, context, log_density ? &density : nullptr);
      std::copy_n(drawn.data(), drawn.size(), z + begin * config_.dimension);
      if (log_density) std::copy_n(density.data(), rows, log_density + begin);
    }
  });
}

// What is trained by its density has it at hand; elsewhere it takes many evaluations.
bool NetworkPosterior::has_cheap_density() const {
  return find_posterior_family(config_.family).loss_is_negative_log_density;
}

void NetworkPosterior::log_density(const float* summary, std::size_t count, const double* z,
                                   double* log_density) const {
  EigenBackend backend(weights_);
  const Matrix given = Eigen::Map<const Matrix>(summary, 1, static_cast<Eigen::Index>(summary_size()));
  const Matrix points = Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
                            z, static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(config_.dimension))
                            .cast<float>();
  networks::visit_family(config_.family, [&](auto family) {
    const Matrix context = family.context(backend, config_, given, summary_size());
    const Matrix density = family.log_density(backend, config_, points, context);
    std::copy_n(density.data(), count, log_density);
  });
}

} // namespace sibyl
