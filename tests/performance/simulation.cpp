// Simulation on one core: normal draws of the linear regression and steps of the drift-diffusion walk, beside loops
// written by hand.
#include "runtime/model/model_call.hpp"
#include "runtime/model/simulator.hpp"
#include "tests/performance/models.hpp"
#include "tests/performance/scalar_models.hpp"

#include <cmath>

namespace sibyl::bench {

namespace {

const std::string by_hand = "scalar C++ loop, std::mt19937_64 and std::normal_distribution";

// Calls the model's `simulate` for the next lanes again and again; `count` tells what one lane has drawn.
class Simulation {
 public:
  Simulation(std::shared_ptr<const CompiledModel> model, Precision precision) : call_(std::move(model), precision) {
    call_.bind_nothing(call_.lanes());
  }

  template <typename Count>
  double run(const Count& count) {
    call_.run("simulate", {.seed = 1, .first_index = next_});
    next_ += static_cast<std::uint64_t>(call_.lanes());
    double sum = 0;
    for (int lane = 0; lane < call_.lanes(); ++lane) sum += count(call_, lane);
    return sum;
  }

 private:
  ModelCall call_;
  std::uint64_t next_ = 0;
};

template <typename Real>
void bench_normals(const Effort& effort, const std::shared_ptr<const CompiledModel>& model, Precision precision,
                   const std::string& name) {
  const std::size_t size = variable(*model, "N");
  Simulation compiled(model, precision);
  const Work work = [&] {
    return compiled.run([&](const ModelCall& call, int lane) { return 2 * call.value(size, 0, lane) + 2; });
  };
  ScalarRegression<Real> scalar;
  const Work baseline = [&] {
    double normals = 0;
    for (int i = 0; i < 16; ++i) {
      normals += scalar.simulate();
      keep(scalar.y.data());
    }
    return normals;
  };
  const Comparison result = compare(effort, work, baseline);
  print(
      {.name = "linear_regression_normals_" + name,
       .unit = "normals per second and core",
       .value = result.rate,
       .against = by_hand,
       .baseline = result.baseline_rate,
       .ratio = result.ratio,
       .aim = precision == Precision::f32 ? std::optional(Aim{Aim::Of::ratio, Aim::Bound::at_least, 8}) : std::nullopt,
       .turns = effort.turns});

  // What training calls: the draws copied into a batch of data sets.
  Simulator simulator(model, {.precision = precision});
  std::uint64_t first = 0;
  const Work batches = [&] {
    const SimulatedBatch batch = simulator.simulate(first, 256, 1);
    first += 256;
    double normals = 0;
    for (const double count : batch.data.variables[size].values) normals += 2 * count + 2;
    return normals;
  };
  const Comparison copied = compare(effort, batches, baseline);
  print({.name = "linear_regression_normals_" + name + "_in_batches",
         .unit = "normals per second and core",
         .value = copied.rate,
         .against = by_hand + ", nothing copied",
         .baseline = copied.baseline_rate,
         .ratio = copied.ratio,
         .turns = effort.turns});
}

template <typename Real>
void bench_steps(const Effort& effort, const std::shared_ptr<const CompiledModel>& model, Precision precision,
                 const std::string& name) {
  const std::size_t size = variable(*model, "N"), time = variable(*model, "rt");
  const std::size_t nondecision = variable(*model, "nondecision");
  Simulation compiled(model, precision);
  const Work work = [&] {
    return compiled.run([&](const ModelCall& call, int lane) {
      const auto count = static_cast<std::size_t>(call.value(size, 0, lane));
      const double start = call.value(nondecision, 0, lane);
      double duration = 0;
      for (std::size_t n = 0; n < count; ++n) duration += call.value(time, n, lane) - start;
      return std::round(duration / 0.005);
    });
  };
  ScalarDiffusion<Real> scalar;
  const Work baseline = [&] {
    const auto steps = static_cast<double>(scalar.simulate());
    keep(scalar.time.data());
    return steps;
  };
  const Comparison result = compare(effort, work, baseline);
  print({.name = "drift_diffusion_steps_" + name,
         .unit = "steps per second and core",
         .value = result.rate,
         .against = by_hand,
         .baseline = result.baseline_rate,
         .ratio = result.ratio,
         .turns = effort.turns});
}

} // namespace

void bench_simulation(const Effort& effort, const Places& places) {
  const std::shared_ptr<const CompiledModel> regression =
      compile_example(places, "01_linear_regression/linear_regression.sib");
  bench_normals<float>(effort, regression, Precision::f32, "float");
  bench_normals<double>(effort, regression, Precision::f64, "double");
  const std::shared_ptr<const CompiledModel> diffusion =
      compile_example(places, "03_drift_diffusion/drift_diffusion.sib");
  bench_steps<float>(effort, diffusion, Precision::f32, "float");
  bench_steps<double>(effort, diffusion, Precision::f64, "double");
}

} // namespace sibyl::bench
