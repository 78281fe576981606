// Leave-one-out by leaving out: the posterior of a data set without one of its points, drawn by an amortized sampler
// that knows data sets of one point less. What Pareto-smoothed importance sampling approximates
// (runtime/trust/loo.hpp), and can fail at for points that decide much.
#pragma once

#include "runtime/criticism/pointwise.hpp"

namespace sibyl {

// The data set without point `index` (from 0) of the one plate that all that is observed is of. Throws UserError where
// points cannot be left out: that plate's size must be a variable of the design that is drawn anew for each data set.
DataSet without_point(const Facts& facts, const DataSet& data, std::size_t index);

// As leave_one_out (pointwise.hpp). The k-hat of a point is that of the draws' weights towards its own posterior, 0
// where these are by Markov chains. Throws UserError where points cannot be left out, or there is only one.
PointwiseLoo leave_one_out_exactly(const PosteriorSampler& sampler, const DataSet& data, const SampleOptions& options);

} // namespace sibyl
