// Steps of the optimizer on an accelerator, which the processor does not wait for.
//
// Whether a step's loss and gradient are finite is known to the device alone for a while, so it decides by itself: a
// step that is not finite leaves weights, averages and the optimizer's moments as they were. The processor learns some
// steps later what came of them, and has kept the batches of those that came to nothing.
#pragma once

#include "runtime/networks/batch.hpp"

#include <torch/optim/adamw.h>
#include <torch/types.h>

#include <cstddef>
#include <vector>

namespace sibyl::training {

class QueuedSteps {
 public:
  // `optimizer` has one tensor, `weights`; both outlive this object.
  QueuedSteps(torch::optim::AdamW& optimizer, const torch::Tensor& weights);

  // A step along the weights' gradient, no longer than `gradient_clip`; `averaged` then goes a share of the way to the
  // weights. `loss` has no dimensions.
  void add(NetworkBatch batch, const torch::Tensor& loss, double gradient_clip, const torch::Tensor& averaged,
           double share);

  // As many as should wait for their outcome: twenty, or fewer where their batches are large.
  bool is_full() const { return batches_.size() >= most_ || kept_numbers_ >= most_numbers_; }

  struct Outcome {
    NetworkBatch batch;
    bool is_done; // otherwise the step was not finite and changed nothing
    double loss;
  };
  // Of the steps since the last call, in their order. Waits for the device.
  std::vector<Outcome> settle();

 private:
  static constexpr std::size_t most_ = 20, most_numbers_ = std::size_t{1} << 26; // 256 MiB

  // The two moments; undefined before the first step.
  std::vector<torch::Tensor> moments() const;

  torch::optim::AdamW& optimizer_;
  torch::Tensor weights_;
  torch::Tensor outcomes_; // [steps, 2] on the device: loss, whether it was done
  std::vector<NetworkBatch> batches_;
  std::size_t kept_numbers_ = 0;
};

} // namespace sibyl::training
