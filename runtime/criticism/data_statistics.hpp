// Statistics that a data set is compared with replications by: of the values (mean, sd, extremes, autocorrelation) and
// of their residuals, each value's distance from its own replications.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

struct PredictedStatistic {
  std::string name;                      // "the sd of y"
  double observed = 0, mean = 0, sd = 0; // the latter two over the replications
  std::vector<double> replicated = {};   // of each replication, where it is one of the data alone

  // The distance of the data from the replications in their sds, at most `largest_score`; zero where the statistic has
  // no meaning (the sd of one value).
  double score() const;
  static constexpr double largest_score = 1e6;
};

// One observed variable. `observed`: its elements, NaN where one is missing; `replicated`: [replication][element];
// `length`: of the last dimension, along which autocorrelation runs. A variable without dimensions (`is_scalar`) has
// its value alone. The list of statistics depends on nothing but `name` and `is_scalar`.
void add_statistics(const std::string& name, bool is_scalar, bool is_integer, std::span<const double> observed,
                    std::span<const double> replicated, std::size_t length, std::vector<PredictedStatistic>& result);

// The statistics that need no replications (of the values themselves), with `observed` alone; NaN where they have no
// meaning.
std::vector<PredictedStatistic> plain_statistics(const std::string& name, bool is_scalar,
                                                 std::span<const double> observed, std::size_t length);

// A quantity that the model computes: `observed` and `replicated` for each replication, by the same draw of the
// parameters, from the data and from their replication. Their differences are judged, so that what the parameters alone
// contribute does not count (Gelman, Meng and Stern 1996, "Posterior predictive assessment of model fitness via
// realized discrepancies", Statistica Sinica 6).
PredictedStatistic compare_quantity(const std::string& name, std::span<const double> observed,
                                    std::span<const double> replicated);

} // namespace sibyl
