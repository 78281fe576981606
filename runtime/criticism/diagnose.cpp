#include "runtime/criticism/diagnose.hpp"

#include "lang/errors.hpp"
#include "runtime/criticism/replications.hpp"
#include "runtime/criticism/simulate_like_training.hpp"
#include "runtime/criticism/verify.hpp"
#include "runtime/data/powers.hpp"
#include "runtime/inputs/missing_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

namespace sibyl {

namespace {

// Behind the data sets of calibration, of the typical set and of verification.
constexpr std::uint64_t first_index = first_calibration_index + (std::uint64_t{1} << 42);
constexpr double band_probability = 0.99, normal_99 = 2.5758;
constexpr std::size_t most_sensitivities = 3;
constexpr std::size_t part = 50; // data sets whose draws are in memory together

struct Gathered {
  std::vector<std::vector<Comparison>> comparisons;
  std::vector<ParameterDiagnosis> parameters;
  std::vector<std::vector<double>> truths; // [data set][column]
  std::vector<Draws> draws;
};

// One data set's draws beside its truth.
void compare(const Draws& truth, const Draws& draws, Gathered& to) {
  const std::vector<ColumnSummary> summaries = summarize(draws);
  for (std::size_t p = 0; p < to.parameters.size(); ++p) {
    const double value = truth.at(0, p);
    std::size_t below = 0;
    for (std::size_t row = 0; row < draws.row_count; ++row) below += draws.at(row, p) < value;
    const ColumnSummary& s = summaries[p];
    const double rank = (static_cast<double>(below) + 0.5) / static_cast<double>(draws.row_count + 1);
    to.comparisons[p].push_back({value, s.median, s.sd * s.sd, rank, value >= s.q5 && value <= s.q95});
    ParameterDiagnosis& parameter = to.parameters[p];
    parameter.truth.push_back(value);
    parameter.mean.push_back(s.mean);
    parameter.sd.push_back(s.sd);
    parameter.q5.push_back(s.q5);
    parameter.median.push_back(s.median);
    parameter.q95.push_back(s.q95);
    parameter.ranks.push_back(rank);
  }
}

double sd_of(const std::vector<double>& values) {
  double mean = 0, squares = 0;
  for (const double one : values) mean += one / static_cast<double>(values.size());
  for (const double one : values) squares += (one - mean) * (one - mean);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

// For each data set the share of its draws that are closer to another data set's truth than its own truth is, in sds of
// the truths over the parameters that vary.
class Tarp {
 public:
  Tarp(std::vector<std::size_t> columns, std::vector<double> scales)
      : columns_(std::move(columns)), scales_(std::move(scales)) {}

  double share(const Draws& draws, const Draws& truth, const Draws& reference) const {
    const double radius = distance(truth, 0, reference);
    std::size_t closer = 0;
    for (std::size_t row = 0; row < draws.row_count; ++row) closer += distance(draws, row, reference) < radius;
    return (static_cast<double>(closer) + 0.5) / static_cast<double>(draws.row_count + 1);
  }

 private:
  double distance(const Draws& draws, std::size_t row, const Draws& reference) const {
    double sum = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i)
      sum += std::pow((draws.at(row, columns_[i]) - reference.at(0, columns_[i])) / scales_[i], 2);
    return sum;
  }
  std::vector<std::size_t> columns_;
  std::vector<double> scales_;
};

void finish(ParameterDiagnosis& parameter, std::vector<Comparison> comparisons, const EcdfBand& band) {
  const std::size_t count = comparisons.size();
  parameter.numbers = judge(parameter.name, std::move(comparisons), calibration_band(count, 1000000));
  parameter.difference = ecdf_difference(parameter.ranks, band);
  parameter.inside_band = is_inside(parameter.difference, band);
  for (const double level : Diagnosis::levels) {
    std::size_t inside = 0;
    for (const double rank : parameter.ranks) inside += std::abs(rank - 0.5) <= 0.5 * level;
    parameter.covered.push_back(static_cast<double>(inside) / static_cast<double>(count));
  }
}

void add_predictions(const Facts& facts, const DataBatch& simulated, const DataBatch& given, Diagnosis& result) {
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    if (facts.variables[v].role != Role::observed || !simulated.variables[v].present) continue;
    const bool is_scalar = simulated.variables[v].rank() == 0;
    const std::size_t first = result.predictions.size();
    const auto add = [&](const DataBatch& batch, bool observed) {
      for (std::size_t i = 0; i < batch.count; ++i) {
        const auto values = plain_statistics(facts.variables[v].name, is_scalar, elements_of(batch.variables[v], i),
                                             row_length(batch.variables[v], i));
        for (std::size_t s = 0; s < values.size(); ++s) {
          if (result.predictions.size() <= first + s) result.predictions.push_back({values[s].name, {}, {}});
          PriorPrediction& to = result.predictions[first + s];
          if (!std::isnan(values[s].observed)) (observed ? to.observed : to.simulated).push_back(values[s].observed);
        }
      }
    };
    add(simulated, false);
    if (given.count > 0 && given.variables[v].present) add(given, true);
  }
  for (PriorPrediction& one : result.predictions) std::sort(one.simulated.begin(), one.simulated.end());
}

void add_sensitivities(const PosteriorSampler& sampler, std::span<const DataSet> data_sets,
                       const DiagnoseOptions& options, Diagnosis& result) {
  const std::span<const DataSet> some = data_sets.first(std::min(most_sensitivities, data_sets.size()));
  const SampleOptions sampling{
      .draws = 2000, .seed = options.seed, .threads = options.threads, .interrupted = options.interrupted};
  try {
    if (has_powers(sampler.model().facts())) {
      for (const DataSet& one : some)
        result.sensitivities.push_back(find_sensitivity_by_networks(sampler, one, sampling));
      return;
    }
    const std::vector<WeightedPosterior> posteriors = weigh_posteriors(sampler, some, sampling);
    for (std::size_t i = 0; i < some.size(); ++i)
      result.sensitivities.push_back(find_sensitivity(sampler.shared_model(), some[i], posteriors[i]));
  } catch (const UserError& error) { // no density, no terms, missing values: a report has the rest
    result.sensitivities.clear();
    result.no_sensitivity = error.what();
  }
}

} // namespace

Diagnosis diagnose(const PosteriorSampler& sampler, std::span<const DataSet> data_sets, const DiagnoseOptions& options,
                   const std::function<void(const std::string&)>& progress) {
  const auto start = std::chrono::steady_clock::now();
  const auto model = sampler.shared_model();
  const Facts& facts = model->facts();
  const InferenceSetup& setup = sampler.setup();
  const auto tell = [&](const std::string& text) {
    if (progress) progress(text);
  };
  Diagnosis result;
  if (!data_sets.empty()) {
    tell("verifying the data");
    result.data = Verifier(sampler).verify(data_sets, {.draws = 2000,
                                                       .seed = options.seed,
                                                       .outputs = Outputs::parameters,
                                                       .threads = options.threads,
                                                       .interrupted = options.interrupted});
    tell("sensitivity");
    add_sensitivities(sampler, data_sets, options, result);
  }
  tell("simulating");
  const SimulatedBatch simulated = simulate_like_training(model, setup, first_index, options.simulations, options.seed,
                                                          options.threads, options.interrupted);
  const std::size_t count = simulated.data.count, n = setup.parameter_count;
  if (simulated.left_out.is_hopeless() || count < 20)
    throw RuntimeError("too few simulations are usable: " + simulated.left_out.describe("simulations"));
  result.simulations = count;
  result.draws = options.draws;
  result.left_out = simulated.left_out;
  result.band = simultaneous_band(count, band_probability);
  result.coverage_error = normal_99 * 0.5 / std::sqrt(static_cast<double>(count));

  std::vector<DataSet> sets;
  for (std::size_t i = 0; i < count; ++i) sets.push_back(extract(facts, simulated.data, i));
  const DataBatch complete = complete_for_transform(facts, simulated.data);
  ParameterTransform transform(model);
  Gathered gathered;
  gathered.parameters.resize(setup.parameter_names.size());
  gathered.comparisons.resize(setup.parameter_names.size());
  for (std::size_t p = 0; p < gathered.parameters.size(); ++p) gathered.parameters[p].name = setup.parameter_names[p];
  std::vector<Draws> truths;
  for (std::size_t i = 0; i < count; ++i) {
    transform.bind(complete, i);
    truths.push_back(transform.constrain(std::span(simulated.unconstrained).subspan(i * n, n), Outputs::parameters));
  }
  std::vector<std::size_t> varying;
  std::vector<double> scales;
  for (std::size_t p = 0; p < gathered.parameters.size(); ++p) {
    std::vector<double> values;
    for (const Draws& one : truths) values.push_back(one.at(0, p));
    if (const double sd = sd_of(values); sd > 0 && std::isfinite(sd)) varying.push_back(p), scales.push_back(sd);
  }
  const Tarp tarp(varying, scales);
  std::mt19937_64 random(options.seed);
  for (std::size_t first = 0; first < count; first += part) {
    tell(fmt::format("posteriors of simulated data sets: {} of {}", first, count));
    const std::size_t end = std::min(count, first + part);
    const std::vector<Posterior> posteriors =
        sampler.sample(std::span(sets).subspan(first, end - first), {.draws = options.draws,
                                                                     .seed = options.seed,
                                                                     .check_density = false,
                                                                     .outputs = Outputs::parameters,
                                                                     .threads = options.threads,
                                                                     .interrupted = options.interrupted});
    for (std::size_t i = first; i < end; ++i) {
      compare(truths[i], posteriors[i - first].draws, gathered);
      // Another data set's truth: a point that knows nothing of this one.
      const std::size_t other = (i + 1 + random() % (count - 1)) % count;
      result.tarp.push_back(tarp.share(posteriors[i - first].draws, truths[i], truths[other]));
    }
  }
  for (std::size_t p = 0; p < gathered.parameters.size(); ++p) {
    if (!varies(gathered.comparisons[p])) continue;
    finish(gathered.parameters[p], std::move(gathered.comparisons[p]), result.band);
    result.parameters.push_back(std::move(gathered.parameters[p]));
  }
  result.tarp_difference = ecdf_difference(result.tarp, result.band);
  result.tarp_inside = is_inside(result.tarp_difference, result.band);

  tell("k-hat of simulated data sets");
  const std::size_t weighted = std::min(count, options.weighted);
  const std::vector<Posterior> checked =
      sampler.sample(std::span(sets).first(weighted), {.draws = options.draws,
                                                       .seed = options.seed,
                                                       .outputs = Outputs::parameters,
                                                       .threads = options.threads,
                                                       .interrupted = options.interrupted});
  for (const Posterior& one : checked) {
    result.typical_share += (one.verdict.is_fine() ? 1.0 : 0.0) / static_cast<double>(weighted);
    if (one.verdict.check) result.k_hat.push_back(one.verdict.check->k_hat);
    else result.no_k_hat = one.verdict.unchecked;
  }
  std::sort(result.k_hat.begin(), result.k_hat.end());

  DataBatch given;
  if (!data_sets.empty()) given = gather(facts, data_sets);
  add_predictions(facts, simulated.data, given, result);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

bool Diagnosis::is_covered(const ParameterDiagnosis& parameter, std::size_t judged_level) const {
  const double judged = static_cast<double>(parameters.size() * std::size(judged_levels));
  const double level = levels[judged_level];
  const double sd = std::sqrt(level * (1 - level) / static_cast<double>(simulations));
  // The tails of a normal distribution, of all comparisons together (Bonferroni).
  const double tails = std::erfc(std::abs(parameter.covered[judged_level] - level) / sd / std::sqrt(2.0));
  return tails * judged >= 1 - band_probability;
}

std::vector<std::string> Diagnosis::complaints() const {
  std::vector<std::string> found;
  std::string outside;
  for (const ParameterDiagnosis& one : parameters)
    if (!one.inside_band) outside += (outside.empty() ? "" : ", ") + one.name;
  if (!outside.empty()) found.push_back("the ranks of " + outside + " are outside of the simultaneous 99% band");
  for (const std::size_t level : judged_levels) {
    std::string off;
    for (const ParameterDiagnosis& one : parameters)
      if (!is_covered(one, level))
        off += fmt::format("{}{} ({:.1f}%)", off.empty() ? "" : ", ", one.name, 100 * one.covered[level]);
    if (!off.empty())
      found.push_back(fmt::format("the {:.0f}% intervals do not hold the truth as often as that: of {}",
                                  100 * levels[level], off));
  }
  if (!tarp_inside) found.push_back("the joint coverage (TARP) is outside of the 99% band");
  if (!k_hat.empty()) {
    const auto bad =
        static_cast<double>(k_hat.end() - std::upper_bound(k_hat.begin(), k_hat.end(), largest_good_k_hat));
    if (bad > 0.05 * static_cast<double>(k_hat.size()))
      found.push_back(fmt::format("k-hat is above {} for {:.0f}% of simulated data sets", largest_good_k_hat,
                                  100 * bad / static_cast<double>(k_hat.size())));
  }
  if (left_out.is_noteworthy()) found.push_back(left_out.describe("simulations"));
  return found;
}

} // namespace sibyl
