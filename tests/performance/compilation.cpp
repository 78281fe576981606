// From a model's text to callable machine code: parsing, checking, transformation, code generation and linking. Each
// time in a fresh process, as its user has it: the standard library is read and LLVM set up once in a process.
#include "tests/performance/compilation.hpp"

#include "compiler/build/process.hpp"
#include "lang/errors.hpp"
#include "tests/performance/models.hpp"

#include <chrono>
#include <cstdio>
#include <filesystem>

namespace sibyl::bench {

namespace {

Precision precision_named(const std::string& name) { return name == "f32" ? Precision::f32 : Precision::f64; }

CompilationTime time_in_process(const std::string& path, const std::string& function, const std::string& precision,
                                const std::string& cache) {
  const build::ProcessResult result =
      build::run_process({"/proc/self/exe", "--compilation", path, function, precision, cache});
  CompilationTime time{};
  if (result.exit_code != 0 || std::sscanf(result.output.c_str(), "%lf %lf", &time.processor, &time.wall) != 2)
    throw RuntimeError("compiling " + path + " failed: " + result.output);
  return time;
}

struct Times {
  std::vector<double> processor, wall;

  void add(const CompilationTime& one) {
    processor.push_back(one.processor);
    wall.push_back(one.wall);
  }
  void print_as(const std::string& name, double at_most) const {
    print({.name = name,
           .unit = "processor seconds from text to callable code",
           .value = median(processor),
           .aim = Aim{Aim::Of::value, Aim::Bound::at_most, at_most},
           .turns = static_cast<int>(processor.size()),
           .parts = {{"seconds", median(wall)}}});
  }
};

} // namespace

CompilationTime time_compilation(const std::string& path, const std::string& function, const std::string& precision,
                                 const std::string& cache_directory) {
  const std::string text = read_file(path);
  const double processor = thread_seconds();
  const auto start = std::chrono::steady_clock::now();
  const CompileResult result = compile(Source(path, text), {.cache_directory = cache_directory});
  if (!result.model) throw InternalError(path + " does not compile");
  const Precision type = precision_named(precision);
  result.model->function(function, type, result.model->preferred_lanes(type));
  return {thread_seconds() - processor,
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

void bench_compilation(const Effort& effort, const Places& places) {
  struct Case {
    std::string name, model, function, precision;
  };
  const Case cases[] = {
      {"linear_regression_simulate", "01_linear_regression/linear_regression.sib", "simulate", "f32"},
      {"linear_regression_gradient", "01_linear_regression/linear_regression.sib", "log_density_gradient", "f64"},
      {"drift_diffusion_simulate", "03_drift_diffusion/drift_diffusion.sib", "simulate", "f32"},
      {"eight_schools_gradient", "04_posterior_density/eight_schools.stan", "log_density_gradient", "f64"},
  };
  for (const Case& one : cases) {
    const std::string path = places.examples + "/" + one.model, cache = places.scratch + "/compilation";
    Times cold, cached;
    for (int turn = 0; turn < effort.turns; ++turn) {
      std::filesystem::remove_all(cache);
      cold.add(time_in_process(path, one.function, one.precision, cache));
      cached.add(time_in_process(path, one.function, one.precision, cache));
    }
    cold.print_as(one.name + "_compiled", 0.3);
    cached.print_as(one.name + "_from_the_cache", 0.02);
  }
}

} // namespace sibyl::bench
