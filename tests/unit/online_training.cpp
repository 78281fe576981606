// Training without end: data sets that come again where fresh ones are not ready, and a training that is resumed under
// a budget of seconds.
#include "runtime/training/online_batches.hpp"
#include "runtime/training/prepare.hpp"
#include "runtime/training/train_sampler.hpp"
#include "tests/unit/hand_written_model.hpp"
#include "tests/unit/scratch_file.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <set>
#include <thread>

using namespace sibyl;
using Catch::Contains;

namespace {

SetupOptions hand_written_setup() {
  SetupOptions options;
  options.design = hand_written::design(0.5);
  options.threads = 2;
  return options;
}

struct Endless {
  std::shared_ptr<CompiledModel> model = hand_written::make();
  std::shared_ptr<const InferenceSetup> setup =
      std::make_shared<const InferenceSetup>(prepare(model, hand_written_setup()));

  OnlineBatches batches(bool lets_come_again, std::size_t most_bytes = 1U << 20U) const {
    return OnlineBatches(
        model, setup,
        {.source = {.batch_size = 64, .seed = 5}, .lets_come_again = lets_come_again, .most_bytes = most_bytes});
  }
};

} // namespace

TEST_CASE("an item that is not made yet is not waited for") {
  std::atomic<bool> may_make = false;
  OrderedProducer<int> producer(
      [&](std::uint64_t number, std::size_t) {
        while (!may_make) std::this_thread::yield();
        return static_cast<int>(number);
      },
      1, 1);
  CHECK_FALSE(producer.take_if_ready());
  may_make = true;
  CHECK(producer.take() == 0);
  std::optional<int> next;
  while (!next) next = producer.take_if_ready();
  CHECK(*next == 1);
}

TEST_CASE("data sets come again where fresh ones are not ready, each so often that it is not learned by heart") {
  const Endless source;
  OnlineBatches batches = source.batches(true);
  std::set<std::vector<float>> seen;
  std::int64_t total = 0;
  for (std::int64_t step = 0; step < 2000; ++step) {
    const std::int64_t fresh_before = batches.fresh();
    const NetworkBatch batch = batches.at(step);
    total += static_cast<std::int64_t>(batch.count);
    REQUIRE(batch.count > 0);
    const auto fresh = static_cast<std::size_t>(batches.fresh() - fresh_before);
    for (std::size_t i = 0; i < batch.count; ++i) { // the fresh ones first
      const auto begin = batch.z.begin() + static_cast<std::ptrdiff_t>(i * batch.dimension);
      const std::vector<float> z(begin, begin + static_cast<std::ptrdiff_t>(batch.dimension));
      if (i < fresh) CHECK(seen.insert(z).second);
      else CHECK(seen.count(z) == 1);
    }
    REQUIRE(batches.came_again() <= OnlineBatches::most_visits * batches.fresh());
  }
  CHECK(batches.came_again() > 0); // choosing takes less than simulating
  CHECK(total == batches.fresh() + batches.came_again());
}

TEST_CASE("no data set comes again with a budget of steps, or where none is kept") {
  const Endless source;
  OnlineBatches once = source.batches(false), without_room = source.batches(true, 100);
  for (std::int64_t step = 0; step < 200; ++step) {
    once.at(step);
    without_room.at(step);
  }
  CHECK(once.came_again() == 0);
  CHECK(without_room.came_again() == 0);
}

TEST_CASE("resumed training has the setup that it was begun with, whatever time there is for another") {
  const ScratchFile scratch;
  SamplerTrainingOptions options;
  options.setup = hand_written_setup();
  options.budget = {.seconds = 1000, .steps = 50};
  options.checkpoint = scratch.path;
  const TrainedSampler begun = train_sampler(hand_written::make(), options);
  REQUIRE(begun.training.steps == 50);
  options.resume = true;
  options.budget = {.seconds = 1e-3, .steps = 70}; // too little to find the pilots' frames in
  const TrainedSampler ended = train_sampler(hand_written::make(), options);
  CHECK(ended.training.steps == 50);
  CHECK(nlohmann::json(ended.file.setup) == nlohmann::json(begun.file.setup));
  options.budget = {.steps = 70};
  CHECK(train_sampler(hand_written::make(), options).training.steps == 70);
  options.setup.seed = 2;
  CHECK_THROWS_WITH(train_sampler(hand_written::make(), options), Contains("with other options"));
}
