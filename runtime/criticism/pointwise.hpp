// Leave-one-out of a data set, from whatever draws there are.
#pragma once

#include "runtime/criticism/weighted_posterior.hpp"
#include "runtime/model/log_likelihood.hpp"
#include "runtime/trust/loo.hpp"

#include <memory>
#include <span>
#include <string>

namespace sibyl {

// The generated quantity `log_lik` where the model has it, as Stan's users write it; else the terms of the model's own
// likelihood. Throws as log_likelihood does.
PointwiseLikelihood pointwise_likelihood(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                                         const Draws& draws);

struct PointwiseLoo {
  std::vector<std::string> points;
  Loo loo;
  // "" where the draws are the posterior's; else what the verdict says of them: then elpd is not to be trusted.
  std::string doubt;
};

PointwiseLoo leave_one_out(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                           const WeightedPosterior& posterior);

} // namespace sibyl
