// How good a trained sampler is, over all that it was trained for and for given data: what a report on it shows
// (runtime/criticism/report.hpp).
#pragma once

#include "runtime/criticism/sensitivity.hpp"
#include "runtime/posterior/posterior_sampler.hpp"
#include "runtime/trust/calibration.hpp"
#include "runtime/trust/ecdf_band.hpp"

#include <nlohmann/json_fwd.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

struct DiagnoseOptions {
  std::size_t simulations = 500, draws = 400;
  std::size_t weighted = 100; // of the simulations: k-hat is looked at for so many
  std::uint64_t seed = 1;
  int threads = 1;
  const std::atomic<std::int32_t>* interrupted = nullptr;
};

// One parameter over all simulations.
struct ParameterDiagnosis {
  std::string name;
  ParameterCalibration numbers;
  bool inside_band = true;                              // its ECDF difference, of the simultaneous band
  std::vector<double> truth, mean, sd, q5, median, q95; // of each simulation
  std::vector<double> ranks;                            // share of the draws below the truth
  std::vector<double> difference;                       // of the ranks' ECDF
  std::vector<double> covered;                          // share inside of the central intervals at `levels`
};

// Of a data set: a statistic among those of simulated data sets.
struct PriorPrediction {
  std::string statistic;         // "the mean of y"
  std::vector<double> simulated; // sorted
  std::vector<double> observed;  // of each given data set
};

struct Diagnosis {
  static constexpr double levels[] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95};
  std::size_t simulations = 0, draws = 0;
  LeftOut left_out;
  double coverage_error = 0; // half the width of the 99% band of a share of simulations, at one half
  EcdfBand band;             // 99%, of ranks
  std::vector<ParameterDiagnosis> parameters;
  // Of all parameters jointly: the share of the draws that are closer to a random point than the truth is, uniform if
  // posteriors are right (TARP; Lemos, Coogan, Hezaveh and Perreault-Levasseur 2023, "Sampling-based accuracy testing
  // of posterior estimators for general inference").
  std::vector<double> tarp, tarp_difference;
  bool tarp_inside = true;
  std::vector<double> k_hat; // of simulated data sets, sorted; empty where there is no density
  std::string no_k_hat;      // why
  double typical_share = 0;  // of these, the share whose verdict is fine
  std::vector<PriorPrediction> predictions;
  std::vector<Posterior> data; // verified posteriors of the given data sets
  // Of the first given data sets; empty where it is not known: why.
  std::vector<DataSensitivity> sensitivities;
  std::string no_sensitivity;
  double seconds = 0;

  // Of `levels`, those that are judged: 50% and 90%.
  static constexpr std::size_t judged_levels[] = {4, 8};
  // Whether a parameter's intervals hold the truth as often as they say; all judged intervals of all parameters of a
  // right sampler do with 99%.
  bool is_covered(const ParameterDiagnosis& parameter, std::size_t judged_level) const;
  // What is wrong with the sampler, one sentence each.
  std::vector<std::string> complaints() const;
};

// `data_sets` may be empty. Throws as PosteriorSampler::sample and Simulator do.
Diagnosis diagnose(const PosteriorSampler& sampler, std::span<const DataSet> data_sets, const DiagnoseOptions& options,
                   const std::function<void(const std::string&)>& progress = {});

// What the sampler was trained for, one clause each ("`N` from 5 to 14"); for other data it must not be used.
std::vector<std::string> describe_range(const InferenceSetup& setup);

nlohmann::ordered_json diagnosis_json(const Diagnosis& diagnosis, const InferenceSetup& setup);
// For the terminal.
std::string diagnosis_text(const Diagnosis& diagnosis, const InferenceSetup& setup);

} // namespace sibyl
