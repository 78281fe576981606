// A batch on several threads against the same batch on one.
#include "runtime/training/torch/batch_losses.hpp"
#include "tests/networks_data.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace sibyl;
using sibyl::training::BatchLosses;
using torch::Tensor;

namespace {

TrainingJob job_on(int threads) {
  TrainingJob job;
  job.config.dimension = 2;
  job.config.direct_width = 2;
  job.config.sources = {{"set", 3}};
  job.config.sizes = {{"layers", 2}, {"hidden", 16}};
  job.batch_size = 256;
  job.threads = threads;
  job.validation = test::random_batch(job.config, {3, 0, 5}, 3);
  return job;
}

NetworkBatch batch_of_150(const TrainingJob& job) {
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < 150; ++i) rows.push_back(i % 4);
  return test::random_batch(job.config, rows, 5);
}

Tensor gradient_of(BatchLosses& losses, const NetworkBatch& batch, double& value) {
  StepTimes times;
  value = losses.gradient(batch, 7, times);
  return losses.weights().grad().clone();
}

} // namespace

TEST_CASE("The gradient of a batch does not depend on how many threads have a part of it, but for rounding") {
  const TrainingJob alone = job_on(1), together = job_on(3);
  BatchLosses one(alone), three(together);
  REQUIRE(torch::equal(one.weights(), three.weights()));
  const NetworkBatch batch = batch_of_150(alone);
  double value_of_one = 0, value_of_three = 0;
  for (int step = 0; step < 2; ++step) { // what the last step left does not add up
    const Tensor expected = gradient_of(one, batch, value_of_one), actual = gradient_of(three, batch, value_of_three);
    REQUIRE(expected.norm().item<double>() > 0.01);
    CHECK(value_of_three == Approx(value_of_one).epsilon(1e-6));
    CHECK((actual - expected).norm().item<double>() < 1e-5 * expected.norm().item<double>());
  }
}

TEST_CASE("Data sets whose loss is not finite are told from the others, whichever thread had them") {
  const TrainingJob job = job_on(3);
  BatchLosses losses(job);
  NetworkBatch batch = batch_of_150(job);
  for (const std::size_t wrong : {0, 60, 149})
    batch.z[wrong * batch.dimension] = std::numeric_limits<float>::quiet_NaN();
  StepTimes times;
  REQUIRE_FALSE(std::isfinite(losses.gradient(batch, 7, times)));
  const NetworkBatch kept = losses.with_finite_losses(batch);
  CHECK(kept.count == 147);
  CHECK(std::isfinite(losses.gradient(kept, 7, times)));
}

TEST_CASE("Losses of given parameters are those of the data sets in their order, on one thread or three") {
  const TrainingJob alone = job_on(1), together = job_on(3);
  BatchLosses one(alone), three(together);
  const std::vector<NetworkBatch> batches{batch_of_150(alone), test::random_batch(alone.config, {1, 2}, 8),
                                          test::random_batch(alone.config, {4}, 9)};
  auto parameters = one.backend().parts(one.weights());
  for (auto& [name, tensor] : parameters) tensor = tensor + 0.1;
  const Tensor expected = one.evaluate(batches, parameters, 3);
  CHECK(expected.numel() == 153);
  CHECK(torch::allclose(three.evaluate(batches, parameters, 3), expected, 1e-5, 1e-5));
  CHECK_FALSE(torch::allclose(one.evaluate(batches, one.backend().parts(one.weights()), 3), expected));
}
