// Training steps on an accelerator, on LibTorch's processor: none waits for the device, and one that is not finite
// changes nothing.
#include "runtime/training/torch/queued_steps.hpp"
#include "runtime/training/torch/batch_losses.hpp"
#include "tests/networks_data.hpp"
#include "tests/waits_for_device.hpp"

#include <torch/nn/utils/clip_grad.h>
#include <torch/utils.h>

#include <catch2/catch.hpp>

#include <limits>

using namespace sibyl;
using sibyl::training::BatchLosses;
using sibyl::training::QueuedSteps;
using torch::Tensor;

namespace {

TrainingJob job_of(const std::string& family, const std::string& device) {
  TrainingJob job;
  job.config.dimension = 3;
  job.config.direct_width = 2;
  job.config.sources = {{"set", 3}, {"sequence", 2}, {"mlp", 4}};
  job.config.summary_width = 8;
  job.config.row_width = 8;
  job.config.family = family;
  job.config.sizes = {{"layers", 2}, {"hidden", 16}};
  job.device = device;
  job.as_accelerator = true;
  job.validation = test::random_batch(job.config, {3, 0, 5}, 3);
  return job;
}

// Draws and classes besides.
std::vector<TrainingJob> all_jobs(const std::string& device) {
  std::vector<TrainingJob> jobs;
  for (const PosteriorFamilyInfo& family : list_posterior_families())
    jobs.push_back(job_of(std::string(family.name), device));
  jobs.push_back(jobs.front());
  TrainingJob& classes = jobs.back();
  classes.classes = 3;
  classes.config.dimension = 1;
  classes.validation = test::random_batch(classes.config, {3, 0, 5}, 3);
  classes.validation.z = {0, 2, 1};
  return jobs;
}

struct Learner {
  explicit Learner(const TrainingJob& job)
      : losses(job), weights(losses.weights()), averaged(weights.detach().clone()),
        optimizer({weights}, torch::optim::AdamWOptions(0.01).weight_decay(1e-3)), steps(optimizer, weights) {}

  void step(const NetworkBatch& batch, std::uint64_t seed) {
    steps.add(batch, losses.queue_gradient(batch, seed), 5, averaged, 0.1);
  }

  BatchLosses losses;
  Tensor weights, averaged;
  torch::optim::AdamW optimizer;
  QueuedSteps steps;
};

} // namespace

TEST_CASE("A step on an accelerator does not wait for it, whatever is learned") {
  for (const TrainingJob& job : all_jobs("cpu")) {
    INFO(job.config.family << ", " << job.classes << " classes");
    Learner learner(job);
    const test::WaitsForDevice waits;
    for (std::uint64_t step = 0; step < 3; ++step) learner.step(job.validation, step);
    CHECK(waits.seen() == std::vector<std::string>());
  }
}

TEST_CASE("A queued step is the optimizer's own, and one that is not finite changes nothing") {
  const TrainingJob job = job_of("spline_flow", "cpu");
  const NetworkBatch good = job.validation;
  NetworkBatch bad = good;
  bad.z[4] = std::numeric_limits<float>::quiet_NaN();
  Learner queued(job), plain(job);
  REQUIRE(torch::equal(queued.weights, plain.weights));
  const auto step_plainly = [&](std::uint64_t seed) {
    plain.losses.queue_gradient(good, seed);
    torch::nn::utils::clip_grad_norm_(plain.weights, 5);
    plain.optimizer.step();
    torch::NoGradGuard no_gradients;
    plain.averaged.lerp_(plain.weights, 0.1);
  };
  const auto check_same = [&] {
    CHECK(torch::allclose(queued.weights, plain.weights, 1e-5, 1e-6));
    CHECK(torch::allclose(queued.averaged, plain.averaged, 1e-5, 1e-6));
  };
  queued.step(bad, 0); // before the optimizer has moments
  check_same();
  REQUIRE(queued.steps.settle().size() == 1);
  std::vector<bool> is_good{true, true, false, true};
  for (std::size_t i = 0; i < is_good.size(); ++i) {
    queued.step(is_good[i] ? good : bad, i);
    if (is_good[i]) step_plainly(i);
  }
  const auto outcomes = queued.steps.settle();
  REQUIRE(outcomes.size() == is_good.size());
  for (std::size_t i = 0; i < is_good.size(); ++i) {
    CHECK(outcomes[i].is_done == is_good[i]);
    CHECK(std::isfinite(outcomes[i].loss) == is_good[i]);
    CHECK(outcomes[i].batch.z.size() == good.z.size());
  }
  // Until it has settled the optimizer counts a step that was not done: its moments are those of fewer steps.
  CHECK(torch::allclose(queued.weights, plain.weights, 0.05, 0.01));
  CHECK(queued.steps.settle().empty());
  step_plainly(9);
  queued.step(good, 9);
  CHECK(queued.steps.settle()[0].is_done);
  CHECK(static_cast<torch::optim::AdamWParamState&>(*queued.optimizer.state().begin()->second).step() ==
        static_cast<torch::optim::AdamWParamState&>(*plain.optimizer.state().begin()->second).step());
}
