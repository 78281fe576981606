// What the residuals of a data set tell of the parameters that its replications were drawn with: where the data lie
// as they do among replications of larger parameters, they pull these upwards. Draws that are the posterior's have
// taken all of it into account, so that a pull says nothing of the truth; draws from networks that overlooked something
// in the data have not.
#pragma once

#include "runtime/criticism/data_statistics.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace sibyl {

class ResidualPulls {
 public:
  explicit ResidualPulls(std::size_t parameters) : products_(2 * parameters), squares_(2 * parameters) {}

  // One observed variable. `observed`: its elements, NaN where one is missing; `replicated`: [replication][element];
  // `points`: [replication][parameter], what made them. Replications that are fewer than three tell nothing.
  void add(std::span<const double> observed, std::span<const double> replicated, std::span<const double> points);

  // By the residuals of all variables, then by their squares: [2][parameter], about standard normal where elements do
  // not depend on each other. The sum over elements of the residual and its correlation with the parameter over the
  // replications, in units of the root of these correlations' squares.
  std::vector<double> result() const;

 private:
  std::vector<double> products_, squares_;
};

// The same by statistics of whole data sets: where these lie as they do among replications of larger parameters.
// Elements that depend on each other tell more together (of a time series, how strongly) than one by one. What a
// regression of the parameters on the statistics over the replications gives at the data, with a ridge, in sds of the
// parameters: [parameter]. `points`: [replication][parameter].
std::vector<double> pulls_of_statistics(std::span<const PredictedStatistic> statistics, std::span<const double> points,
                                        std::size_t parameters);

} // namespace sibyl
