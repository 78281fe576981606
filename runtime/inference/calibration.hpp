// How good a sampler is, on fresh simulations whose parameters are known.
#pragma once

#include "runtime/inference/posterior_sampler.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace sibyl {

struct ParameterCalibration {
  std::string name;
  // Largest distance between the ECDF of the truth's ranks among the draws and the uniform one.
  double calibration_error = 0;
  bool inside_band = true; // whether that is inside the simultaneous 99% band
  // By medians: one data set that tells little of a scale, whose posterior has a long tail, must not decide.
  double recovery = 0;    // correlation of posterior median and truth
  double contraction = 0; // 1 - median over data sets of the posterior variance / variance of the truth
  double coverage_90 = 0; // share of truths inside the central 90% intervals
};

struct Calibration {
  std::size_t simulations = 0, draws = 0;
  double log_density = 0;       // mean log posterior density of the truth in the model's own space
  double log_density_error = 0; // its standard error
  double band = 0;              // half width of the 99% band of the calibration error
  std::vector<ParameterCalibration> parameters;
};

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

// The lines that training ends with.
std::string describe(const Calibration& calibration);
void to_json(nlohmann::json& json, const Calibration& calibration);

} // namespace sibyl
