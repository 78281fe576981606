#include "runtime/criticism/near_test.hpp"

#include "runtime/chains/nested_r_hat.hpp"
#include "runtime/criticism/given_design.hpp"
#include "runtime/criticism/replications.hpp"
#include "runtime/frames/small_matrix.hpp"
#include "runtime/trust/overlooked.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <string>

namespace sibyl {

namespace {

// How many times as wide as the draws the bell may be; the first that leaves enough simulations.
constexpr double widths[] = {2, 2.5, 3, 4, 5, 7, 10, 15, 20, 30};

// a(theta): a bell around draws.
class Bell {
 public:
  explicit Bell(std::span<const double> draws, std::size_t n) : center_(n, 0), factor_(n * n, 0) {
    const auto count = static_cast<double>(draws.size() / n);
    for (std::size_t i = 0; i < draws.size(); ++i) center_[i % n] += draws[i] / count;
    for (std::size_t i = 0; i < draws.size(); i += n)
      for (std::size_t j = 0; j < n; ++j)
        for (std::size_t k = 0; k <= j; ++k)
          factor_[j * n + k] += (draws[i + j] - center_[j]) * (draws[i + k] - center_[k]) / count;
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t k = 0; k < j; ++k) factor_[k * n + j] = factor_[j * n + k];
    is_usable_ = small_matrix::cholesky(factor_.data(), n);
  }

  bool is_usable() const { return is_usable_; }

  // The squares of the points' distances, in units of the draws' covariance.
  std::vector<double> squares(std::span<const double> points) const {
    const std::size_t n = center_.size();
    std::vector<double> result(points.size() / n, 0), z(n);
    for (std::size_t i = 0; i < result.size(); ++i) {
      for (std::size_t j = 0; j < n; ++j) z[j] = points[i * n + j] - center_[j];
      small_matrix::solve_lower(factor_.data(), z.data(), n);
      for (const double one : z) result[i] += one * one;
    }
    return result;
  }

 private:
  std::vector<double> center_, factor_;
  bool is_usable_ = false;
};

// The truths' places among the draws of their data sets, on average over these: less than the classifier tells, which
// may find another difference for each data set, but with a tenth of its error or less.
void add_places(std::span<const LocalExample> examples, const ParameterSpace& space, LocalOutcome& outcome) {
  const std::size_t n = examples.front().truth.size();
  const auto count = static_cast<double>(examples.size());
  LocalDifference largest;
  double smallest_p = 1;
  std::vector<double> values;
  for (std::size_t j = 0; j < n; ++j) {
    double mean = 0, square = 0;
    for (const LocalExample& one : examples) {
      values.assign(1, one.truth[j]);
      for (std::size_t i = j; i < one.draws.size(); i += n) values.push_back(one.draws[i]);
      const double score = normal_scores(values).front();
      mean += score / count;
      square += score * score / count;
    }
    const double error_of_square = std::sqrt(2 / count), variance = std::max(square - mean * mean, 1e-2);
    std::string name = owner(space, j);
    std::erase(name, '`');
    const LocalDifference one{name, -mean, 1 / std::sqrt(count), 1 / std::sqrt(variance),
                              error_of_square / (2 * variance)};
    const double furthest = std::max(std::abs(mean) * std::sqrt(count), std::abs(square - 1) / error_of_square);
    smallest_p = std::min(smallest_p, std::erfc(furthest / std::numbers::sqrt2));
    if (largest.parameter.empty() || one.size() > largest.size()) largest = one;
  }
  // Of two numbers for each parameter; and of two tests, each of which has half of the false alarms.
  const double of_places = p_value_of_smallest(smallest_p, 2 * n);
  outcome.p_value = p_value_of_smallest(std::min(outcome.p_value, of_places), 2);
  if (largest.size() > outcome.difference.size() && p_value_of_smallest(of_places, 2) < LocalOutcome::unlikely)
    outcome.difference = largest;
}

double log_chance(double square, double width) { return -square / (2 * width * width); }

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  bool happens(double log_chance) {
    return std::log((static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53) < log_chance;
  }

 private:
  std::mt19937_64 engine_;
};

// Where the first draws lie: those that are not compared with the truth.
struct Located {
  std::vector<double> mean, sd;

  Located(std::span<const double> draws, std::size_t n) : mean(n, 0), sd(n, 0) {
    const std::size_t count = std::min(draws.size() / n, LocalTest::locating_draws);
    for (std::size_t i = 0; i < count * n; ++i) mean[i % n] += draws[i] / static_cast<double>(count);
    for (std::size_t i = 0; i < count * n; ++i)
      sd[i % n] += (draws[i] - mean[i % n]) * (draws[i] - mean[i % n]) / static_cast<double>(count);
    for (double& one : sd) one = std::sqrt(one);
  }
  bool varies() const { return std::ranges::all_of(sd, [](double one) { return one > 0; }); }
};

std::vector<double> features_of(const Facts& facts, const DataBatch& batch, std::size_t data_set,
                                const Located& located) {
  std::vector<double> result = located.mean;
  for (const double one : located.sd) result.push_back(std::log(one));
  for (std::size_t v = 0; v < facts.variables.size(); ++v)
    if (facts.variables[v].role == Role::observed && batch.variables[v].present) {
      const std::vector<double> values = elements_of(batch.variables[v], data_set);
      append_values(values, result);
      append_moments(values, result);
    }
  return result;
}

// The posterior with only those of its draws that are taken.
Posterior take(const Posterior& from, std::span<const std::size_t> rows, std::size_t n) {
  Posterior result;
  result.summary = from.summary;
  result.draws = from.draws;
  result.draws.row_count = rows.size();
  result.draws.values.clear();
  const std::size_t columns = from.draws.columns.size();
  for (const std::size_t row : rows) {
    const auto values = from.draws.values.begin() + static_cast<std::ptrdiff_t>(row * columns);
    result.draws.values.insert(result.draws.values.end(), values, values + static_cast<std::ptrdiff_t>(columns));
    const auto point = from.unconstrained.begin() + static_cast<std::ptrdiff_t>(row * n);
    result.unconstrained.insert(result.unconstrained.end(), point, point + static_cast<std::ptrdiff_t>(n));
  }
  return result;
}

} // namespace

std::optional<LocalOutcome> test_near(const PosteriorSampler& sampler, const DataSet& data, const Posterior& posterior,
                                      std::span<const double> parameters, std::uint64_t seed,
                                      const SampleOptions& sampling, const NearTestOptions& options) {
  const Facts& facts = sampler.model().facts();
  const std::size_t n = sampler.setup().parameter_count;
  const Bell bell(posterior.unconstrained, n);
  if (!bell.is_usable()) return std::nullopt;
  const std::vector<double> squares = bell.squares(parameters);
  double width = 0, expected = 0;
  for (const double one : widths) {
    width = one;
    expected = 0;
    for (const double square : squares) expected += std::exp(log_chance(square, width));
    if (expected >= static_cast<double>(options.simulations)) break;
  }
  Random random(seed);
  std::vector<double> taken;
  for (std::size_t i = 0; i < squares.size() && taken.size() < options.simulations * n; ++i)
    if (random.happens(log_chance(squares[i], width)))
      taken.insert(taken.end(), parameters.begin() + static_cast<std::ptrdiff_t>(i * n),
                   parameters.begin() + static_cast<std::ptrdiff_t>((i + 1) * n));
  if (taken.size() < LocalTest::least_simulations * n) return std::nullopt;

  const SetsOfDesign made = simulate_with_design(sampler, data, taken, seed, sampling.interrupted);
  if (made.sets.size() < LocalTest::least_simulations) return std::nullopt;
  const auto take_near = [&](const Posterior& one, std::uint64_t own_seed) {
    Random own(own_seed);
    const std::vector<double> of_draws = bell.squares(one.unconstrained);
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < of_draws.size(); ++i)
      if (own.happens(log_chance(of_draws[i], width))) rows.push_back(i);
    return take(one, rows, n);
  };
  std::vector<Posterior> posteriors = sampler.sample(made.sets, {.draws = options.draws,
                                                                  .seed = seed,
                                                                  .check_density = false,
                                                                  .keep_unconstrained = true,
                                                                  .outputs = Outputs::parameters,
                                                                  .threads = sampling.threads,
                                                                  .interrupted = sampling.interrupted});
  // Where the posteriors are, taken near, and what their data have that the networks may have overlooked.
  const DataBatch batch = gather(facts, made.sets);
  std::vector<LocalExample> examples;
  std::vector<std::vector<double>> features;
  Overlooked::Matrix distances(static_cast<Eigen::Index>(made.sets.size()), static_cast<Eigen::Index>(n));
  for (std::size_t i = 0; i < made.sets.size(); ++i) {
    Posterior near = take_near(posteriors[i], seed + 1 + i);
    // Whether there are enough depends on the data set and its draws, not on the truth among them.
    if (near.draws.row_count < LocalTest::least_draws) continue;
    const auto truth = taken.begin() + static_cast<std::ptrdiff_t>(made.places[i] * n);
    const Located located(near.unconstrained, n);
    if (!located.varies()) continue;
    for (std::size_t j = 0; j < n; ++j)
      distances(static_cast<Eigen::Index>(examples.size()), static_cast<Eigen::Index>(j)) =
          (truth[static_cast<std::ptrdiff_t>(j)] - located.mean[j]) / located.sd[j];
    features.push_back(features_of(facts, batch, i, located));
    examples.push_back({std::move(near.summary), {}, {truth, truth + static_cast<std::ptrdiff_t>(n)},
                        std::move(near.unconstrained)});
  }
  const Posterior own = take_near(posterior, seed);
  if (examples.size() < LocalTest::least_simulations || own.draws.row_count < LocalTest::least_draws)
    return std::nullopt;
  const std::vector<double> of_own =
      features_of(facts, gather(facts, std::span(&data, 1)), 0, Located(own.unconstrained, n));
  std::vector<double> pulls;
  if (std::all_of(features.begin(), features.end(), [&](const auto& one) { return one.size() == of_own.size(); })) {
    Overlooked::Matrix matrix(static_cast<Eigen::Index>(features.size()), static_cast<Eigen::Index>(of_own.size()));
    for (std::size_t i = 0; i < features.size(); ++i)
      std::ranges::copy(features[i], matrix.row(static_cast<Eigen::Index>(i)).data());
    const Overlooked overlooked(matrix, distances.topRows(matrix.rows()));
    for (std::size_t i = 0; i < examples.size(); ++i) {
      const auto row = overlooked.cross_fitted().row(static_cast<Eigen::Index>(i));
      examples[i].pulls.assign(row.begin(), row.end());
    }
    pulls = overlooked.predict(of_own);
  }
  const LocalTest test(examples, seed);
  if (test.empty()) return std::nullopt;
  std::optional<LocalOutcome> outcome =
      test.judge(own.summary, pulls, own.unconstrained, own.draws, sampler.setup().parameter_names.size());
  if (!outcome) return std::nullopt;
  outcome->is_near = true;
  add_places(examples, sampler.setup().space, *outcome);
  return outcome;
}

} // namespace sibyl
