// A training step: how long it takes and how that divides. Simulation runs on threads of its own beside the optimizer;
// given are what the optimizer waits for it, and what a batch of it costs there.
#include "tests/performance/training.hpp"

#include "runtime/posterior/network_posterior.hpp"
#include "tests/performance/models.hpp"

namespace sibyl::bench {

namespace {

struct Case {
  std::string name, model;
  FrameChoice frame;
  std::size_t batch_size; // what `sibyl train` chooses for it
  double at_most;         // milliseconds
};

double milliseconds_of_a_batch(const Effort& effort, ExampleMaker& maker, std::size_t batch_size) {
  std::vector<double> times;
  for (int turn = 0; turn < effort.turns; ++turn) {
    const double start = thread_seconds();
    maker.make(static_cast<std::uint64_t>(turn) * batch_size, batch_size);
    times.push_back(1000 * (thread_seconds() - start));
  }
  return median(times);
}

void bench_step(const Effort& effort, const Places& places, const Case& one) {
  Training training(compile_example(places, one.model), one.frame, one.batch_size, effort.quick);
  training.run(5); // LibTorch sets itself up
  std::vector<double> waiting, forward, backward, optimizer, total;
  for (int turn = 0; turn < effort.turns; ++turn) {
    const StepTimes times = training.run(effort.quick ? 5 : 60).times;
    waiting.push_back(times.waiting);
    forward.push_back(times.forward);
    backward.push_back(times.backward);
    optimizer.push_back(times.optimizer);
    total.push_back(times.waiting + times.forward + times.backward + times.optimizer);
  }
  print({.name = one.name + "_training_step",
         .unit = "milliseconds on two threads",
         .value = median(total),
         .aim = Aim{Aim::Of::value, Aim::Bound::at_most, one.at_most},
         .turns = effort.turns,
         .parts = {{"waiting_for_simulations", median(waiting)},
                   {"forward", median(forward)},
                   {"backward", median(backward)},
                   {"optimizer", median(optimizer)},
                   {"simulation_beside_it", milliseconds_of_a_batch(effort, training.maker(), one.batch_size)},
                   {"data_sets", one.batch_size}}});
}

} // namespace

Training::Training(std::shared_ptr<const CompiledModel> model, FrameChoice frame, std::size_t batch_size, bool quick) {
  SetupOptions options;
  options.frame = frame;
  options.threads = 2;
  if (quick) options.pilot_count = 200;
  setup_ = std::make_shared<const InferenceSetup>(prepare(model, options));
  maker_ = std::make_unique<ExampleMaker>(model, setup_, 1);
  source_ = std::make_unique<TrainingSource>(model, setup_, TrainingSourceOptions{.batch_size = batch_size});
  job_.config = network_config(*setup_, "spline_flow");
  job_.batch_size = batch_size;
  job_.threads = options.threads;
  job_.validation = network_batch(maker_->make(first_validation_index, 64));
  job_.batch = [this](std::int64_t) { return network_batch(source_->next()); };
}

TrainingResult Training::run(std::int64_t steps) {
  job_.budget.steps = steps;
  return load_training()(job_);
}

void bench_training(const Effort& effort, const Places& places) {
  const std::string regression = "01_linear_regression/linear_regression.sib";
  bench_step(effort, places, {"linear_regression_laplace_frame", regression, FrameChoice::laplace, 256, 20});
  bench_step(effort, places, {"linear_regression_prior_frame", regression, FrameChoice::prior, 256, 30});
  bench_step(effort, places,
             {"drift_diffusion", "03_drift_diffusion/drift_diffusion.sib", FrameChoice::automatic, 64, 80});
}

} // namespace sibyl::bench
