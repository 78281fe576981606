// What a sampler is asked about itself, its data and its rivals.
#include "lang/errors.hpp"
#include "runtime/criticism/compare_models.hpp"
#include "runtime/criticism/diagnose.hpp"
#include "runtime/criticism/exact_loo.hpp"
#include "runtime/criticism/report.hpp"
#include "runtime/criticism/sensitivity.hpp"
#include "runtime/data/powers.hpp"
#include "runtime/library/state.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace sibyl {

namespace {

DataSet read_data(const library::SamplerState& state, const Arrays& data) {
  DataSet result = library::to_model_data(*state.compiled, data);
  result.label = std::string("1");
  return result;
}

SampleOptions sample_options(const SamplingSettings& settings) {
  return {.draws = settings.draws, .seed = settings.seed, .threads = library::thread_count(settings.threads)};
}

WeightedPosterior weigh(const library::SamplerState& state, const DataSet& data, const SamplingSettings& settings) {
  return std::move(weigh_posteriors(state.sampler, std::span(&data, 1), sample_options(settings)).front());
}

LeaveOneOut to_result(PointwiseLoo found) {
  LeaveOneOut result{.points = std::move(found.points)};
  result.elpd = std::move(found.loo.elpd);
  result.p_loo = std::move(found.loo.p_loo);
  result.k_hat = std::move(found.loo.k_hat);
  result.total = found.loo.total;
  result.error = found.loo.error;
  result.monte_carlo_error = found.loo.monte_carlo_error;
  result.effective_parameters = found.loo.effective_parameters;
  result.bad = found.loo.bad;
  result.largest_good = found.loo.largest_good;
  result.doubt = std::move(found.doubt);
  return result;
}

MovedMarginal to_result(const PowerSensitivity& found) {
  return {.distance = found.distance,
          .mean_at_weaker = found.weaker.mean,
          .mean_at_stronger = found.stronger.mean,
          .sd_at_weaker = found.weaker.sd,
          .sd_at_stronger = found.stronger.sd,
          .k_hat = std::max(found.weaker.k_hat, found.stronger.k_hat)};
}

} // namespace

LeaveOneOut Sampler::loo(const Arrays& data, const SamplingSettings& settings) const {
  const DataSet data_set = read_data(*state_, data);
  return to_result(leave_one_out(state_->compiled, data_set, weigh(*state_, data_set, settings)));
}

LeaveOneOut Sampler::loo_exact(const Arrays& data, const SamplingSettings& settings) const {
  return to_result(leave_one_out_exactly(state_->sampler, read_data(*state_, data), sample_options(settings)));
}

SamplerDiagnosis Sampler::diagnose(const std::vector<Arrays>& data_sets, const DiagnoseSettings& settings) const {
  std::vector<DataSet> sets;
  for (const Arrays& data : data_sets) {
    sets.push_back(read_data(*state_, data));
    sets.back().label = std::to_string(sets.size());
  }
  const Diagnosis found = sibyl::diagnose(state_->sampler, sets,
                                          {.simulations = settings.simulations,
                                           .draws = settings.draws,
                                           .seed = settings.seed,
                                           .threads = library::thread_count(settings.threads),
                                           .interrupted = settings.stop});
  SamplerDiagnosis result;
  result.simulations = found.simulations;
  for (const ParameterDiagnosis& one : found.parameters)
    result.parameters.push_back({.name = one.name,
                                 .calibration_error = one.numbers.calibration_error,
                                 .inside_band = one.inside_band,
                                 .recovery = one.numbers.recovery,
                                 .contraction = one.numbers.contraction,
                                 .coverage_50 = one.covered[4],
                                 .coverage_90 = one.covered[8],
                                 .ranks = one.ranks});
  result.jointly_inside_band = found.tarp_inside;
  result.k_hat = found.k_hat;
  result.complaints = found.complaints();
  result.trained_for = describe_range(state_->file.setup);
  for (const Posterior& one : found.data) result.verdicts.push_back(one.verdict.text());
  result.json = diagnosis_json(found, state_->file.setup).dump(2);
  result.html = report_page(found, state_->file);
  return result;
}

std::vector<ParameterSensitivity> Sampler::sensitivity(const Arrays& data, const SamplingSettings& settings) const {
  const DataSet data_set = read_data(*state_, data);
  std::vector<ParameterSensitivity> result;
  const DataSensitivity found = has_powers(state_->compiled->facts())
                                    ? find_sensitivity_by_networks(state_->sampler, data_set, sample_options(settings))
                                    : find_sensitivity(state_->compiled, data_set, weigh(*state_, data_set, settings));
  for (const MarginalSensitivity& one : found.parameters)
    result.push_back({one.name, to_result(one.prior), to_result(one.likelihood), one.diagnosis()});
  return result;
}

std::vector<ComparedModel> Sampler::compare(const std::vector<Sampler>& samplers, const Arrays& data,
                                            const std::vector<double>& given, const SamplingSettings& settings) {
  std::vector<double> prior = given;
  if (prior.empty()) prior.assign(samplers.size(), 1);
  if (samplers.empty() || prior.size() != samplers.size())
    throw UserError(fmt::format("{} prior probabilities for {} models", prior.size(), samplers.size()));
  std::vector<DataSet> sets;
  std::vector<WeightedPosterior> posteriors;
  for (const Sampler& one : samplers) {
    sets.push_back(read_data(*one.state_, data));
    posteriors.push_back(weigh(*one.state_, sets.back(), settings));
  }
  std::vector<ModelOfData> models;
  for (std::size_t m = 0; m < samplers.size(); ++m)
    models.push_back({samplers[m].state_->compiled, &sets[m], &posteriors[m]});
  std::vector<ComparedModel> result;
  for (const ModelOutcome& one : compare_models(models, prior)) {
    ComparedModel to;
    to.no_evidence = one.evidence.unknown;
    if (to.no_evidence.empty()) to.log_evidence = one.evidence.log_evidence, to.log_evidence_error = one.evidence.error;
    to.probability = one.probability.probability;
    to.probability_error = one.probability.error;
    if (one.no_elpd.empty()) to.elpd = one.loo.total, to.elpd_error = one.loo.error;
    to.elpd_difference = one.difference.difference;
    to.elpd_difference_error = one.difference.error;
    to.doubt = one.doubt;
    result.push_back(std::move(to));
  }
  return result;
}

} // namespace sibyl
