// Training on a device against training on the processor: operations, gradients of whole batches, and what is learned,
// with steps per second.
//   sibyl_gpu_check DEVICE STEPS
// With the processor for device, its own functions are held against an accelerator's operations. Exits with 1 where
// something differs by more than rounding explains.
#include "lang/errors.hpp"
#include "runtime/training/torch/batch_losses.hpp"
#include "runtime/training/training_interface.hpp"
#include "tests/networks_data.hpp"

#include <torch/autograd.h>
#include <torch/cuda.h>
#include <torch/utils.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

extern "C" sibyl::TrainingResult sibyl_train(const sibyl::TrainingJob& job);

using namespace sibyl;
using sibyl::training::BatchLosses;
using sibyl::training::TorchBackend;
using torch::Tensor;

namespace {

bool all_passed = true;

void judge(const std::string& what, double error, double limit) {
  const bool has_passed = error < limit; // NaN has not
  all_passed &= has_passed;
  std::printf("  %-44s %9.1e  %s\n", what.c_str(), error, has_passed ? "" : "TOO LARGE");
}

// 99 in 100 entries differ by no more, relative to their size and to that of the others. The rest may lie so near a
// knot of a spline that rounding decides.
double usual_difference(const Tensor& ours, const Tensor& theirs) {
  const Tensor a = ours.detach().to(torch::kCPU, torch::kFloat64), b = theirs.detach().to(torch::kFloat64);
  if (a.sizes() != b.sizes()) return INFINITY;
  const Tensor errors = std::get<0>(((a - b).abs() / (b.abs() + 0.1 * b.abs().mean() + 1e-6)).flatten().sort());
  return errors[errors.numel() * 99 / 100].item<double>();
}

// An operation of the inputs, on either backend; its value and its gradients in all inputs.
using Operation = std::function<Tensor(TorchBackend&, const std::vector<Tensor>&)>;

void compare_operation(const std::string& name, torch::Device device, const std::vector<Tensor>& inputs,
                       const Operation& operation) {
  const auto run = [&](TorchBackend& backend) {
    std::vector<Tensor> given;
    for (const Tensor& input : inputs) given.push_back(input.to(backend.device()).requires_grad_(true));
    const Tensor value = operation(backend, given);
    torch::manual_seed(5);
    const Tensor weighing = torch::randn(value.sizes()).to(backend.device());
    std::vector<Tensor> results = torch::autograd::grad({(value * weighing).sum()}, given);
    results.insert(results.begin(), value);
    return results;
  };
  TorchBackend here(torch::kCPU), there(device, true);
  const auto expected = run(here), actual = run(there);
  double largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = usual_difference(actual[i], expected[i]);
    largest = difference <= largest ? largest : difference;
  }
  judge(name, largest, 1e-3);
}

void compare_operations(torch::Device device) {
  std::printf("operations: largest usual difference of value and gradients\n");
  torch::manual_seed(1);
  const networks::Offsets offsets{0, 40, 40, 41, 300, 700};
  const Tensor rows = torch::randn({700, 16}), sets = torch::randn({5, 16});
  compare_operation("mean of each data set's rows", device, {rows},
                    [&](TorchBackend& b, const auto& x) { return b.segment_mean(x[0], offsets); });
  compare_operation("attention", device, {rows, 5 * torch::randn({700, 4})},
                    [&](TorchBackend& b, const auto& x) { return b.segment_attention(x[0], x[1], offsets); });
  compare_operation("rows of each data set", device, {sets},
                    [&](TorchBackend& b, const auto& x) { return b.expand(x[0], offsets); });
  compare_operation("neighbours in a sequence", device, {rows},
                    [&](TorchBackend& b, const auto& x) { return b.window(x[0], offsets, 4); });
  compare_operation("last row", device, {rows},
                    [&](TorchBackend& b, const auto& x) { return b.last_row(x[0], offsets); });
  for (const std::size_t bins : {1, 10}) {
    const Tensor values = 3 * torch::randn({500, 3});
    const Tensor numbers = torch::randn({500, static_cast<std::int64_t>(3 * spline::numbers_per_value(bins))});
    for (const bool is_inverse : {false, true})
      compare_operation((is_inverse ? "spline backwards, bins: " : "spline, bins: ") + std::to_string(bins), device,
                        {values, numbers}, [&](TorchBackend& b, const auto& x) {
                          Tensor log_slope = b.zeros(500, 1);
                          const Tensor y = is_inverse ? b.inverse_spline(x[0], x[1], bins, log_slope)
                                                      : b.spline(x[0], x[1], bins, log_slope);
                          return torch::cat({y, log_slope}, 1);
                        });
  }
}

TrainingJob job_of(const std::string& family, std::vector<SourceConfig> sources, std::size_t dimension,
                   std::size_t direct) {
  TrainingJob job;
  job.config.family = family;
  job.config.dimension = dimension;
  job.config.direct_width = direct;
  job.config.sources = std::move(sources);
  return job;
}

// Loss and gradient of a batch with the same weights. Without the families that draw random numbers, which are others
// on a device.
void compare_gradients(const std::string& device) {
  std::printf("a whole batch: loss, gradient\n");
  for (const auto& sources :
       std::vector<std::vector<SourceConfig>>{{}, {{"set", 3}}, {{"sequence", 3}}, {{"mlp", 30}}}) {
    TrainingJob here = job_of("spline_flow", sources, 4, 3);
    std::vector<std::int64_t> counts;
    for (std::int64_t i = 0; i < 100; ++i) counts.push_back(i % 17);
    here.validation = test::random_batch(here.config, counts, 3);
    TrainingJob there = here;
    there.device = device;
    there.as_accelerator = true;
    BatchLosses expected(here), actual(there);
    {
      // Nowhere zero, as the last layers are at first.
      torch::NoGradGuard no_gradients;
      torch::manual_seed(3);
      expected.weights().add_(0.1 * torch::randn_like(expected.weights()));
      actual.weights().copy_(expected.weights());
    }
    StepTimes times;
    const double loss = expected.gradient(here.validation, 1, times);
    const double other = actual.queue_gradient(here.validation, 1).item<double>();
    const Tensor gradient = expected.weights().grad(), own = actual.weights().grad().to(torch::kCPU);
    const std::string name = sources.empty() ? "no rows" : sources[0].network;
    judge(name + ", loss", std::abs(loss - other) / (1 + std::abs(loss)), 1e-4);
    judge(name + ", gradient", ((gradient - own).norm() / gradient.norm()).item<double>(), 1e-3);
  }
}

// z ~ normal(0, 1), seen through a mixing of all z with noise; or rows of normal(z_1, e^z_2).
NetworkBatch data_sets(const NetworkConfig& config, std::size_t count, std::int64_t rows, unsigned seed) {
  NetworkBatch batch = test::random_batch(config, std::vector<std::int64_t>(count, rows), seed);
  const std::size_t d = config.dimension;
  for (std::size_t i = 0; i < count; ++i) {
    const float* z = batch.z.data() + i * d;
    for (std::size_t j = 0; j < config.direct_width; ++j) {
      float& value = batch.direct[i * config.direct_width + j];
      value = z[j % d] + 0.5f * z[(j + 1) % d] + 0.3f * value;
    }
    if (batch.sources.empty()) continue;
    RowsBatch& source = batch.sources[0];
    for (std::int64_t r = source.offsets[i]; r < source.offsets[i + 1]; ++r)
      source.rows[static_cast<std::size_t>(r)] = z[0] + std::exp(z[1]) * source.rows[static_cast<std::size_t>(r)];
  }
  return batch;
}

void compare_training(const std::string& name, TrainingJob job, std::size_t batch_size, std::int64_t rows,
                      const std::string& device, std::int64_t steps) {
  job.batch_size = batch_size;
  job.budget.steps = steps;
  job.threads = static_cast<int>(std::thread::hardware_concurrency());
  job.learning_rate = 3e-3;
  job.validation = data_sets(job.config, batch_size, rows, 9001);
  // Made before, so that steps alone are timed.
  std::vector<NetworkBatch> batches;
  for (unsigned i = 0; i < 64; ++i) batches.push_back(data_sets(job.config, batch_size, rows, 10 * i));
  job.batch = [&](std::int64_t step) { return batches[static_cast<std::size_t>(step) % batches.size()]; };

  std::printf("%s, %zu data sets a step\n", name.c_str(), batch_size);
  const auto train = [&](const TrainingJob& one) {
    const TrainingResult result = sibyl_train(one);
    const double rate = static_cast<double>(result.steps) / result.seconds;
    std::printf("  %-10s %8.1f steps/s (%.2f ms a step to hand over, %.2f waiting for it), loss %.3f -> %.3f\n",
                (one.as_accelerator ? one.device == "cpu" ? "as device" : one.device.c_str() : "processor"), rate,
                result.times.forward + result.times.optimizer, result.times.backward, result.untrained_validation_loss,
                result.validation_loss);
    return result;
  };
  const TrainingResult expected = train(job);
  TrainingJob there = job;
  there.device = device;
  there.as_accelerator = true;
  there.budget.steps = std::min<std::int64_t>(steps, 20); // what a device does at its first steps is not timed
  there.validation = batches[0];
  sibyl_train(there);
  there.budget.steps = steps;
  there.validation = job.validation;
  const TrainingResult actual = train(there);
  const double gain = expected.untrained_validation_loss - expected.validation_loss;
  // Other first weights on another device: what is learned agrees, not the digits.
  judge("losses' difference, as a share of what was learned",
        std::abs(actual.validation_loss - expected.validation_loss) / std::abs(gain), steps >= 100 ? 0.1 : 1.0);
  if (!(gain > 0)) judge("learned on the processor", INFINITY, 1);
}

} // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: sibyl_gpu_check DEVICE STEPS\n");
    return 2;
  }
  try {
    const std::string device = arguments[1];
    const std::int64_t steps = std::stoll(arguments[2]);
    if (torch::Device(device).is_cuda() && !torch::cuda::is_available())
      throw UserError("there is no usable CUDA device");
    torch::set_num_threads(1); // here the processor is the reference; training sets its own
    compare_operations(torch::Device(device));
    compare_gradients(device);
    compare_training("spline flow, 10 parameters", job_of("spline_flow", {}, 10, 20), 256, 0, device, steps);
    compare_training("set network, 250 rows", job_of("spline_flow", {{"set", 1}}, 2, 1), 64, 250, device, steps);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sibyl_gpu_check: %s\n", error.what());
    return 1;
  }
  return all_passed ? 0 : 1;
}
