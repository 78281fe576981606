#include "runtime/criticism/compare_models.hpp"

#include "lang/errors.hpp"

#include <fmt/format.h>

#include <cmath>

namespace sibyl {

std::vector<ModelOutcome> compare_models(std::span<const ModelOfData> models, std::span<const double> prior) {
  const std::size_t count = models.size();
  std::vector<ModelOutcome> result(count);
  std::vector<ModelEvidence> evidences;
  std::vector<std::size_t> points(count);
  for (std::size_t m = 0; m < count; ++m) {
    const Verdict& verdict = models[m].posterior->verdict;
    if (verdict.check && verdict.check->log_evidence)
      result[m].evidence = {*verdict.check->log_evidence, verdict.check->log_evidence_error, ""};
    else result[m].evidence.unknown = verdict.check ? verdict.check->no_evidence : verdict.unchecked;
    evidences.push_back(result[m].evidence);
    try {
      PointwiseLoo found = leave_one_out(models[m].model, *models[m].data, *models[m].posterior);
      result[m].no_elpd = found.doubt;
      result[m].loo = std::move(found.loo);
      points[m] = found.points.size();
    } catch (const UserError& error) {
      result[m].no_elpd = error.what();
    }
  }
  const std::vector<ModelProbability> probabilities = model_probabilities(evidences, prior);
  // Differences are to the best model whose elpd is known, paired by points where these are the same.
  std::size_t best = count;
  for (std::size_t m = 0; m < count; ++m)
    if (result[m].no_elpd.empty() && (best == count || result[m].loo.total > result[best].loo.total)) best = m;
  for (std::size_t m = 0; m < count; ++m) {
    ModelOutcome& one = result[m];
    one.probability = probabilities[m];
    one.difference = {std::nan(""), std::nan("")};
    one.doubt = one.no_elpd;
    if (one.doubt.empty() && points[m] == points[best]) one.difference = compare(one.loo, result[best].loo);
    else if (one.doubt.empty()) one.doubt = "its points are others than those of the best model";
    if (one.doubt.empty() && one.loo.bad > 0)
      one.doubt = fmt::format("k-hat is too large for {} of its points", one.loo.bad);
  }
  return result;
}

} // namespace sibyl
