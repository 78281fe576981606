// A sampler tried on fresh simulations whose parameters are known: what trust/calibration.hpp judges it by.
#pragma once

#include "runtime/posterior/posterior_sampler.hpp"
#include "runtime/trust/calibration.hpp"

#include <cstdint>
#include <memory>

namespace sibyl {

struct CalibrationOptions {
  std::size_t simulations = 1000, draws = 500;
  std::uint64_t seed = 1;
  int threads = 1;
};

// Simulates from first_calibration_index on: data sets that training never sees.
Calibration calibrate(std::shared_ptr<const CompiledModel> model, const PosteriorSampler& sampler,
                      const CalibrationOptions& options);

// The summaries of fresh simulations as what is typical.
TypicalSet measure_typical_set(std::shared_ptr<const CompiledModel> model, const PosteriorSampler& sampler,
                               std::size_t simulations, std::uint64_t seed, int threads);

} // namespace sibyl
