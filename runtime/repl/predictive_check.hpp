// Posterior predictive check: does the model, with parameters from its posterior, give data like those observed?
#pragma once

#include "runtime/model/predictor.hpp"
#include "runtime/repl/plot.hpp"

#include <string>
#include <vector>

namespace sibyl::repl {

// One test statistic of one observed variable. `tail`: the two-sided tail probability of the data's value among the
// replicated ones, 2 min(P(T_rep <= T), P(T_rep >= T)), at most 1 (Gelman, Meng and Stern 1996, two-sided).
struct StatisticCheck {
  std::string variable, statistic;
  double observed = 0, mean = 0, q5 = 0, q95 = 0, tail = 1;
};

struct VariableCheck {
  std::string name;
  bool is_integer = false;
  std::vector<StatisticCheck> statistics; // mean, sd, min, 25%, 50%, 75%, max
  Bins observed, replicated;              // the same bins
};

// `data`: what was observed; missing values are left out, in the replicated data sets too.
std::vector<VariableCheck> check_predictions(const Facts& facts, const DataBatch& data, const Prediction& predicted,
                                             int bin_count);

} // namespace sibyl::repl
