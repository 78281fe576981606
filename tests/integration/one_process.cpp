// LLVM and LibTorch in one process: compiling before LibTorch is loaded, training, compiling afterwards.
#include "compiler/compile.hpp"
#include "runtime/model/simulator.hpp"
#include "runtime/training/train_sampler.hpp"

#include <catch2/catch.hpp>

using namespace sibyl;

namespace {

std::shared_ptr<CompiledModel> compile_text(const std::string& text) {
  const CompileResult result = compile(Source("test.sib", text)); // no cache: LLVM generates the code here
  REQUIRE(result.model);
  return result.model;
}

const std::string normal_mean =
    "data { vector[10] y; } parameters { real mu; } model { mu ~ normal(0, 1); y ~ normal(mu, 1); }";
const std::string gamma_rate =
    "data { vector[5] y; } parameters { real<lower=0> b; } model { b ~ gamma(2, 1); y ~ gamma(3, b); }";

} // namespace

TEST_CASE("a process that compiles with LLVM trains with LibTorch, and compiles again after it") {
  const auto model = compile_text(normal_mean);
  SamplerTrainingOptions options;
  options.setup.frame = FrameChoice::prior;
  options.setup.pilot_count = 500;
  options.budget.steps = 100;
  const TrainedSampler trained = train_sampler(model, options);
  CHECK(trained.training.steps == 100);
  CHECK(trained.training.validation_loss < trained.training.untrained_validation_loss - 0.1);

  const auto second = compile_text(gamma_rate);
  const SimulatedBatch batch = Simulator(second).simulate(0, 50, 1);
  CHECK(batch.data.count == 50);
  options.budget.steps = 5;
  CHECK(train_sampler(second, options).training.steps == 5);

  // Errors of either library's side still arrive as exceptions.
  options.device = "no such device";
  CHECK_THROWS_AS(train_sampler(second, options), std::runtime_error);
  CHECK_FALSE(compile(Source("wrong.sib", "parameters { real mu; } model { mu ~ nrmal(0, 1); }")).model);
}
