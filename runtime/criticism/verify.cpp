#include "runtime/criticism/verify.hpp"

#include "lang/errors.hpp"
#include "runtime/criticism/near_test.hpp"
#include "runtime/criticism/replications.hpp"
#include "runtime/criticism/simulate_like_training.hpp"
#include "runtime/inputs/missing_values.hpp"
#include "runtime/model/computed_data.hpp"
#include "runtime/model/parallel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <optional>

namespace sibyl {

namespace {

// Behind the data sets that calibration and the typical set are measured on.
constexpr std::uint64_t first_reference_index = first_calibration_index + (std::uint64_t{1} << 41);
// Whatever the draws' seed is: one reference serves all calls.
constexpr std::uint64_t reference_seed = 20231;
constexpr std::size_t least_reference = 100;
constexpr std::size_t near_batch = 2000;
// Simulations near the data sets of one call, and the fewest and most near one.
constexpr std::size_t all_near = 8000, least_near = 400, most_near_of_one = 2000;

// The distance of the summaries, and each statistic's.
std::vector<double> scores_of(const Verdict& verdict, const Replications& replications) {
  std::vector<double> scores = {std::isfinite(verdict.distance) ? verdict.distance : PredictedStatistic::largest_score};
  for (const PredictedStatistic& one : replications.statistics) scores.push_back(one.score());
  return scores;
}

std::string in_words(const PredictedStatistic& statistic) {
  return fmt::format("{} is {:.4g}, predicted {:.4g} (sd {:.2g})", statistic.name, statistic.observed, statistic.mean,
                     statistic.sd);
}

// `given_design`: how far out the summaries are among those of data sets with the same design, as a p-value; asked only
// where these alone keep the data set from being one of the model's.
DataCheck check_data(const Verdict& verdict, const Replications& replications, const TypicalScores& typical,
                     const std::function<std::optional<double>()>& given_design) {
  std::vector<double> scores = scores_of(verdict, replications);
  TypicalScores::Place place = typical.place(scores);
  DataCheck check;
  if (place.p_value < Verdict::unusual_p_value && place.worst == 0)
    if (const std::optional<double> share = given_design(); share && *share >= Verdict::unusual_p_value) {
      scores[0] = std::min(scores[0], typical.value_beyond(0, *share));
      place = typical.place(scores);
      check.has_unusual_design = true;
    }
  check.p_value = place.p_value;
  check.replications = replications.count;
  check.simulated = typical.count();
  check.worst = place.worst == 0 ? "its summaries are far from those of simulations"
                                 : in_words(replications.statistics[place.worst - 1]);
  for (std::size_t s = 0; s < replications.statistics.size(); ++s) {
    const PredictedStatistic& one = replications.statistics[s];
    if (std::isnan(one.observed) || std::isnan(one.mean) || (one.sd == 0 && one.observed == one.mean)) continue;
    check.statistics.push_back({one.name, one.observed, one.mean, one.sd, place.p_values[s + 1]});
  }
  std::stable_sort(check.statistics.begin(), check.statistics.end(),
                   [](const StatisticCheck& a, const StatisticCheck& b) { return a.p_value < b.p_value; });
  return check;
}

// Whether it was done; not where it was interrupted and what was done before is kept.
template <typename Work>
bool unless_interrupted(const SampleOptions& options, Work&& work) {
  try {
    if (options.is_interrupted()) throw RuntimeError("interrupted");
    work();
    return true;
  } catch (const RuntimeError&) {
    if (!options.keeps_finished || !options.is_interrupted()) throw;
    return false;
  }
}

std::string why_no_local_test(const LocalTest& local, const Verification& found) {
  if (found.local) return "";
  if (local.empty()) return ", and there is no local test: too few simulations can be used";
  return ", and the draws are too few for a local test, or do not vary";
}

} // namespace

Verifier::Verifier(const PosteriorSampler& sampler, VerifyOptions options) : sampler_(sampler), options_(options) {}

std::shared_ptr<const Verifier::Reference> Verifier::make_reference(const SampleOptions& given,
                                                                    bool wants_local_test) const {
  auto result = std::make_shared<Reference>();
  const auto model = sampler_.shared_model();
  const Facts& facts = model->facts();
  result->impossible = why_no_replications(*model);
  const bool wants_parameters = result->impossible.empty() && has_drawn_design(facts, sampler_.setup());
  if (wants_local_test) result->local.emplace();
  if (!result->impossible.empty() && !wants_local_test) return result;
  result->replications = wants_local_test ? options_.local_test_replications : options_.replications;
  const std::size_t simulations =
      wants_local_test ? std::max(options_.simulations, options_.local_test_simulations) : options_.simulations;
  const SimulatedBatch simulated = simulate_like_training(model, sampler_.setup(), first_reference_index, simulations,
                                                          reference_seed, given.threads, given.interrupted);
  if (simulated.data.count < least_reference) {
    result->impossible = "too few simulations are usable: " + simulated.left_out.describe("simulations");
    return result;
  }
  const std::size_t count = simulated.data.count, n = sampler_.setup().parameter_count;
  // Some at a time: of their data nothing is kept.
  for (std::size_t made = 0; wants_local_test && made < options_.near_parameters; made += near_batch) {
    const SimulatedBatch more =
        simulate_like_training(model, sampler_.setup(), first_reference_index + simulations + made, near_batch,
                               reference_seed, given.threads, given.interrupted);
    result->near_parameters.insert(result->near_parameters.end(), more.unconstrained.begin(),
                                   more.unconstrained.end());
  }
  if (wants_parameters)
    result->parameters.assign(simulated.unconstrained.begin(),
                              simulated.unconstrained.begin() +
                                  static_cast<std::ptrdiff_t>(std::min(count, options_.of_design) * n));
  std::vector<DataSet> sets;
  for (std::size_t i = 0; i < count; ++i) sets.push_back(extract(facts, simulated.data, i));
  std::vector<Posterior> posteriors =
      sampler_.sample(sets, {.draws = wants_local_test ? LocalTest::least_draws : result->replications,
                             .seed = reference_seed,
                             .check_density = false,
                             .reweighted = true,
                             .keep_unconstrained = true,
                             .outputs = Outputs::parameters,
                             .threads = given.threads,
                             .interrupted = given.interrupted});
  std::vector<std::vector<double>> scores(count);
  std::vector<LocalExample> examples(wants_local_test ? count : 0);
  const DataBatch complete = complete_for_transform(facts, simulated.data);
  parallel_for(count, given.threads, [&](std::size_t begin, std::size_t end) {
    Replicator replicator(model, simulated.data, complete);
    for (std::size_t i = begin; i < end; ++i) {
      Replications replications;
      if (result->impossible.empty()) {
        // By draws that the local test does not compare with the truth: the first ones.
        replications = replicator.replicate(i, posteriors[i], result->replications, result->replications,
                                            reference_seed + i, given.interrupted);
        scores[i] = scores_of(posteriors[i].verdict, replications);
      }
      if (!wants_local_test) continue;
      const auto truth = std::span(simulated.unconstrained).subspan(i * n, n);
      examples[i] = {std::move(posteriors[i].summary), std::move(replications.pulls), {truth.begin(), truth.end()},
                     std::move(posteriors[i].unconstrained)};
    }
  });
  if (wants_local_test) result->local = LocalTest(examples, reference_seed);
  if (!result->impossible.empty()) return result;
  std::vector<double> all;
  for (const std::vector<double>& one : scores) all.insert(all.end(), one.begin(), one.end());
  result->scores = TypicalScores(all, scores.front().size());
  return result;
}

std::shared_ptr<const Verifier::Reference> Verifier::reference(const SampleOptions& options,
                                                               bool wants_local_test) const {
  const std::scoped_lock lock(mutex_);
  if (!reference_ || (wants_local_test && !reference_->local)) reference_ = make_reference(options, wants_local_test);
  return reference_;
}

std::vector<Posterior> Verifier::verify(std::span<const DataSet> data_sets, const SampleOptions& given) const {
  const auto model = sampler_.shared_model();
  const Facts& facts = model->facts();
  SampleOptions options = given;
  const std::string no_density = sampler_.why_no_density();
  options.exact = no_density.empty();
  options.keep_unconstrained = true;
  std::vector<Posterior> posteriors = sampler_.sample(data_sets, options);
  const auto has_method = [](const Verdict& verdict) {
    return verdict.exact && verdict.exact->method != ExactMethod::none;
  };
  const bool wants_local_test = !std::all_of(posteriors.begin(), posteriors.end(), [&](const Posterior& one) {
    return has_method(one.verdict);
  });
  std::shared_ptr<const Reference> known;
  if (!unless_interrupted(options, [&] { known = reference(options, wants_local_test); })) return posteriors;

  DataBatch batch = gather(facts, data_sets);
  compute_observed(model, batch);
  const DataBatch complete = complete_for_transform(facts, batch);
  std::atomic<std::size_t> of_design = 0;
  SampleOptions of_one = options; // for what is drawn for one data set beside others
  if (data_sets.size() > 1) of_one.threads = 1;
  const NearTestOptions near_options{.simulations =
                                         std::clamp(all_near / data_sets.size(), least_near, most_near_of_one)};
  const auto verify_one = [&](std::size_t i, Replicator& replicator) {
    const auto start = std::chrono::steady_clock::now();
    Posterior& posterior = posteriors[i];
    Verdict& verdict = posterior.verdict;
    Verification found;
    found.data_unchecked = known->impossible;
    Replications replications;
    if (known->impossible.empty()) {
      replications = replicator.replicate(i, posterior, known->replications, posterior.draws.row_count,
                                          options.seed + i, options.interrupted);
      found.simulations = known->replications;
      if (replications.count < known->replications / 2) {
        found.data_unchecked =
            fmt::format("{} of {} predictions fail", known->replications - replications.count, known->replications);
      } else {
        found.data = check_data(verdict, replications, known->scores, [&]() -> std::optional<double> {
          if (known->parameters.empty() || of_design++ >= options_.most_of_design) return std::nullopt;
          found.simulations += options_.of_design;
          return share_as_far(sampler_, data_sets[i], verdict.distance, known->parameters, reference_seed,
                              options.interrupted);
        });
      }
    }
    if (has_method(verdict)) {
      found.densities = verdict.exact->densities;
      found.gradients = verdict.exact->gradients;
    } else {
      found.local = known->local->judge(posterior.summary, replications.pulls, posterior.unconstrained,
                                        posterior.draws, sampler_.setup().parameter_names.size());
      if (!known->near_parameters.empty() && data_sets.size() <= options_.most_near)
        if (const std::optional<LocalOutcome> near = test_near(sampler_, data_sets[i], posterior,
                                                               known->near_parameters, reference_seed, of_one,
                                                               near_options))
          found.local = found.local ? join(*near, *found.local) : near;
      found.not_checked.push_back(
          fmt::format("whether these are {}the model's posterior, since {}{}", found.local ? "exactly " : "",
                      no_density.empty() ? verdict.unchecked : no_density, why_no_local_test(*known->local, found)));
    }
    if (has_method(verdict) && verdict.exact->is_exact)
      found.answered_by = verdict.exact->method == ExactMethod::hmc ? Rung::chains : Rung::importance_weights;
    else if (found.local) found.answered_by = Rung::local_test;
    else if (!has_method(verdict) && found.data_unchecked.empty()) found.answered_by = Rung::predictions;
    found.seconds =
        posterior.seconds + std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    verdict.verification = std::move(found);
  };
  parallel_for(data_sets.size(), options.threads, [&](std::size_t begin, std::size_t end) {
    Replicator replicator(model, batch, complete);
    for (std::size_t i = begin; i < end; ++i) {
      if (posteriors[i].is_finished && !unless_interrupted(options, [&] { verify_one(i, replicator); })) return;
      if (!given.keep_unconstrained) posteriors[i].unconstrained = {}, posteriors[i].summary = {};
    }
  });
  return posteriors;
}

} // namespace sibyl
