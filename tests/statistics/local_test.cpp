// The local test of draws on a posterior in closed form: mu ~ normal(0, 1) twice, x ~ normal(mu, s) each, where s is
// the data set's own; and on draws that are wrong in ways of their own.
#include "runtime/trust/local_test.hpp"
#include "lang/errors.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

using namespace sibyl;

namespace {

struct Set {
  double x[2], s;
};

std::vector<float> summary_of(const Set& set) {
  return {static_cast<float>(set.x[0]), static_cast<float>(set.x[1]), static_cast<float>(std::log(set.s))};
}

// `distort` makes of a standard normal pair what the draws are in units of the posterior.
using Distort = std::function<void(const Set&, double*)>;

class Simulations {
 public:
  explicit Simulations(unsigned seed) : engine_(seed) {}

  LocalExample make(const Distort& distort) {
    LocalExample result;
    Set set{};
    set.s = std::exp(0.4 * normal_(engine_));
    for (double& x : set.x) {
      const double mu = normal_(engine_);
      result.truth.push_back(mu);
      x = mu + set.s * normal_(engine_);
    }
    result.summary = summary_of(set);
    result.draws = draws(set, distort, 150);
    return result;
  }

  std::vector<double> draws(const Set& set, const Distort& distort, std::size_t count) {
    const double precision = 1 + 1 / (set.s * set.s), sd = 1 / std::sqrt(precision);
    std::vector<double> result;
    for (std::size_t i = 0; i < count; ++i) {
      double z[2] = {normal_(engine_), normal_(engine_)};
      if (distort) distort(set, z);
      for (std::size_t j = 0; j < 2; ++j) result.push_back(set.x[j] / (set.s * set.s) / precision + sd * z[j]);
    }
    return result;
  }

  LocalTest train(const Distort& distort, std::size_t count = 500) {
    std::vector<LocalExample> examples;
    for (std::size_t i = 0; i < count; ++i) examples.push_back(make(distort));
    return LocalTest(examples, 1);
  }

  double p_value(const LocalTest& test, const Distort& distort, const Set& set) {
    return test.p_value(summary_of(set), draws(set, distort, 1000));
  }

 private:
  std::mt19937_64 engine_;
  std::normal_distribution<double> normal_;
};

const Set usual{{0.7, -0.4}, 1};

} // namespace

// A test is one draw of its p-value, whatever the data set: tests are trained anew. The limit of the Kolmogorov-Smirnov
// distance is passed once in a thousand runs; the seeds are fixed.
TEST_CASE("the p-value of a right posterior is uniform over trainings") {
  constexpr std::size_t runs = 80;
  const Set sets[] = {usual, {{-2, 1.5}, 0.6}};
  std::vector<double> p[2];
  for (unsigned run = 0; run < runs; ++run) {
    Simulations simulations(100 + run);
    const LocalTest test = simulations.train({}, 120);
    for (std::size_t s = 0; s < 2; ++s) p[s].push_back(simulations.p_value(test, {}, sets[s]));
  }
  for (std::vector<double>& of_set : p) {
    std::sort(of_set.begin(), of_set.end());
    double distance = 0;
    for (std::size_t i = 0; i < runs; ++i)
      distance = std::max(
          {distance, static_cast<double>(i + 1) / runs - of_set[i], of_set[i] - static_cast<double>(i) / runs});
    CHECK(distance < 1.95 / std::sqrt(static_cast<double>(runs)));
  }
}

TEST_CASE("draws that are wrong are found at the data set at hand") {
  struct Wrong {
    const char* name;
    Distort distort;
  };
  const std::vector<Wrong> all = {
      {"shifted", [](const Set&, double* z) { z[0] += 0.3; }},
      {"too wide", [](const Set&, double* z) { z[0] *= 1.3; }},
      {"too narrow", [](const Set&, double* z) { z[1] *= 0.75; }},
      {"correlated", [](const Set&, double* z) { z[1] = 0.5 * z[0] + std::sqrt(0.75) * z[1]; }},
      {"skewed", [](const Set&, double* z) { z[0] = (std::exp(0.5 * z[0]) - std::exp(0.125)) / 0.6039; }},
      {"short of tails", [](const Set&, double* z) { z[0] = 1.73 * std::erf(z[0] / std::sqrt(2.0)); }},
      // The prior's draws: ranks are uniform over simulations, and not one posterior is right.
      {"the prior",
       [](const Set& set, double* z) {
         const double precision = 1 + 1 / (set.s * set.s), sd = 1 / std::sqrt(precision);
         for (std::size_t j = 0; j < 2; ++j) z[j] = (z[j] - set.x[j] / (set.s * set.s) / precision) / sd;
       }},
  };
  for (const Wrong& wrong : all) {
    Simulations simulations(7);
    const LocalTest test = simulations.train(wrong.distort, 1000);
    INFO(wrong.name);
    CHECK(simulations.p_value(test, wrong.distort, usual) <= 0.0125);
  }
}

// Wrong for data sets of a positive x[0] alone.
TEST_CASE("what is wrong elsewhere is not held against a data set") {
  const Distort distort = [](const Set& set, double* z) {
    if (set.x[0] > 0) z[0] += 0.8;
  };
  std::size_t found = 0, blamed = 0;
  for (unsigned run = 0; run < 10; ++run) {
    Simulations simulations(50 + run);
    const LocalTest test = simulations.train(distort, 1000);
    found += simulations.p_value(test, distort, Set{{1.6, 0.2}, 1}) < 0.01;
    blamed += simulations.p_value(test, distort, Set{{-1.6, 0.2}, 1}) < 0.01;
  }
  CHECK(found == 10);
  CHECK(blamed <= 3);
}

TEST_CASE("a local test is stored and read") {
  Simulations simulations(3);
  const LocalTest test = simulations.train({}, 200);
  LocalTest read = nlohmann::json(test).get<LocalTest>();
  CHECK(read.empty());
  read.set_weights(test.weights());
  const std::vector<double> draws = simulations.draws(usual, {}, 400);
  CHECK(read.p_value(summary_of(usual), draws) == test.p_value(summary_of(usual), draws));
  CHECK(read.simulations() == 200);
  CHECK_THROWS_AS(read.set_weights({1, 2}), UserError);
  nlohmann::json damaged = test;
  damaged["context_scale"][0] = 0;
  CHECK_THROWS_AS(damaged.get<LocalTest>(), UserError);
}

TEST_CASE("without enough to learn from there is no local test") {
  Simulations simulations(4);
  CHECK(simulations.train({}, 60).empty());
  const LocalTest test = simulations.train({}, 150);
  CHECK_FALSE(test.empty());
  CHECK(std::isnan(test.p_value(summary_of(usual), simulations.draws(usual, {}, 50))));
  CHECK(std::isnan(test.p_value(summary_of(usual), std::vector<double>(1000, 1.0))));
}
