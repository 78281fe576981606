// Whether a model can have made a data set: statistics of the data beside those of replications, and how both are told.
#pragma once

#include "runtime/trust/local_outcome.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace sibyl {

// A statistic of the data beside its distribution over replications. `p_value`: the share of simulated data sets whose
// own statistic lies as far from its replications, in sds of these.
struct StatisticCheck {
  std::string name; // "the sd of y"
  double observed = 0, mean = 0, sd = 0, p_value = 1;
};

// All statistics together. The p-value is uniform for data sets of the model: it compares the data set with simulated
// ones that were treated as it was, and pays for looking at several statistics.
struct DataCheck {
  double p_value = 1;
  std::string worst;                      // of the statistic that is furthest out: one clause
  std::vector<StatisticCheck> statistics; // by increasing p-value
  std::size_t replications = 0, simulated = 0;
  // Its summaries are far from those of simulations, and so are those of simulations with its own design: the p-value
  // then compares it with these.
  bool has_unusual_design = false;
};

// What answered for a posterior when everything that can be asked was asked.
enum class Rung { none, importance_weights, chains, local_test, predictions };
const char* name_of(Rung rung);

// The ladder's outcome for one data set.
struct Verification {
  Rung answered_by = Rung::none;
  DataCheck data;
  // The local test of the draws (local_test.hpp), where they are the networks'.
  std::optional<LocalOutcome> local;
  std::string data_unchecked;           // why the data could not be compared with replications, or ""
  std::vector<std::string> not_checked; // what could not be, one clause each
  // What it cost.
  double seconds = 0;
  std::size_t densities = 0, gradients = 0, simulations = 0;
};

} // namespace sibyl
