#include "runtime/trust/model_comparison.hpp"

#include "lang/errors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sibyl {

std::vector<ModelProbability> model_probabilities(std::span<const ModelEvidence> evidences,
                                                  std::span<const double> prior) {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  double sum = 0;
  for (const double one : prior) {
    if (!(one >= 0)) throw UserError("a model's prior probability is negative");
    sum += one;
  }
  if (!(sum > 0)) throw UserError("the models' prior probabilities are all zero");
  const bool is_known =
      std::all_of(evidences.begin(), evidences.end(), [](const ModelEvidence& one) { return one.unknown.empty(); });
  std::vector<ModelProbability> result(evidences.size(), {unknown, unknown});
  if (!is_known) return result;
  double largest = -std::numeric_limits<double>::infinity(), total = 0;
  for (std::size_t m = 0; m < evidences.size(); ++m)
    if (prior[m] > 0) largest = std::max(largest, evidences[m].log_evidence);
  for (std::size_t m = 0; m < evidences.size(); ++m) {
    result[m].probability = prior[m] * std::exp(evidences[m].log_evidence - largest);
    total += result[m].probability;
  }
  for (ModelProbability& one : result) one.probability /= total;
  // d p_m / d log Z_j = p_m (1 if m is j, less p_j).
  for (std::size_t m = 0; m < result.size(); ++m) {
    double variance = 0;
    for (std::size_t j = 0; j < result.size(); ++j) {
      const double slope = result[m].probability * ((m == j ? 1 : 0) - result[j].probability);
      variance += slope * slope * evidences[j].error * evidences[j].error;
    }
    result[m].error = std::sqrt(variance);
  }
  return result;
}

} // namespace sibyl
