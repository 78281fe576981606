// What the networks are to the rest of the runtime: for each data set a distribution of z, the parameters in the data
// set's frame.
#pragma once

#include "runtime/inputs/input_encoder.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sibyl {

// Safe for several threads at once.
class FramePosterior {
 public:
  virtual ~FramePosterior() = default;

  // Everything that the distribution is conditioned on, learned summaries and direct inputs: [data set][summary].
  virtual std::size_t summary_size() const = 0;
  virtual std::vector<float> summarize(const EncodedBatch& inputs) const = 0;

  // `count` draws for one data set, [draw][parameter], and the log density of each where `log_density` is not null.
  // The same seed gives the same draws.
  virtual void sample(const float* summary, std::size_t count, std::uint64_t seed, double* z,
                      double* log_density) const = 0;

  // Whether the densities of draws cost little beside the draws themselves.
  virtual bool has_cheap_density() const { return true; }

  // The log density of each of `count` points, [point][parameter].
  virtual void log_density(const float* summary, std::size_t count, const double* z, double* log_density) const = 0;
};

} // namespace sibyl
