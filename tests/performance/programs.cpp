// Whole runs of the program, start-up included.
#include "compiler/build/process.hpp"
#include "lang/errors.hpp"
#include "runtime/training/calibrate.hpp"
#include "runtime/training/train_sampler.hpp"
#include "tests/performance/models.hpp"
#include "tests/performance/training.hpp"

#include <chrono>
#include <cstdlib>

#include <sys/resource.h>

namespace sibyl::bench {

namespace {

void run(const std::vector<std::string>& command) {
  const build::ProcessResult result = build::run_process(command);
  if (result.exit_code != 0) throw RuntimeError(command[0] + " " + command[1] + " failed: " + result.output);
}

double processor_seconds_of_children() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void bench_program(const Effort& effort, const std::string& name, double at_most,
                   const std::vector<std::string>& command) {
  run(command); // files are in memory and code is in the cache
  std::vector<double> times, processor;
  for (int turn = 0; turn < effort.turns; ++turn) {
    const auto start = std::chrono::steady_clock::now();
    const double before = processor_seconds_of_children();
    run(command);
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    processor.push_back(processor_seconds_of_children() - before);
  }
  print({.name = name,
         .unit = "seconds from start to end",
         .value = median(times),
         .aim = Aim{Aim::Of::value, Aim::Bound::at_most, at_most},
         .turns = effort.turns,
         .parts = {{"processor_seconds", median(processor)}}});
}

// Barely trained, which costs the same to sample from.
void write_sampler(const Places& places, const std::string& path, bool quick) {
  const auto model = compile_example(places, "03_drift_diffusion/drift_diffusion.sib");
  Training training(model, FrameChoice::prior, 64, quick);
  SamplerFile file;
  file.model_name = model->name();
  file.model_text = model->text();
  file.weights = training.run(quick ? 2 : 50).weights;
  file.config = training.config();
  file.setup = training.setup();
  file.typical = measure_typical_set(model, make_sampler(model, file),
                                     {.simulations = quick ? 100u : 2000u, .threads = 2});
  write_sampler_file(path, file);
}

} // namespace

void bench_programs(const Effort& effort, const Places& places) {
  setenv("XDG_CACHE_HOME", (places.scratch + "/programs").c_str(), 1);
  bench_program(effort, "check_of_a_small_model", 0.1,
                {places.program, "check", places.examples + "/01_linear_regression/linear_regression.sib"});

  const std::string sampler = places.scratch + "/drift_diffusion.sibyl";
  write_sampler(places, sampler, effort.quick);
  bench_program(effort, "sample_of_14_people", 1,
                {places.program, "sample", sampler, places.examples + "/data/cavanagh_2011.csv", "--by", "subj_idx",
                 "-n", effort.quick ? "100" : "4000", "-o", places.scratch + "/draws.csv"});
}

} // namespace sibyl::bench
