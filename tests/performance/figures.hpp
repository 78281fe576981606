// Benchmarks as figures: each is one line of JSON, a rate or a time beside what it is to be compared with.
//
// A figure says something only beside another one from the same machine at the same moment. So what is measured and its
// baseline take turns in one process, rates are per second of processor time of the one thread that works, and a ratio
// is the median of the ratios of the turns: what else the machine does disturbs both alike.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace sibyl::bench {

// How long to measure. The quick way only proves that everything runs.
struct Effort {
  int turns = 7;        // of each measurement; the median counts
  double seconds = 0.3; // of a turn, at least
  bool quick = false;
};

struct Aim {
  enum class Of { value, ratio } of;
  enum class Bound { at_least, at_most } bound;
  double number;
};

struct Figure {
  std::string name, unit;
  double value = 0;
  std::string against;            // what the baseline is; empty: there is none
  std::optional<double> baseline; // in the same unit
  std::optional<double> ratio;    // value to baseline
  std::optional<Aim> aim;
  int turns = 0;
  nlohmann::ordered_json parts = nlohmann::ordered_json::object(); // what the value consists of
};

// One line on standard output.
void print(const Figure& figure);

double median(std::vector<double> values);

// Processor seconds of the calling thread.
double thread_seconds();

// Does some work and returns how much of it there was: draws, steps, evaluations.
using Work = std::function<double()>;

// Work per processor second, beside the baseline's.
struct Comparison {
  double rate, baseline_rate, ratio;
};
Comparison compare(const Effort& effort, const Work& work, const Work& baseline);

// Keeps the optimizer from dropping what computed the memory behind the pointer.
inline void keep(const void* result) { asm volatile("" : : "r"(result) : "memory"); }

// The groups of figures, one file each. `models` is the folder of the examples, `program` the program `sibyl`.
struct Places {
  std::string examples, program, scratch;
};
void bench_simulation(const Effort& effort, const Places& places);
void bench_density(const Effort& effort, const Places& places);
void bench_compilation(const Effort& effort, const Places& places);
void bench_training(const Effort& effort, const Places& places);
void bench_programs(const Effort& effort, const Places& places);

} // namespace sibyl::bench
