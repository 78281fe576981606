// Pareto-smoothed importance sampling against ArviZ (importance.json, by make_importance_references.py), and where the
// tail and the integral are known.
#include "runtime/trust/density_check.hpp"
#include "runtime/trust/importance.hpp"
#include "tests/golden.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

using namespace sibyl;

namespace {

const nlohmann::json& references() {
  static const auto all =
      nlohmann::json::parse(test::read_golden(std::string(SIBYL_SOURCE_DIR) + "/tests/numerics/importance.json"));
  return all;
}

double normal_ratio(double x, double proposal_sd) {
  return -0.5 * x * x + 0.5 * x * x / (proposal_sd * proposal_sd) + std::log(proposal_sd);
}

// log N(x; 0, 1) - log N(x; 0, sd) at draws of the latter.
std::vector<double> normal_ratios(double proposal_sd, std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, proposal_sd);
  std::vector<double> result(count);
  for (double& one : result) one = normal_ratio(normal(random), proposal_sd);
  return result;
}

} // namespace

TEST_CASE("k-hat and smoothed weights are ArviZ's") {
  for (const auto& reference : references().at("smoothed")) {
    INFO(reference.at("name"));
    const auto ratios = reference.at("log_ratios").get<std::vector<double>>();
    const auto expected = reference.at("log_weights").get<std::vector<double>>();
    const ImportanceWeights weights = smooth_importance_weights(ratios);
    CHECK(weights.k_hat == Approx(reference.at("k_hat").get<double>()).epsilon(1e-6));
    REQUIRE(weights.log_weights.size() == expected.size());
    double squares = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CHECK(weights.log_weights[i] == Approx(expected[i]).epsilon(1e-6).margin(1e-8));
      squares += std::exp(2 * expected[i]);
    }
    CHECK(weights.effective_size == Approx(1 / squares).epsilon(1e-6));
  }
}

TEST_CASE("generalized Pareto fits are ArviZ's") {
  for (const auto& reference : references().at("tails")) {
    const ParetoTail tail = fit_pareto_tail(reference.at("exceedances").get<std::vector<double>>());
    CHECK(tail.k == Approx(reference.at("k").get<double>()).epsilon(1e-8));
    CHECK(tail.sigma == Approx(reference.at("sigma").get<double>()).epsilon(1e-8));
  }
}

// The estimate's standard error is about (1 + k) / sqrt(tail), with a tail of 3 sqrt(count); 4 of them fail by chance
// once in 16,000 runs, and seeds are fixed.
TEST_CASE("k-hat is the shape of a Pareto distribution") {
  const std::size_t count = 40000;
  for (const double k : {0.2, 0.5, 0.9, 1.3}) {
    std::mt19937_64 random(11);
    std::uniform_real_distribution<double> uniform;
    std::vector<double> ratios(count);
    for (double& one : ratios) one = -k * std::log(1 - uniform(random));
    CHECK(smooth_importance_weights(ratios).k_hat ==
          Approx(k).margin(4 * (1 + k) / std::sqrt(3 * std::sqrt(static_cast<double>(count)))));
  }
}

TEST_CASE("the integral of the target is found within its standard error, with a constant of any size") {
  for (const double constant : {0.0, -5000.0, 800.0}) {
    std::vector<double> ratios = normal_ratios(1.5, 4000, 2);
    for (double& one : ratios) one += constant;
    const ImportanceWeights weights = smooth_importance_weights(ratios);
    CHECK(weights.k_hat < 0.5);
    CHECK(std::abs(weights.log_mean - constant) < 4 * weights.log_mean_error);
    CHECK(weights.log_mean_error < 0.02);
  }
}

TEST_CASE("a proposal that is much too narrow is found out") {
  CHECK_FALSE(smooth_importance_weights(normal_ratios(0.25, 4000, 3)).are_good());
  CHECK(smooth_importance_weights(normal_ratios(1, 4000, 3)).are_good());
  CHECK(smooth_importance_weights(normal_ratios(3, 4000, 3)).are_good());
}

TEST_CASE("draws without a finite ratio have no weight and are counted") {
  std::vector<double> ratios = normal_ratios(1.2, 3000, 4);
  const double mean = smooth_importance_weights(ratios).log_mean;
  ratios.push_back(std::numeric_limits<double>::quiet_NaN());
  ratios.push_back(std::numeric_limits<double>::infinity());
  ratios.insert(ratios.end(), 2998, -std::numeric_limits<double>::infinity());
  const ImportanceWeights weights = smooth_importance_weights(ratios);
  CHECK(weights.without == 3000);
  CHECK(std::isinf(weights.log_weights.back()));
  CHECK(std::isfinite(weights.k_hat));
  // Half of the proposal's mass is where the target has none.
  CHECK(weights.log_mean == Approx(mean - std::log(2)).margin(0.03));
  const ImportanceWeights none =
      smooth_importance_weights(std::vector<double>(100, -std::numeric_limits<double>::infinity()));
  CHECK_FALSE(none.are_good());
  CHECK(none.without == 100);
}

// A t distribution with 5 degrees of freedom has squares of k = 2 / 5, one with 2 of k = 1; k-hat's error is about 0.1.
TEST_CASE("an sd that a rare tail decides is called unknown, by the parameter's name") {
  std::mt19937_64 random(4);
  std::normal_distribution<double> normal;
  const auto draws_of = [&](double degrees) {
    std::student_t_distribution<double> heavy(degrees);
    Draws draws{.columns = {"a", "b"}, .row_count = 4000};
    for (std::size_t i = 0; i < draws.row_count; ++i) {
      draws.values.push_back(normal(random));
      draws.values.push_back(10 + heavy(random));
    }
    return draws;
  };
  CHECK_FALSE(find_heavy_tail(draws_of(5), 2, {}));
  const std::optional<HeavyTail> found = find_heavy_tail(draws_of(2), 2, {});
  REQUIRE(found);
  CHECK(found->parameter == "b");
  CHECK(found->k_hat == Approx(1).margin(0.3));
  CHECK_FALSE(find_heavy_tail(draws_of(2), 1, {})); // of a alone
  // Weights count: good ones of a normal distribution against one that is a little wider than half an sd.
  Draws narrow{.columns = {"a"}, .row_count = 4000};
  std::vector<double> ratios;
  for (std::size_t i = 0; i < narrow.row_count; ++i) {
    narrow.values.push_back(0.8 * normal(random));
    ratios.push_back(-0.5 * std::pow(narrow.values.back(), 2) * (1 - 1 / 0.64));
  }
  const ImportanceWeights weights = smooth_importance_weights(ratios);
  CHECK(heaviest_tail(narrow, 1, weights.log_weights).k_hat > heaviest_tail(narrow, 1, {}).k_hat);
  DensityCheck check{.k_hat = 0.3, .effective_size = 2000, .draws = 4000};
  CHECK(check.is_good());
  check.heavy_tail = found;
  CHECK_THAT(check.complaint(), Catch::StartsWith("the sd of b is not known, its tail is too heavy (k-hat "));
}

TEST_CASE("equal ratios are the best that there are, a handful tells nothing") {
  const ImportanceWeights equal = smooth_importance_weights(std::vector<double>(1000, 7.25));
  CHECK(equal.are_good());
  CHECK(equal.effective_size == Approx(1000));
  CHECK(equal.log_mean == Approx(7.25));
  CHECK(equal.log_mean_error == Approx(0).margin(1e-9));
  CHECK_FALSE(smooth_importance_weights(std::vector<double>{0, 1, 2}).are_good());
}

TEST_CASE("resampled draws are as many as their weights say, rounded up or down") {
  const ImportanceWeights weights = smooth_importance_weights(normal_ratios(2, 500, 5));
  const std::size_t count = 2000;
  const std::vector<std::size_t> chosen = resample(weights, count, 8);
  REQUIRE(chosen.size() == count);
  std::vector<double> times(500);
  for (const std::size_t one : chosen) ++times[one];
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double expected = std::exp(weights.log_weights[i]) * static_cast<double>(count);
    CHECK(times[i] >= std::floor(expected - 1e-9));
    CHECK(times[i] <= std::ceil(expected + 1e-9));
  }
  CHECK_FALSE(std::is_sorted(chosen.begin(), chosen.end()));
  CHECK(resample(weights, count, 8) == chosen);
}
