// Several models of one data set: evidences and posterior probabilities, and differences of leave-one-out.
#pragma once

#include "runtime/criticism/pointwise.hpp"
#include "runtime/criticism/weighted_posterior.hpp"
#include "runtime/trust/model_comparison.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

struct ModelOfData {
  std::shared_ptr<const CompiledModel> model;
  const DataSet* data;
  const WeightedPosterior* posterior;
};

struct ModelOutcome {
  ModelEvidence evidence;
  ModelProbability probability; // NaN where a model's evidence is not known
  Loo loo;
  std::string no_elpd;      // why its leave-one-out is not known, or ""
  LooDifference difference; // of the elpd to that of the best model, paired by points; NaN where it is not known
  std::string doubt;        // what is to be known of the elpd, or ""
};

// `prior`: of the models, summing to what it may. Throws UserError where one is negative or all are zero.
std::vector<ModelOutcome> compare_models(std::span<const ModelOfData> models, std::span<const double> prior);

} // namespace sibyl
