// Threads: work is shared out, ends when it is told to, and ends as well where the system grants no more threads. Built
// for ThreadSanitizer too, so nothing here needs a compiler or LibTorch.
#include "lang/errors.hpp"
#include "runtime/model/parallel.hpp"
#include "runtime/model/bridgestan/stan_model.hpp"
#include "runtime/model/ordered_producer.hpp"
#include "runtime/model/simulator.hpp"
#include "tests/unit/hand_written_model.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <numeric>
#include <system_error>
#include <thread>

#include <dlfcn.h>
#include <pthread.h>

using namespace sibyl;
using Catch::Contains;

namespace {

std::atomic<int> threads_left = -1; // that the system grants; below zero: any number

struct FewThreads {
  explicit FewThreads(int count) { threads_left = count; }
  ~FewThreads() { threads_left = -1; }
};

} // namespace

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define SIBYL_CAN_REFUSE_THREADS 1
// In the place of the system's, which it calls.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*), void* given) {
  if (threads_left >= 0 && threads_left-- == 0) return EAGAIN;
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  return create(thread, attributes, start, given);
}
#endif

TEST_CASE("a loop on several threads does each item once") {
  std::vector<std::atomic<int>> done(1000);
  parallel_for(done.size(), 4, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) ++done[i];
  });
  CHECK(std::all_of(done.begin(), done.end(), [](const auto& count) { return count == 1; }));
  CHECK_THROWS_WITH(parallel_for(4, 4, [](std::size_t, std::size_t) { throw RuntimeError("no"); }), "no");
}

#ifdef SIBYL_CAN_REFUSE_THREADS
TEST_CASE("where the system grants no more threads there is an error, and those that run end") {
  const FewThreads two(2);
  SECTION("a loop") {
    std::atomic<int> done = 0;
    CHECK_THROWS_AS(
        parallel_for(8, 8, [&](std::size_t begin, std::size_t end) { done += static_cast<int>(end - begin); }),
        std::system_error);
    CHECK(done == 2);
  }
  SECTION("producers") {
    using Numbers = OrderedProducer<int>;
    CHECK_THROWS_AS(Numbers([](std::uint64_t number, std::size_t) { return static_cast<int>(number); }, 8, 16),
                    std::system_error);
  }
  SECTION("the simulator") {
    SimulatorOptions options{.threads = 8};
    options.design = hand_written::design(1);
    Simulator simulator(hand_written::make(), options);
    CHECK_THROWS_AS(simulator.simulate(0, 1000, 1), std::system_error);
  }
}
#endif

TEST_CASE("producers hand their items out in order and rethrow what failed") {
  OrderedProducer<int> numbers([](std::uint64_t number, std::size_t) { return static_cast<int>(number); }, 4, 6);
  for (int i = 0; i < 200; ++i) CHECK(numbers.take() == i);
  OrderedProducer<int> failing(
      [](std::uint64_t number, std::size_t) -> int {
        if (number == 5) throw RuntimeError("five");
        return static_cast<int>(number);
      },
      3, 4);
  CHECK_THROWS_WITH([&] { for (;;) failing.take(); }(), "five");
}

TEST_CASE("simulations are the same for any number of threads, and another thread can stop them") {
  const auto model = hand_written::make();
  const auto simulate = [&](int threads) {
    SimulatorOptions options{.threads = threads};
    options.design = hand_written::design(1);
    return Simulator(model, options).simulate(7, 500, 3);
  };
  const SimulatedBatch one = simulate(1), four = simulate(4);
  CHECK(one.unconstrained == four.unconstrained);
  CHECK(one.left_out.count() == four.left_out.count());

  std::atomic<std::int32_t> stop = 0;
  SimulatorOptions options{.threads = 2, .interrupted = &stop};
  options.design = hand_written::design(1);
  Simulator simulator(model, options);
  std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    stop = 1;
  });
  CHECK_THROWS_WITH([&] { for (;;) simulator.simulate(0, 100000, 1); }(), "interrupted");
}

namespace {

// The hand-written model, whose density fails a check where mu is above 6; counts how often data were transformed.
class Counting final : public FunctionSource {
 public:
  static inline std::atomic<int> transformed = 0;

  sibyl_function find(std::string_view function, Precision precision, int lanes) override {
    if (function == "transform_data") return transform_data;
    if (function == "log_density") return log_density;
    return source_.find(function, precision, lanes);
  }
  int preferred_lanes(Precision precision) const override { return source_.preferred_lanes(precision); }

 private:
  using Single = hand_written::Functions<double, 1>;

  static std::int32_t transform_data(sibyl_call* call) {
    ++transformed;
    return Single::transform_data(call);
  }
  static std::int32_t log_density(sibyl_call* call) {
    if (static_cast<const double*>(call->unconstrained)[0] > hand_written::largest_mu)
      Single::fail(call, 0, 1, static_cast<const double*>(call->unconstrained)[0]);
    return Single::status(call) == SIBYL_OK ? Single::log_density(call) : SIBYL_SOME_LANES_FAILED;
  }

  hand_written::Source source_;
};

} // namespace

TEST_CASE("an evaluation that fails gives its work space back, and threads have one each") {
  const std::vector<ModelMessage> messages = {{"noise is {}", {}}, {"mu is {}, too large", {}}, {"tau is {}", {}}};
  const auto model = std::make_shared<const CompiledModel>("counting", "", hand_written::make()->facts(), messages,
                                                           std::make_shared<Counting>());
  const bridgestan::StanModel stan(model, R"({"N": 3, "noise": 1, "y": [1, 2, 3]})", 1);
  const double good[] = {1, 0}, bad[] = {7, 0};
  const double expected = stan.log_density(true, good);
  Counting::transformed = 0;
  for (int i = 0; i < 100; ++i) CHECK_THROWS_WITH(stan.log_density(true, bad), Contains("mu is 7, too large"));
  CHECK(stan.log_density(true, good) == expected);
  CHECK(Counting::transformed == 0);

  std::atomic<int> wrong = 0;
  parallel_for(4000, 4, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) try {
        wrong += stan.log_density(true, i % 3 == 0 ? bad : good) != expected || i % 3 == 0;
      } catch (const RuntimeError&) {
        wrong += i % 3 != 0;
      }
  });
  CHECK(wrong == 0);
  CHECK(Counting::transformed <= 4);
}
