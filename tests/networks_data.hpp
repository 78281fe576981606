// Small networks, weights and batches for the tests of networks and training.
#pragma once

#include "runtime/networks/eigen_backend.hpp"
#include "runtime/networks/networks.hpp"

#include <cmath>
#include <numbers>
#include <random>

namespace sibyl::test {

// Declares what a network asks for: a backend that evaluates with weights it makes up, none of them zero.
class RandomWeights {
 public:
  using Tensor = EigenBackend::Tensor;

  explicit RandomWeights(const NetworkConfig& config, unsigned seed = 1, float spread = 0.3f) : random_(seed) {
    const std::size_t context = networks::summary_size(config);
    add("flow.context.1", context, config.hidden, 1 / std::sqrt(static_cast<float>(context)));
    add("flow.context.2", config.hidden, config.hidden, 0.1f);
    for (std::size_t l = 0; l < config.layers; ++l) {
      std::vector<std::size_t> passive, active;
      networks::split(config.dimension, l, passive, active);
      const std::string name = "flow." + std::to_string(l);
      add(name + ".1", passive.size() + config.hidden, config.hidden, 0.1f);
      add(name + ".2", config.hidden, config.hidden, 0.1f);
      add(name + ".numbers", config.hidden, active.size() * spline::numbers_per_value(config.bins), spread);
    }
  }
  const Weights& weights() const { return weights_; }

 private:
  void add(const std::string& name, std::size_t rows, std::size_t columns, float scale) {
    for (const auto& [part, height] : {std::pair{".weight", rows}, std::pair{".bias", std::size_t{1}}}) {
      WeightTensor tensor{height, columns, std::vector<float>(height * columns)};
      for (float& value : tensor.values) value = scale * normal_(random_);
      weights_[name + part] = std::move(tensor);
    }
  }
  std::mt19937 random_;
  std::normal_distribution<float> normal_;
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
  const auto context = networks::flow_context(backend, config, summaries(config, weights, batch));
  EigenBackend::Tensor slope = EigenBackend::Tensor::Zero(static_cast<Eigen::Index>(batch.count), 1);
  const auto base =
      networks::flow_forward(backend, config, matrix(batch.z, batch.count, config.dimension), context, slope);
  std::vector<double> result;
  for (Eigen::Index i = 0; i < base.rows(); ++i)
    result.push_back(-0.5 * static_cast<double>(base.row(i).squaredNorm()) + static_cast<double>(slope(i, 0)) -
                     0.5 * static_cast<double>(config.dimension) * std::log(2 * std::numbers::pi));
  return result;
}

} // namespace sibyl::test
