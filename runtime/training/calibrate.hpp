// A sampler tried on fresh simulations whose parameters are known: what trust/calibration.hpp judges it by.
#pragma once

#include "runtime/posterior/posterior_sampler.hpp"
#include "runtime/trust/calibration.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace sibyl {

struct CalibrationOptions {
  std::size_t simulations = 1000, draws = 500;
  std::uint64_t seed = 1;
  int threads = 1;
  double seconds = 0; // fewer simulations where they would take longer, but no fewer than `fewest`; 0: no limit
  std::size_t fewest = 100;
  // Where it is more than `interrupts_before`: stop, and throw RuntimeError. What has ended training must not end this.
  const std::atomic<std::int32_t>* interrupted = nullptr;
  std::int32_t interrupts_before = 0;
  std::function<void(std::size_t)> told; // hears how many simulations have been judged
  // Hears of each simulation what a test of draws is learned from (trained_test.hpp).
  std::function<void(TestExample)> example;
};

// Simulates from first_calibration_index on: data sets that training never sees.
Calibration calibrate(std::shared_ptr<const CompiledModel> model, const PosteriorSampler& sampler,
                      const CalibrationOptions& options);

// The summaries of fresh simulations as what is typical. The limits are those of a calibration; its draws are not used.
TypicalSet measure_typical_set(std::shared_ptr<const CompiledModel> model, const PosteriorSampler& sampler,
                               const CalibrationOptions& options);

} // namespace sibyl
