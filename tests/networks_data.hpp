// Small networks, weights and batches for the tests of networks and training.
#pragma once

#include "runtime/networks/batch.hpp"
#include "runtime/networks/eigen_backend.hpp"
#include "runtime/networks/posterior_families.hpp"
#include "runtime/networks/summary_networks.hpp"

#include <random>

namespace sibyl::test {

// The backend that evaluates, with each weight made up when it is first asked for; none is zero.
class MadeUpWeights : public EigenBackend {
 public:
  // `spread` is the size of the weights that training would start from zero, those of outputs.
  explicit MadeUpWeights(unsigned seed = 1, float spread = 0.1f)
      : EigenBackend(made_), random_(seed), spread_(spread) {}

  Eigen::Map<const Tensor> parameter(const std::string& name, std::size_t rows, std::size_t columns,
                                     networks::Initial initial) {
    WeightTensor& tensor = made_[name];
    tensor.rows = rows;
    tensor.columns = columns;
    const float scale = initial == networks::Initial::zero && rows > 1 ? spread_ : 0.1f;
    while (tensor.values.size() < rows * columns) tensor.values.push_back(scale * normal_(random_));
    return EigenBackend::parameter(name, rows, columns, initial);
  }
  const Weights& weights() const { return made_; }

 private:
  Weights made_;
  std::mt19937 random_;
  std::normal_distribution<float> normal_;
  float spread_;
};

// Made-up weights for a network of any family.
class RandomWeights {
 public:
  explicit RandomWeights(const NetworkConfig& config, unsigned seed = 1, float spread = 0.3f) {
    MadeUpWeights backend(seed, spread);
    networks::visit_family(config.family, [&](auto family) {
      const std::size_t conditions = networks::summary_size(config);
      const auto context = family.context(backend, config, backend.zeros(1, conditions), conditions);
      family.log_density(backend, config, backend.zeros(1, config.dimension), context);
    });
    weights_ = backend.weights();
  }
  const Weights& weights() const { return weights_; }

 private:
  Weights weights_;
};

inline std::vector<float> normals(std::size_t count, unsigned seed, float scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// Data sets of the given numbers of rows for each source, filled with standard normals.
inline NetworkBatch random_batch(const NetworkConfig& config, const std::vector<std::int64_t>& row_counts,
                                 unsigned seed) {
  NetworkBatch batch;
  batch.count = row_counts.size();
  batch.direct_width = config.direct_width;
  batch.direct = normals(batch.count * config.direct_width, seed);
  batch.dimension = config.dimension;
  batch.z = normals(batch.count * config.dimension, seed + 1);
  for (const SourceConfig& source : config.sources) {
    RowsBatch rows;
    rows.width = source.width;
    for (const std::int64_t count : row_counts)
      rows.offsets.push_back(rows.offsets.back() + (source.network == "mlp" ? 1 : count));
    rows.rows = normals(static_cast<std::size_t>(rows.offsets.back()) * source.width, seed + 2);
    batch.sources.push_back(std::move(rows));
  }
  return batch;
}

inline EigenBackend::Tensor matrix(const std::vector<float>& values, std::size_t rows, std::size_t columns) {
  return Eigen::Map<const EigenBackend::Tensor>(values.data(), static_cast<Eigen::Index>(rows),
                                                static_cast<Eigen::Index>(columns));
}

inline EigenBackend::Tensor summaries(const NetworkConfig& config, const Weights& weights, const NetworkBatch& batch) {
  EigenBackend backend(weights);
  std::vector<EigenBackend::Tensor> rows;
  std::vector<const networks::Offsets*> offsets;
  for (const RowsBatch& source : batch.sources) {
    rows.push_back(matrix(source.rows, static_cast<std::size_t>(source.offsets.back()), source.width));
    offsets.push_back(&source.offsets);
  }
  return networks::summarize(backend, config, matrix(batch.direct, batch.count, batch.direct_width), rows, offsets);
}

// log q(z | data) of each data set, by the Eigen backend.
inline std::vector<double> log_densities(const NetworkConfig& config, const Weights& weights,
                                         const NetworkBatch& batch) {
  EigenBackend backend(weights);
  EigenBackend::Tensor density;
  networks::visit_family(config.family, [&](auto family) {
    const auto context =
        family.context(backend, config, summaries(config, weights, batch), networks::summary_size(config));
    density = family.log_density(backend, config, matrix(batch.z, batch.count, config.dimension), context);
  });
  return {density.data(), density.data() + density.size()};
}

} // namespace sibyl::test
