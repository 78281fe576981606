// Posterior probabilities of models from their evidences.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace sibyl {

struct ModelEvidence {
  double log_evidence = 0, error = 0; // its standard error
  std::string unknown;                // why it is not known, or ""
};

struct ModelProbability {
  double probability = 0, error = 0; // by the delta method; NaN where a model's evidence is not known
};

// Bayes' rule: `prior` sums to what it may. Throws UserError where a probability is negative or all are zero.
std::vector<ModelProbability> model_probabilities(std::span<const ModelEvidence> evidences,
                                                  std::span<const double> prior);

} // namespace sibyl
