#include "runtime/training/torch/batch_losses.hpp"

#include "lang/errors.hpp"
#include "runtime/networks/classifier.hpp"
#include "runtime/networks/posterior_families.hpp"
#include "runtime/training/torch/summarize_batch.hpp"

#include <ATen/Parallel.h>
#include <torch/cuda.h>
#include <torch/utils.h>

#include <chrono>
#include <cmath>
#include <future>
#include <numeric>

namespace sibyl::training {

using torch::Tensor;
using Clock = std::chrono::steady_clock;

namespace {

// Less than this takes longer to hand to a thread than to do.
constexpr std::size_t fewest_data_sets = 64, fewest_rows = 2000;
constexpr std::uint64_t seeds_apart = 0x9e3779b97f4a7c15; // those of the parts of a batch

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

torch::Device find_device(const TrainingJob& job) {
  try {
    const torch::Device device(job.device);
    if (!device.is_cpu() && !device.is_cuda())
      throw UserError("networks are not trained on " + job.device + "; there are cpu and cuda");
    if (device.is_cuda() && !torch::cuda::is_available())
      throw UserError("there is no usable CUDA device; train with --device cpu");
    return device;
  } catch (const c10::Error&) {
    throw UserError("`" + job.device + "` is no device; there are cpu and cuda");
  }
}

std::size_t useful_threads(const TrainingJob& job) {
  std::int64_t rows = 0;
  for (const RowsBatch& source : job.validation.sources) rows += source.offsets.back();
  const std::size_t rows_of_batch =
      static_cast<std::size_t>(rows) * job.batch_size / std::max<std::size_t>(1, job.validation.count);
  const std::size_t parts = std::max(job.batch_size / fewest_data_sets, rows_of_batch / fewest_rows);
  return std::clamp<std::size_t>(parts, 1, static_cast<std::size_t>(std::max(1, job.threads)));
}

NetworkBatch range(const NetworkBatch& batch, std::size_t first, std::size_t last) {
  std::vector<std::size_t> chosen(last - first);
  std::iota(chosen.begin(), chosen.end(), first);
  return select(batch, chosen);
}

enum class LossUse { learning, validation };

template <typename Family>
Tensor loss_of_family(Family, TorchBackend& backend, const NetworkConfig& config, const Tensor& z,
                      const Tensor& context, LossUse use) {
  if constexpr (requires { Family::validation_loss(backend, config, z, context); })
    if (use == LossUse::validation) return Family::validation_loss(backend, config, z, context);
  return Family::loss(backend, config, z, context);
}

Tensor losses_of_batch(TorchBackend& backend, const TrainingJob& job, const NetworkBatch& batch, std::uint64_t seed,
                       LossUse use) {
  const NetworkConfig& config = job.config;
  backend.seed(seed);
  const Tensor summary = summarize_batch(backend, config, batch);
  const Tensor z = backend.constant(batch.count, batch.dimension, batch.z);
  if (job.classes > 1) {
    const Tensor logits = networks::classify(backend, summary, networks::summary_size(config), job.classes);
    return torch::nll_loss(torch::log_softmax(logits, 1), z.squeeze(1).to(torch::kLong), {}, at::Reduction::None);
  }
  Tensor losses;
  networks::visit_family(config.family, [&](auto family) {
    const Tensor context = family.context(backend, config, summary, networks::summary_size(config));
    losses = loss_of_family(family, backend, config, z, context, use).squeeze(1);
  });
  return losses;
}

} // namespace

double temper_limit(const NetworkConfig& config) { return 50 + 5 * static_cast<double>(config.dimension); }

Tensor tempered(const NetworkConfig& config, const Tensor& losses) {
  const double limit = temper_limit(config);
  return torch::where(losses > limit, limit * (1 + (losses.clamp_min(limit) / limit).log()), losses);
}

BatchLosses::BatchLosses(const TrainingJob& job) : job_(job) {
  const torch::Device device = find_device(job);
  if (device.is_cpu()) torch::set_num_threads(1);
  workers_.push_back({TorchBackend(device, job.as_accelerator || !device.is_cpu()), {}, {}});
  {
    torch::NoGradGuard no_gradients;
    losses_of_batch(backend(), job_, range(job_.validation, 0, std::min<std::size_t>(job_.validation.count, 2)),
                    job_.seed, LossUse::learning);
  }
  backend().declare(false);
  weights_ = backend().flatten();
  workers_.front().gradient = weights_.grad();
  const std::size_t threads = backend().is_accelerator() ? 1 : useful_threads(job_);
  while (workers_.size() < threads) {
    const Tensor gradient = torch::zeros_like(weights_);
    workers_.push_back({backend().beside(weights_, gradient), gradient, {}});
  }
}

template <typename Work> void BatchLosses::on_all(const Work& work) {
  std::vector<std::future<void>> others;
  for (std::size_t w = 1; w < workers_.size(); ++w)
    others.push_back(std::async(std::launch::async, [&work, w] {
      at::init_num_threads(); // a new thread would have as many as processors
      work(w);
    }));
  work(0);
  for (std::future<void>& one : others) one.get();
}

double BatchLosses::gradient(const NetworkBatch& batch, std::uint64_t seed, StepTimes& times) {
  const auto first_of = [&](std::size_t worker) { return batch.count * worker / workers_.size(); };
  auto mark = Clock::now();
  on_all([&](std::size_t w) {
    Worker& worker = workers_[w];
    worker.gradient.zero_();
    worker.losses = torch::empty({0});
    worker.sum = 0;
    const NetworkBatch part = workers_.size() == 1 ? batch : range(batch, first_of(w), first_of(w + 1));
    if (part.count == 0) return;
    const Tensor losses = losses_of_batch(worker.backend, job_, part, seed + w * seeds_apart, LossUse::learning);
    const Tensor sum = tempered(job_.config, losses).sum();
    worker.losses = losses.detach();
    worker.sum = sum.item<double>();
    if (w == 0) {
      times.forward += seconds_since(mark);
      mark = Clock::now();
    }
    if (std::isfinite(worker.sum)) (sum / static_cast<double>(batch.count)).backward();
  });
  double sum = 0;
  for (std::size_t w = 0; w < workers_.size(); ++w) {
    sum += workers_[w].sum;
    torch::NoGradGuard no_gradients;
    if (w > 0) workers_.front().gradient.add_(workers_[w].gradient);
  }
  times.backward += seconds_since(mark);
  return sum / static_cast<double>(batch.count);
}

Tensor BatchLosses::queue_gradient(const NetworkBatch& batch, std::uint64_t seed) {
  workers_.front().gradient.zero_();
  const Tensor loss = tempered(job_.config, losses_of_batch(backend(), job_, batch, seed, LossUse::learning)).mean();
  loss.backward();
  return loss.detach();
}

NetworkBatch BatchLosses::with_finite_losses(const NetworkBatch& batch) const {
  std::vector<Tensor> parts;
  for (const Worker& worker : workers_) parts.push_back(worker.losses);
  const Tensor finite = torch::cat(parts).isfinite().to(torch::kCPU).contiguous();
  const bool* is_finite = finite.data_ptr<bool>();
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < batch.count; ++i)
    if (is_finite[i]) kept.push_back(i);
  return select(batch, kept);
}

Tensor BatchLosses::evaluate(const std::vector<NetworkBatch>& batches, const std::map<std::string, Tensor>& parameters,
                             std::uint64_t first_seed) {
  std::vector<Tensor> losses(batches.size());
  on_all([&](std::size_t w) {
    torch::NoGradGuard no_gradients;
    auto others = parameters;
    std::swap(workers_[w].backend.parameters(), others);
    for (std::size_t i = w; i < batches.size(); i += workers_.size())
      losses[i] = losses_of_batch(workers_[w].backend, job_, batches[i], first_seed + i, LossUse::validation);
    std::swap(workers_[w].backend.parameters(), others);
  });
  return torch::cat(losses);
}

} // namespace sibyl::training
