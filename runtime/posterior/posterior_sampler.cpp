#include "runtime/posterior/posterior_sampler.hpp"

#include "lang/errors.hpp"
#include "runtime/inputs/missing_values.hpp"
#include "runtime/model/computed_data.hpp"
#include "runtime/model/parallel.hpp"
#include "runtime/model/target_density.hpp"
#include "runtime/posterior/check_draws.hpp"
#include "runtime/posterior/exact_draws.hpp"
#include "runtime/posterior/missed_modes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

namespace sibyl {

namespace {

// Of the draws wanted: so many are drawn to take them from by their weights.
constexpr std::size_t reweighted_factor = 8;
// Weighted draws where a density takes hundreds of evaluations of a network.
constexpr std::size_t costly_weighted_draws = 1000;
// Points where modes are looked for that the networks may miss, of cheap and of costly densities.
constexpr std::size_t searched_points = 512, costly_searched_points = 64;
// What those of one data set share with those of others; no draws' seed.
constexpr std::uint64_t search_seed = 77103;
constexpr double search_narrowing = 20;

// A column that is not the model's, behind all others.
void append_column(Draws& draws, const std::string& name, std::span<const double> values) {
  const std::size_t before = draws.columns.size();
  std::vector<double> wider;
  wider.reserve(draws.row_count * (before + 1));
  for (std::size_t row = 0; row < draws.row_count; ++row) {
    wider.insert(wider.end(), draws.values.begin() + static_cast<std::ptrdiff_t>(row * before),
                 draws.values.begin() + static_cast<std::ptrdiff_t>((row + 1) * before));
    wider.push_back(values[row]);
  }
  draws.columns.push_back(name);
  draws.values = std::move(wider);
}

// Of draws whose weights are good: of others their own k-hat tells enough.
HeavyTail heaviest_tail_of(const WeightedDraws& weighted, ParameterTransform& transform) {
  if (!weighted.weights.are_good()) return {};
  LeftOut failed;
  const Draws draws = transform.constrain(weighted.unconstrained, Outputs::parameters, 0, 0, &failed);
  return heaviest_tail(draws, draws.columns.size(), weighted.weights.log_weights);
}

// Above it more is drawn along each parameter before anything is said of the tail.
constexpr double doubtful_tail = 0.5;

} // namespace

struct PosteriorSampler::Conditioned {
  FrameBatch frames;
  std::vector<float> summaries;
};

PosteriorSampler::PosteriorSampler(std::shared_ptr<const CompiledModel> model, InferenceSetup setup,
                                   std::shared_ptr<const FramePosterior> posterior, TypicalSet typical,
                                   TrainedTest test)
    : model_(std::move(model)), setup_(std::move(setup)), posterior_(std::move(posterior)),
      typical_(std::move(typical)), test_(std::move(test)) {}

PosteriorSampler::Conditioned PosteriorSampler::condition(const DataBatch& batch) const {
  FrameFinder finder(model_, setup_);
  Conditioned result;
  result.frames = finder.find(batch);
  result.summaries = posterior_->summarize(setup_.encoder.encode(model_->facts(), batch, result.frames));
  return result;
}

std::vector<std::vector<std::string>> PosteriorSampler::check_range(const DataBatch& batch,
                                                                    std::span<const DataSet> data_sets) const {
  std::vector<std::vector<std::string>> warnings;
  for (std::size_t i = 0; i < data_sets.size(); ++i) {
    warnings.push_back(
        setup_.trained_range.check(model_->facts(), batch, i, data_sets.size() > 1 ? data_sets[i].label : ""));
    for (std::string& one : describe_unusual_missing(model_->facts(), batch, i, setup_.missing_share))
      warnings.back().push_back(std::move(one));
  }
  return warnings;
}

std::vector<float> PosteriorSampler::summarize(const DataBatch& batch) const { return condition(batch).summaries; }

std::vector<double> PosteriorSampler::distances(const DataBatch& batch) const {
  std::vector<double> result(batch.count, 0.0);
  if (typical_.empty()) return result;
  const std::vector<float> summaries = summarize(batch);
  for (std::size_t i = 0; i < batch.count; ++i)
    result[i] = typical_.distance(summaries.data() + i * posterior_->summary_size());
  return result;
}

struct PosteriorSampler::NetworkDraws {
  std::vector<double> unconstrained; // [draw][parameter]
  std::vector<double> log_density;   // of the unconstrained parameters; empty where it was not wanted
};

PosteriorSampler::NetworkDraws PosteriorSampler::draw(const Conditioned& conditioned, std::size_t data_set,
                                                      std::size_t count, std::uint64_t seed, bool with_density) const {
  const std::size_t n = setup_.parameter_count;
  const float* summary = conditioned.summaries.data() + data_set * posterior_->summary_size();
  std::vector<double> z(count * n);
  NetworkDraws draws{std::vector<double>(count * n), std::vector<double>(with_density ? count : 0)};
  posterior_->sample(summary, count, seed, z.data(), with_density ? draws.log_density.data() : nullptr);
  for (std::size_t i = 0; i < count; ++i)
    conditioned.frames.from_frame(data_set, z.data() + i * n, draws.unconstrained.data() + i * n);
  for (double& one : draws.log_density) one += conditioned.frames.log_determinant[data_set];
  return draws;
}

std::vector<double> PosteriorSampler::log_density(const Conditioned& conditioned, std::size_t data_set,
                                                  std::span<const double> unconstrained) const {
  const std::size_t n = setup_.parameter_count, count = unconstrained.size() / n;
  std::vector<double> z(unconstrained.size()), result(count);
  for (std::size_t i = 0; i < count; ++i)
    conditioned.frames.to_frame(data_set, unconstrained.data() + i * n, z.data() + i * n);
  posterior_->log_density(conditioned.summaries.data() + data_set * posterior_->summary_size(), count, z.data(),
                          result.data());
  for (double& one : result) one += conditioned.frames.log_determinant[data_set];
  return result;
}

struct PosteriorSampler::Worker {
  const DataBatch& batch;
  const DataBatch& complete; // its missing values replaced
  ParameterTransform transform;
  std::optional<TargetDensity> target; // where draws are compared with it
  std::optional<LaplaceFrames> newton; // where modes were looked for
};

// "48% of the posterior, about mu = 8.97": by the parameter that is furthest from its draws there.
std::string PosteriorSampler::describe_missed(const MissedModes& missed, const Draws& shown,
                                              ParameterTransform& transform) const {
  LeftOut failed;
  const Draws at = transform.constrain(missed.largest, Outputs::parameters, 0, 0, &failed);
  double furthest = -1;
  std::string place;
  for (std::size_t column = 0; column < at.columns.size() && at.row_count > 0; ++column) {
    double mean = 0, square = 0;
    const auto count = static_cast<double>(shown.row_count);
    for (std::size_t row = 0; row < shown.row_count; ++row) mean += shown.at(row, column) / count;
    for (std::size_t row = 0; row < shown.row_count; ++row) square += std::pow(shown.at(row, column) - mean, 2) / count;
    const double distance = std::abs(at.at(0, column) - mean) / std::sqrt(square);
    if (distance > furthest && std::isfinite(distance)) {
      furthest = distance;
      place = fmt::format(", about {} = {:.3g}", at.columns[column], at.at(0, column));
    }
  }
  const std::string share = missed.share > 0.99 ? "nearly all" : fmt::format("{:.2g}%", 100 * missed.share);
  return share + " of the posterior" + place;
}

MissedModes PosteriorSampler::look_for_missed_modes(const Conditioned& conditioned, std::size_t data_set,
                                                    Worker& worker, const WeightedDraws& weighted, bool is_thorough,
                                                    bool has_heavy_tail, std::uint64_t seed) const {
  if (!model_->has("log_density_gradient", Precision::f64, model_->preferred_lanes(Precision::f64))) return {};
  const PriorFrame& prior = setup_.encoder.prior();
  const std::size_t count = posterior_->has_cheap_density() ? searched_points : costly_searched_points;
  const auto newton = [&]() -> LaplaceFrames& {
    if (!worker.newton) {
      // Steps are as long as the prior allows: those of a narrow one end at the mode that is near, not at the best.
      PriorFrame narrow = prior;
      for (double& one : narrow.factor) one *= search_narrowing;
      worker.newton.emplace(model_, narrow, std::vector<double>{});
    }
    return *worker.newton;
  };
  return find_missed_modes({newton, prior, worker.batch, data_set, *worker.target,
                            [&](std::span<const double> points) { return log_density(conditioned, data_set, points); },
                            is_thorough, has_heavy_tail},
                           search_points(prior, setup_.candidates, count, search_seed), weighted, seed);
}

std::string PosteriorSampler::why_no_density() const {
  if (!model_->facts().has_density) return "the model has no density: " + model_->facts().no_density.text;
  if (!model_->has("log_density", Precision::f64, model_->preferred_lanes(Precision::f64)))
    return "the model's library was built without its density";
  return "";
}

Posterior PosteriorSampler::sample_one(const Conditioned& conditioned, std::size_t data_set, Worker& worker,
                                       const SampleOptions& options) const {
  const std::size_t n = setup_.parameter_count;
  const float* summary = conditioned.summaries.data() + data_set * posterior_->summary_size();
  // Each data set has its own part of the random numbers, for z and for generated quantities.
  const std::uint64_t seed = options.seed + (static_cast<std::uint64_t>(data_set) << 32);
  Posterior result;
  result.verdict.has_missing = has_missing_values(model_->facts(), worker.batch, data_set);
  const bool is_checked = worker.target && !result.verdict.has_missing;
  if (worker.target && !is_checked) result.verdict.unchecked = "the data set has missing values";
  // Densities that cost much are asked for no more draws than tell something.
  const bool checks_some = is_checked && !posterior_->has_cheap_density() && !options.exact && !options.reweighted;
  const std::size_t drawn = !is_checked || checks_some ? options.draws
                            : options.reweighted       ? reweighted_factor * options.draws
                                                       : std::max(options.draws, least_weighted_draws);
  NetworkDraws draws = draw(conditioned, data_set, drawn, seed, (is_checked && !checks_some) || options.with_density);

  worker.transform.bind(worker.complete, data_set);
  if (const std::string found = difference(worker.transform.space(), setup_.space); !found.empty())
    throw UserError("the sampler was trained for parameters of other sizes: in this data set " + found);
  if (is_checked) worker.target->bind(worker.batch, data_set);
  WeightedDraws weighted;
  const bool is_covered = !setup_.region || setup_.region->covers_posterior();
  if (checks_some) {
    NetworkDraws some = draw(conditioned, data_set, costly_weighted_draws, seed, true);
    weighted = {std::move(some.unconstrained), {}};
    weighted.weights = smooth_importance_weights(log_ratios(*worker.target, weighted.unconstrained, some.log_density));
  } else if (is_checked) {
    weighted = {draws.unconstrained,
                smooth_importance_weights(log_ratios(*worker.target, draws.unconstrained, draws.log_density))};
  }
  MissedModes missed;
  if (is_checked && !options.reweighted)
    missed = look_for_missed_modes(conditioned, data_set, worker, weighted, options.exact,
                                   options.exact && heaviest_tail_of(weighted, worker.transform).k_hat > doubtful_tail,
                                   seed);
  const bool has_good_weights = weighted.weights.are_good();
  if (missed.is_better && options.exact) {
    weighted = std::move(missed.mixture);
  } else if (const std::size_t enough = is_checked ? draws_to_resample(weighted.weights, options.draws) : 0;
             options.exact && is_covered && has_good_weights && enough > drawn) {
    const NetworkDraws more = draw(conditioned, data_set, enough, seed, true);
    weighted = {more.unconstrained,
                smooth_importance_weights(log_ratios(*worker.target, more.unconstrained, more.log_density))};
  }
  if (options.reweighted && is_checked && weighted.weights.without < drawn) {
    const std::vector<std::size_t> chosen = resample(weighted.weights, options.draws, seed);
    NetworkDraws taken;
    for (const std::size_t i : chosen) {
      const auto draw = draws.unconstrained.begin() + static_cast<std::ptrdiff_t>(i * n);
      taken.unconstrained.insert(taken.unconstrained.end(), draw, draw + static_cast<std::ptrdiff_t>(n));
      taken.log_density.push_back(draws.log_density[i]);
    }
    draws = std::move(taken);
  } else if (options.exact && is_checked) {
    const HeavyTail heavy = heaviest_tail_of(weighted, worker.transform);
    const bool is_heavy = heavy.k_hat > HeavyTail::largest_good;
    // Of draws along each parameter good weights tell that the tail is the posterior's own; else chains have to.
    const bool is_uncertain = is_heavy && !(missed.is_better && missed.has_profiles);
    ExactDraws exact = draw_exactly(weighted, *worker.target, options.draws, seed, is_covered, is_uncertain,
                                    options.exact_seconds, options.interrupted);
    if (exact.outcome.method == ExactMethod::importance_sampling && is_heavy) exact.outcome.heavy_tail = heavy;
    if (missed.is_better) {
      exact.outcome.modes = missed.modes;
      exact.outcome.has_profiles = missed.has_profiles;
    }
    if (exact.outcome.rounded) {
      exact.outcome.rounded_name = owner(setup_.space, *exact.outcome.rounded);
      std::erase(exact.outcome.rounded_name, '`');
    }
    result.verdict.exact = exact.outcome;
    if (!exact.unconstrained.empty()) {
      draws.unconstrained = std::move(exact.unconstrained);
      if (options.with_density) draws.log_density = log_density(conditioned, data_set, draws.unconstrained);
    }
  } else if (options.exact) {
    result.verdict.exact = ExactOutcome{.reason = result.verdict.unchecked};
  }
  const std::span wanted = std::span(draws.unconstrained).first(options.draws * n);
  result.draws = worker.transform.constrain(wanted, options.outputs, options.seed,
                                            static_cast<std::uint64_t>(data_set) << 32, &result.verdict.failed_draws);
  if (result.verdict.exact && result.verdict.exact->method == ExactMethod::hmc)
    result.verdict.exact->heavy_tail =
        find_heavy_tail(result.draws, worker.transform.layout(Outputs::parameters).columns.size(), {});
  if (is_checked && !options.reweighted)
    result.verdict.check = check_draws(worker.transform, weighted.unconstrained, weighted.weights,
                                       options.exact ? Draws{} : result.draws, checks_some);
  if (result.verdict.check && missed.share > 0 && has_good_weights && !options.exact) {
    DensityCheck& check = *result.verdict.check;
    check.missed = describe_missed(missed, result.draws, worker.transform);
    check.log_evidence.reset();
    check.no_evidence = "the draws miss " + check.missed;
  }
  if (result.verdict.check && !is_covered) {
    DensityCheck& check = *result.verdict.check;
    check.in_training =
        fmt::format("for {:.0f}% of the posterior the prior in training was weaker", 100 * setup_.region->weaker_share);
    check.log_evidence.reset();
    check.no_evidence = check.in_training;
  }
  if (!is_checked && options.check_density && !test_.empty())
    result.verdict.local = test_.judge({summary, posterior_->summary_size()},
                                       data_features(model_->facts(), worker.batch, data_set), wanted, result.draws,
                                       setup_.parameter_names.size());
  if (options.with_density) {
    const std::vector<double> jacobian = worker.transform.log_jacobian(wanted);
    for (std::size_t i = 0; i < options.draws; ++i) draws.log_density[i] -= jacobian[i];
    append_column(result.draws, "log_density__", draws.log_density);
  }
  if (options.keep_unconstrained) {
    result.unconstrained.assign(wanted.begin(), wanted.end());
    result.summary.assign(summary, summary + posterior_->summary_size());
  }
  if (!typical_.empty()) {
    result.verdict.distance = typical_.distance(summary);
    result.verdict.p_value = typical_.p_value(result.verdict.distance);
    result.verdict.outside = typical_.is_outside(result.verdict.distance);
  }
  result.verdict.frame_converged = conditioned.frames.converged[data_set];
  return result;
}

std::vector<Posterior> PosteriorSampler::sample(std::span<const DataSet> data_sets,
                                                const SampleOptions& options) const {
  const Facts& facts = model_->facts();
  DataBatch batch = gather(facts, data_sets);
  const std::vector<std::vector<std::string>> warnings = check_range(batch, data_sets);
  compute_observed(model_, batch);
  const Conditioned conditioned = condition(batch);
  const DataBatch complete = complete_for_transform(facts, batch);
  std::string unchecked = why_no_density();
  if (options.exact && !unchecked.empty()) throw UserError("exact draws need the model's density: " + unchecked);
  std::vector<Posterior> result(data_sets.size());
  parallel_for(data_sets.size(), options.threads, [&](std::size_t begin, std::size_t end) {
    Worker worker{batch, complete, ParameterTransform(model_), {}};
    if ((options.check_density || options.exact || options.reweighted) && unchecked.empty())
      worker.target.emplace(model_, options.exact);
    if (worker.target && options.interrupted) worker.target->set_interrupt_flag(options.interrupted);
    for (std::size_t i = begin; i < end; ++i) {
      const auto start = std::chrono::steady_clock::now();
      try {
        if (options.is_interrupted()) throw RuntimeError("interrupted");
        result[i] = sample_one(conditioned, i, worker, options);
      } catch (const RuntimeError&) {
        if (!options.keeps_finished || !options.is_interrupted()) throw;
        return;
      }
      result[i].is_finished = true;
      result[i].seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      result[i].draws.label = data_sets[i].label;
      result[i].verdict.warnings = warnings[i];
      if (options.check_density && !unchecked.empty()) result[i].verdict.unchecked = unchecked;
    }
  });
  return result;
}

std::vector<double> PosteriorSampler::density_at(const DataBatch& batch, std::span<const double> unconstrained) const {
  const std::size_t n = setup_.parameter_count;
  const Conditioned conditioned = condition(batch);
  const DataBatch complete = complete_for_transform(model_->facts(), batch);
  std::vector<double> result(batch.count), z(n);
  ParameterTransform transform(model_);
  for (std::size_t i = 0; i < batch.count; ++i) {
    conditioned.frames.to_frame(i, unconstrained.data() + i * n, z.data());
    posterior_->log_density(conditioned.summaries.data() + i * posterior_->summary_size(), 1, z.data(), &result[i]);
    transform.bind(complete, i);
    result[i] += conditioned.frames.log_determinant[i] - transform.log_jacobian(unconstrained.subspan(i * n, n))[0];
  }
  return result;
}

std::vector<double> PosteriorSampler::density_at(std::span<const DataSet> data_sets,
                                                 std::span<const DataSet> parameters) const {
  if (data_sets.size() != parameters.size()) throw InternalError("one point per data set is needed");
  const Facts& facts = model_->facts();
  DataBatch batch = gather(facts, data_sets);
  check_range(batch, data_sets);
  compute_observed(model_, batch);
  const DataBatch complete = complete_for_transform(facts, batch);
  ParameterTransform transform(model_);
  std::vector<double> unconstrained;
  for (std::size_t i = 0; i < data_sets.size(); ++i) {
    std::vector<DataSet> both = {extract(facts, complete, i)};
    for (const auto& [name, tensor] : parameters[i].variables) both[0].variables[name] = tensor;
    const std::vector<double> point = transform.unconstrain(gather(facts, both), 0);
    if (point.size() != setup_.parameter_count)
      throw UserError(fmt::format("data set {}: {} unconstrained parameters are given, the sampler was trained for {}",
                                  data_sets[i].label, point.size(), setup_.parameter_count));
    unconstrained.insert(unconstrained.end(), point.begin(), point.end());
  }
  return density_at(batch, unconstrained);
}

std::vector<DataSet> read_parameters(const Table& table, const Facts& facts, std::span<const DataSet> data_sets,
                                     const std::string& by) {
  // The parameters take the part of data variables, so that the table is read by the same rules.
  Facts parameters;
  for (VariableFact variable : facts.variables) {
    if (variable.role != Role::parameter) continue;
    variable.role = Role::observed;
    variable.upper.clear();
    parameters.variables.push_back(std::move(variable));
  }
  std::map<std::string, std::size_t> row_of;
  if (!by.empty()) {
    const TableColumn* labels = table.find(by);
    if (!labels) throw UserError(fmt::format("{}: no column `{}`, which tells the data sets apart", table.file, by));
    for (std::size_t row = 0; row < table.row_count(); ++row)
      if (!row_of.emplace(labels->cells[row], row).second)
        throw UserError(fmt::format("{}: two rows have the {} `{}`", table.file, by, labels->cells[row]));
  } else if (table.row_count() != data_sets.size()) {
    throw UserError(fmt::format("{}: {} rows for {} data sets; give `--by` to match them by a column", table.file,
                                table.row_count(), data_sets.size()));
  }
  std::vector<DataSet> result;
  for (std::size_t i = 0; i < data_sets.size(); ++i) {
    std::size_t row = i;
    if (!by.empty()) {
      const auto found = row_of.find(data_sets[i].label);
      if (found == row_of.end())
        throw UserError(fmt::format("{}: no row for the data set with {} = {}", table.file, by, data_sets[i].label));
      row = found->second;
    }
    // A vector parameter is given by its subscripted columns; sizes that depend on data are what the columns say.
    result.push_back(std::move(to_data_sets(table.rows({row}), parameters).data_sets[0]));
    result.back().label = data_sets[i].label;
  }
  return result;
}

} // namespace sibyl
