// The log likelihood of a data set by its terms: what leave-one-out leaves out, and what powers of the likelihood
// scale.
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "runtime/data/data_set.hpp"
#include "runtime/data/draws.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sibyl {

// A point is what is observed together: an element of an observed variable, of the exchangeable and sequential
// dimensions of it where it has such. Variables of one plate share its points.
struct PointwiseLikelihood {
  std::vector<std::string> points; // "y[3]"; "rt[3], choice[3]"
  std::vector<double> values;      // [draw][point], log densities; minus infinity where a check of the model fails
};

// Why a model has no terms; "" where it has them.
std::string why_no_log_likelihood(const CompiledModel& model);

// For each row of `draws`, which has the model's parameters. The data set is complete. What has the same value of zero
// in all draws is no point: elements that no statement draws. Throws UserError where the model has no terms or a value
// is missing, RuntimeError where the data violate the model's declarations.
PointwiseLikelihood log_likelihood(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                                   const Draws& draws);

} // namespace sibyl
