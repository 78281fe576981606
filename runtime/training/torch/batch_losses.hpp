// The losses of a batch and the gradient of their mean, on several threads: each has a part of the data sets, a backend
// over the same weights, and a gradient of its own. Networks are small: dividing single matrix products between
// threads, as LibTorch does, takes longer than it saves.
#pragma once

#include "runtime/training/torch/torch_backend.hpp"
#include "runtime/training/training_interface.hpp"

#include <map>
#include <string>
#include <vector>

namespace sibyl::training {

// Losses beyond what any fitted posterior gives count by their logarithm: a parameter drawn from a Cauchy distribution
// may start a million nats away, and would otherwise drown all other data sets for as long as it does.
double temper_limit(const NetworkConfig& config);
torch::Tensor tempered(const NetworkConfig& config, const torch::Tensor& losses);

class BatchLosses {
 public:
  // The weights are made here, as the job's seed decides.
  explicit BatchLosses(const TrainingJob& job);

  TorchBackend& backend() { return workers_.front().backend; }
  // All of them in one vector, a leaf.
  const torch::Tensor& weights() const { return weights_; }

  // The mean tempered loss; its gradient replaces that of the weights where it is finite. `seed` decides the family's
  // random numbers, so that a step can be repeated. Seconds go to `times`.
  double gradient(const NetworkBatch& batch, std::uint64_t seed, StepTimes& times);
  // The same on an accelerator, which is not waited for: the loss is a tensor there, and the gradient is no number
  // where the loss is none.
  torch::Tensor queue_gradient(const NetworkBatch& batch, std::uint64_t seed);
  // The data sets of the last batch that `gradient` had whose losses were finite.
  NetworkBatch with_finite_losses(const NetworkBatch& batch) const;

  // By data set, untempered, without gradients, of the batches one after the other, with these parameters.
  torch::Tensor evaluate(const std::vector<NetworkBatch>& batches,
                         const std::map<std::string, torch::Tensor>& parameters, std::uint64_t first_seed);

 private:
  struct Worker {
    TorchBackend backend;
    torch::Tensor gradient; // of all weights; the first one's is that of `weights_` itself
    torch::Tensor losses;   // of its part of the last batch
    double sum = 0;         // of the tempered ones
  };

  template <typename Work> void on_all(const Work& work); // work(worker's number)

  const TrainingJob& job_;
  std::vector<Worker> workers_;
  torch::Tensor weights_;
};

} // namespace sibyl::training
