// How good a sampler is, judged by draws for fresh simulations whose parameters are known (training/calibrate.hpp makes
// them): calibration of ranks, recovery, contraction and coverage.
#pragma once

#include "runtime/data/edge_values.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
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

// What the draws for one data set say about one parameter's truth.
struct Comparison {
  double truth, median, variance, rank; // rank: share of the draws below
  bool covered;                         // by the central 90% interval
};

struct Calibration {
  std::size_t simulations = 0, draws = 0;
  LeftOut left_out;             // of the simulations that were tried
  double log_density = 0;       // mean log posterior density of the truth in the model's own space
  double log_density_error = 0; // its standard error
  double band = 0;              // half width of the 99% band of the calibration error
  std::vector<ParameterCalibration> parameters;
};

// Half the width of the simultaneous 99% band of the ranks' ECDF.
double calibration_band(std::size_t simulations, std::size_t draws);

// Whether the truth does: what a constraint fixes (the diagonal of correlations, the zeros of a triangle) is known
// without data, and is not judged.
bool varies(const std::vector<Comparison>& comparisons);

// One parameter over all data sets; `band` is theirs.
ParameterCalibration judge(const std::string& name, std::vector<Comparison> comparisons, double band);

// The lines that training ends with.
std::string describe(const Calibration& calibration);
void to_json(nlohmann::json& json, const Calibration& calibration);

} // namespace sibyl
