#include "runtime/training/torch/queued_steps.hpp"

#include <torch/utils.h>

#include <utility>

namespace sibyl::training {

using torch::Tensor;

namespace {

std::size_t numbers_of(const NetworkBatch& batch) {
  std::size_t count = batch.direct.size() + batch.z.size();
  for (const RowsBatch& source : batch.sources) count += source.rows.size();
  return count;
}

} // namespace

QueuedSteps::QueuedSteps(torch::optim::AdamW& optimizer, const Tensor& weights)
    : optimizer_(optimizer), weights_(weights),
      outcomes_(torch::zeros({static_cast<std::int64_t>(most_), 2}, weights.options().requires_grad(false))) {}

std::vector<Tensor> QueuedSteps::moments() const {
  if (optimizer_.state().empty()) return {};
  auto& state = static_cast<torch::optim::AdamWParamState&>(*optimizer_.state().begin()->second);
  return {state.exp_avg(), state.exp_avg_sq()};
}

void QueuedSteps::add(NetworkBatch batch, const Tensor& loss, double gradient_clip, const Tensor& averaged,
                      double share) {
  torch::NoGradGuard no_gradients;
  Tensor gradient = weights_.grad();
  const Tensor norm = gradient.norm(), is_finite = torch::isfinite(loss + norm);
  gradient.mul_((gradient_clip / (norm + 1e-6)).clamp_max(1));
  const Tensor weights = weights_.clone();
  std::vector<Tensor> before;
  for (const Tensor& moment : moments()) before.push_back(moment.clone());
  optimizer_.step();
  std::vector<Tensor> after = moments();
  if (before.empty()) before.assign(after.size(), torch::zeros_like(weights));
  before.push_back(weights);
  after.push_back(weights_);
  for (std::size_t i = 0; i < after.size(); ++i) after[i].copy_(torch::where(is_finite, after[i], before[i]));
  averaged.lerp_(weights_, is_finite.to(torch::kFloat32) * share);
  outcomes_.select(0, static_cast<std::int64_t>(batches_.size()))
      .copy_(torch::stack({loss.to(torch::kFloat32), is_finite.to(torch::kFloat32)}));
  kept_numbers_ += numbers_of(batch);
  batches_.push_back(std::move(batch));
}

std::vector<QueuedSteps::Outcome> QueuedSteps::settle() {
  std::vector<Outcome> result;
  if (batches_.empty()) return result;
  const Tensor outcomes =
      outcomes_.narrow(0, 0, static_cast<std::int64_t>(batches_.size())).to(torch::kCPU).contiguous();
  const float* values = outcomes.data_ptr<float>();
  std::int64_t undone = 0;
  for (std::size_t i = 0; i < batches_.size(); ++i) {
    const bool is_done = values[2 * i + 1] != 0;
    if (!is_done) ++undone;
    result.push_back({std::move(batches_[i]), is_done, static_cast<double>(values[2 * i])});
  }
  // The optimizer has counted them all.
  auto& state = static_cast<torch::optim::AdamWParamState&>(*optimizer_.state().begin()->second);
  state.step(state.step() - undone);
  batches_.clear();
  kept_numbers_ = 0;
  return result;
}

} // namespace sibyl::training
