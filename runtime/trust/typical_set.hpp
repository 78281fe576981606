// Is a data set like the training's? The distance of its summary from the training summaries, against the distances of
// simulated data sets that were not used to measure it.
#pragma once

#include "runtime/data/edge_values.hpp"
#include "runtime/trust/data_check.hpp"
#include "runtime/trust/density_check.hpp"
#include "runtime/trust/exact_outcome.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

class TypicalSet {
 public:
  TypicalSet() = default;
  // `summaries`: [data set][summary] of simulations. Half of them give mean and covariance, the other half the
  // distances.
  TypicalSet(std::span<const float> summaries, std::size_t summary_size);

  bool empty() const { return mean_.empty(); }
  std::size_t summary_size() const { return mean_.size(); }
  // Mahalanobis distance.
  double distance(const float* summary) const;
  // The share of simulated data sets that lie as far out.
  double p_value(double distance) const;
  // Whether it lies much further out than any simulation.
  bool is_outside(double distance) const;

  friend void to_json(nlohmann::json& json, const TypicalSet& set);
  friend void from_json(const nlohmann::json& json, TypicalSet& set);

 private:
  std::vector<double> mean_, factor_; // factor: of the covariance
  std::vector<double> distances_;     // sorted
  std::size_t simulated_ = 0;         // how many they stand for
};

// What is said of one posterior.
struct Verdict {
  double distance = 0, p_value = 1;
  bool outside = false;
  bool frame_converged = true;
  bool has_missing = false;
  LeftOut failed_draws;              // those that miss what is computed from their parameters
  std::vector<std::string> warnings; // on the data set: sizes outside of the range in training
  std::optional<DensityCheck> check; // of the draws, where the model's density is known
  std::string unchecked;             // where there is none, why not
  std::optional<LocalOutcome> local; // where there is none, what the sampler's own test found (trained_test.hpp)
  std::optional<ExactOutcome> exact; // where exact draws were asked for
  std::optional<Verification> verification; // where all that can be asked was asked
  // "typical", "unusual (p = 0.004)", "outside of the simulations", and before these where the density says so
  // "approximate: k-hat 0.92", and behind them where nothing could say so; or how exact draws were made; with remarks
  // after semicolons.
  std::string text() const;
  bool is_fine() const;
  static constexpr double unusual_p_value = 0.01;

 private:
  std::string verified_text() const;
};

} // namespace sibyl
