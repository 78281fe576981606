// The networks as a FramePosterior: evaluated by the Eigen backend, so that sampling needs no LibTorch.
#pragma once

#include "runtime/networks/batch.hpp"
#include "runtime/networks/network_config.hpp"
#include "runtime/networks/weights.hpp"
#include "runtime/posterior/frame_posterior.hpp"
#include "runtime/posterior/setup.hpp"

namespace sibyl {

// The networks' shape for a setup: one summary network for each source, of the kind that the input plan chose.
NetworkConfig network_config(const InferenceSetup& setup, const std::string& family);

// Encoded inputs without padding; z is left empty.
NetworkBatch network_batch(const EncodedBatch& inputs);

class NetworkPosterior : public FramePosterior {
 public:
  NetworkPosterior(NetworkConfig config, Weights weights) : config_(std::move(config)), weights_(std::move(weights)) {}

  std::size_t summary_size() const override;
  std::vector<float> summarize(const EncodedBatch& inputs) const override;
  void sample(const float* summary, std::size_t count, std::uint64_t seed, double* z,
              double* log_density) const override;
  bool has_cheap_density() const override;
  void log_density(const float* summary, std::size_t count, const double* z, double* log_density) const override;

 private:
  NetworkConfig config_;
  Weights weights_;
};

} // namespace sibyl
