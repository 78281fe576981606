#include "runtime/criticism/verify.hpp"

#include "lang/errors.hpp"
#include "runtime/criticism/replications.hpp"
#include "runtime/criticism/simulate_like_training.hpp"
#include "runtime/inputs/missing_values.hpp"
#include "runtime/model/computed_data.hpp"
#include "runtime/model/parallel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace sibyl {

namespace {

// Behind the data sets that calibration and the typical set are measured on.
constexpr std::uint64_t first_reference_index = first_calibration_index + (std::uint64_t{1} << 41);
// Whatever the draws' seed is: one reference serves all calls.
constexpr std::uint64_t reference_seed = 20231;
constexpr std::size_t least_reference = 100;

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

DataCheck check_data(const Verdict& verdict, const Replications& replications, const TypicalScores& typical) {
  const TypicalScores::Place place = typical.place(scores_of(verdict, replications));
  DataCheck check;
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

std::string why_no_local_test(const LocalTest& local, const Verification& found) {
  if (found.local) return "";
  if (local.empty()) return ", and the sampler has no local test: it was trained too shortly, or by an older version";
  return ", and the draws are too few for a local test, or do not vary";
}

} // namespace

Verifier::Verifier(const PosteriorSampler& sampler, VerifyOptions options) : sampler_(sampler), options_(options) {}

std::shared_ptr<const Verifier::Reference> Verifier::make_reference(const SampleOptions& given) const {
  auto result = std::make_shared<Reference>();
  const auto model = sampler_.shared_model();
  const Facts& facts = model->facts();
  result->impossible = why_no_replications(*model);
  if (!result->impossible.empty()) return result;
  const SimulatedBatch simulated =
      simulate_like_training(model, sampler_.setup(), first_reference_index, options_.simulations, reference_seed,
                             given.threads, given.interrupted);
  if (simulated.data.count < least_reference) {
    result->impossible = "too few simulations are usable: " + simulated.left_out.describe("simulations");
    return result;
  }
  const std::size_t count = simulated.data.count;
  std::vector<DataSet> sets;
  for (std::size_t i = 0; i < count; ++i) sets.push_back(extract(facts, simulated.data, i));
  const std::vector<Posterior> posteriors = sampler_.sample(sets, {.draws = options_.replications,
                                                                   .seed = reference_seed,
                                                                   .check_density = false,
                                                                   .reweighted = true,
                                                                   .keep_unconstrained = true,
                                                                   .outputs = Outputs::parameters,
                                                                   .threads = given.threads,
                                                                   .interrupted = given.interrupted});
  const DataBatch complete = complete_for_transform(facts, simulated.data);
  std::vector<std::vector<double>> scores(count);
  parallel_for(count, given.threads, [&](std::size_t begin, std::size_t end) {
    Replicator replicator(model, simulated.data, complete);
    for (std::size_t i = begin; i < end; ++i)
      scores[i] = scores_of(posteriors[i].verdict, replicator.replicate(i, posteriors[i], options_.replications,
                                                                        reference_seed + i, given.interrupted));
  });
  std::vector<double> all;
  for (const std::vector<double>& one : scores) all.insert(all.end(), one.begin(), one.end());
  result->scores = TypicalScores(all, scores.front().size());
  result->simulations = count * (options_.replications + 1);
  return result;
}

std::shared_ptr<const Verifier::Reference> Verifier::reference(const SampleOptions& options) const {
  const std::scoped_lock lock(mutex_);
  if (!reference_) reference_ = make_reference(options);
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
  const std::shared_ptr<const Reference> known = reference(options);

  DataBatch batch = gather(facts, data_sets);
  compute_observed(model, batch);
  const DataBatch complete = complete_for_transform(facts, batch);
  parallel_for(data_sets.size(), options.threads, [&](std::size_t begin, std::size_t end) {
    Replicator replicator(model, batch, complete);
    for (std::size_t i = begin; i < end; ++i) {
      const auto start = std::chrono::steady_clock::now();
      Posterior& posterior = posteriors[i];
      Verdict& verdict = posterior.verdict;
      Verification found;
      const bool has_method = verdict.exact && verdict.exact->method != ExactMethod::none;
      if (has_method) {
        found.densities = verdict.exact->densities;
        found.gradients = verdict.exact->gradients;
      } else {
        const LocalTest& local = sampler_.local_test();
        found.local = local.judge(posterior.summary, posterior.unconstrained, posterior.draws,
                                  sampler_.setup().parameter_names.size());
        found.not_checked.push_back(
            fmt::format("whether these are {}the model's posterior, since {}{}", found.local ? "exactly " : "",
                        no_density.empty() ? verdict.unchecked : no_density, why_no_local_test(local, found)));
      }
      found.data_unchecked = known->impossible;
      if (known->impossible.empty()) {
        const Replications replications =
            replicator.replicate(i, posterior, options_.replications, options.seed + i, options.interrupted);
        found.simulations = options_.replications;
        if (replications.count < options_.replications / 2) {
          found.data_unchecked = fmt::format("{} of {} predictions fail", options_.replications - replications.count,
                                             options_.replications);
        } else {
          found.data = check_data(verdict, replications, known->scores);
        }
      }
      if (has_method && verdict.exact->is_exact)
        found.answered_by = verdict.exact->method == ExactMethod::hmc ? Rung::chains : Rung::importance_weights;
      else if (found.local) found.answered_by = Rung::local_test;
      else if (!has_method && found.data_unchecked.empty()) found.answered_by = Rung::predictions;
      found.seconds =
          posterior.seconds + std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      verdict.verification = std::move(found);
      if (!given.keep_unconstrained) posterior.unconstrained = {}, posterior.summary = {};
    }
  });
  return posteriors;
}

} // namespace sibyl
