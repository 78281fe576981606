// Normal distributions along each parameter, and what they add to importance sampling, on densities in closed form.
#include "runtime/posterior/profiles.hpp"
#include "tests/compiled.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <random>

using namespace sibyl;

namespace {

// A model without data.
struct Bound {
  std::shared_ptr<CompiledModel> model;
  TargetDensity target;

  explicit Bound(const std::string& text) : model(test::compiled(text)), target(model, true) {
    target.bind(gather(model->facts(), std::vector<DataSet>(1)), 0);
  }
};

} // namespace

// Draws that know the middle of v alone, a normal variable of sd 3: half an sd to either side.
TEST_CASE("parts follow a funnel into its neck and out of its mouth") {
  Bound bound("parameters { real v; vector[3] x; } "
              "model { v ~ normal(0, 3); x ~ normal(0, exp(v / 2)); }");
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  constexpr std::size_t count = 1000;
  std::vector<double> draws;
  for (std::size_t i = 0; i < count; ++i) {
    const double v = 1.5 * normal(random);
    draws.push_back(v);
    for (int j = 0; j < 3; ++j) draws.push_back(std::exp(v / 2) * normal(random));
  }
  const Profiles profiles = find_profiles(bound.target, draws, std::vector<double>(count, -std::log(count)));
  REQUIRE(profiles.log_mass.size() == profiles.parts.count);
  double lowest = 0, highest = 0;
  for (std::size_t k = 0; k < profiles.parts.count; ++k) {
    const double* center = profiles.parts.center.data() + k * 4;
    lowest = std::min(lowest, center[0]);
    highest = std::max(highest, center[0]);
  }
  // At two sds of v, at least.
  CHECK(lowest < -6);
  CHECK(highest > 6);
}

TEST_CASE("parts lie on a ridge beyond where the draws end") {
  Bound bound("parameters { real<lower=0> rate; real<lower=0> scale; } "
              "model { rate ~ lognormal(0, 1); scale ~ lognormal(log(rate) * 2, 0.3); }");
  // log rate is standard normal; log scale twice that, with an sd of 0.3. The draws end early on one side.
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  constexpr std::size_t count = 4000;
  std::vector<double> draws;
  for (std::size_t i = 0; i < count; ++i) {
    const double a = -0.3 + 0.7 * normal(random);
    draws.push_back(a);
    draws.push_back(2 * a + 0.3 * normal(random));
  }
  const Profiles profiles = find_profiles(bound.target, draws, std::vector<double>(count, -std::log(count)));
  double highest = 0;
  for (std::size_t k = 0; k < profiles.parts.count; ++k) {
    const double* center = profiles.parts.center.data() + k * 2;
    highest = std::max(highest, center[0]);
    // On the ridge, however far out: where log rate is held log scale is twice that; where log scale is held, log rate
    // is its conditional mean.
    const double slope = 2 / (4 + 0.09);
    CHECK(std::min(std::abs(center[1] - 2 * center[0]), std::abs(center[0] - slope * center[1])) < 0.05);
  }
  CHECK(highest > 3);
}
