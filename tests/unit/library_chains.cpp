// Markov chains through sibyl.hpp: nothing but the header and the shared library.
#include <sibyl/sibyl.hpp>

#include <catch2/catch.hpp>

#include <cmath>

using sibyl::Arrays;
using sibyl::Model;

namespace {

// A normal mean with a known sd, whose posterior is normal(sum / (n + 1), 1 / sqrt(n + 1)).
constexpr char known_sd[] = R"(
data { int<lower=1> N; vector[N] y; }
parameters { real mu; }
model { mu ~ normal(0, 1); y ~ normal(mu, 1); }
generated quantities { vector[2] twice = [2 * mu, 3 * mu]'; }
)";
const Arrays three_values = {{"N", 3}, {"y", {1.5, -0.5, 0.25}}};

} // namespace

TEST_CASE("chains give the exact posterior, with everything that the model computes") {
  std::size_t reports = 0;
  const sibyl::Chains chains = Model(known_sd).mcmc(three_values, {.chains = 3, .draws = 2000, .threads = 2},
                                                    [&](const sibyl::ChainProgress&) { ++reports; });
  CHECK(chains.draws.at("mu").extents == std::vector<std::int64_t>{3, 2000});
  CHECK(chains.draws.at("twice").extents == std::vector<std::int64_t>{3, 2000, 2});
  CHECK(chains.draws.at("twice").values[1] == 3 * chains.draws.at("mu").values[0]);
  CHECK(chains.statistics.at("diverging").extents == std::vector<std::int64_t>{3, 2000});
  CHECK(chains.statistics.size() == 7);
  CHECK(chains.data.at("y").values == three_values.at("y").values);
  REQUIRE(chains.summaries.size() == 4);
  CHECK(chains.summaries[0].name == "lp__");
  const sibyl::ChainedSummary& mu = chains.summaries[1];
  CHECK(mu.name == "mu");
  CHECK(std::abs(mu.mean - 1.25 / 4) < 4 * mu.mean_error);
  CHECK(mu.sd == Approx(0.5).epsilon(0.08));
  CHECK(mu.rhat < 1.01);
  CHECK(mu.bulk_ess > 500);
  CHECK(chains.warnings.empty());
  CHECK_FALSE(chains.was_interrupted);
}

TEST_CASE("many short chains give the same posterior, as one chain of so many draws") {
  const sibyl::Chains chains =
      Model(known_sd).mcmc(three_values, {.method = sibyl::ChainMethod::chees, .chains = 2, .draws = 1000});
  const sibyl::Chains reference = Model(known_sd).mcmc(three_values, {.chains = 2, .draws = 4000});
  CHECK(chains.draws.at("mu").extents == std::vector<std::int64_t>{1, 2000});
  const auto find = [](const sibyl::Chains& of) {
    for (const sibyl::ChainedSummary& one : of.summaries)
      if (one.name == "mu") return one;
    FAIL("there is no mu");
    return of.summaries.front();
  };
  const sibyl::ChainedSummary mu = find(chains), expected = find(reference);
  CHECK(mu.rhat < 1.03);
  CHECK(mu.bulk_ess > 500);
  CHECK(std::abs(mu.mean - expected.mean) < 5 * (mu.mean_error + expected.mean_error));
  CHECK(mu.sd == Approx(expected.sd).epsilon(0.15));
}

TEST_CASE("settings of chains: the metric, initial values, the seed") {
  const Model model(known_sd);
  const sibyl::ChainSettings settings{
      .chains = 1, .warmup = 0, .draws = 3, .metric = sibyl::Metric::dense, .init = {{{"mu", 100}}}, .threads = 1};
  const auto draws = model.mcmc(three_values, settings).draws.at("mu").values;
  CHECK(draws.size() == 3);
  CHECK(std::abs(draws[0]) < 101);
  CHECK(draws == model.mcmc(three_values, settings).draws.at("mu").values);
  sibyl::ChainSettings other = settings;
  other.seed = 2;
  CHECK(draws != model.mcmc(three_values, other).draws.at("mu").values);
  other.init = {{{"nu", 1}}};
  CHECK_THROWS_AS(model.mcmc(three_values, other), sibyl::UserError);
  CHECK_THROWS_AS(model.mcmc({{"N", 3}}), sibyl::UserError);
  CHECK_THROWS_AS(model.mcmc(three_values, {.max_depth = 0}), sibyl::UserError);
}

TEST_CASE("a stop flag keeps the draws so far") {
  std::atomic<std::int32_t> stop = 0;
  const sibyl::Chains chains =
      Model(known_sd).mcmc(three_values, {.chains = 2, .draws = 100000000, .threads = 2, .stop = &stop},
                           [&](const sibyl::ChainProgress& at) { stop = at.draws_done > 100; });
  CHECK(chains.was_interrupted);
  CHECK(chains.draws.at("mu").values.size() > 10);
}

TEST_CASE("the mode, and Laplace draws around it") {
  const Model model(known_sd);
  const sibyl::Mode mode = model.optimize(three_values, {.laplace_draws = 2000});
  CHECK(mode.converged);
  CHECK(mode.values.at("mu").extents.empty());
  CHECK(mode.values.at("mu").values.front() == Approx(1.25 / 4).epsilon(1e-4));
  CHECK(mode.values.at("twice").extents == std::vector<std::int64_t>{2});
  CHECK(mode.draws.at("twice").extents == std::vector<std::int64_t>{2000, 2});
  REQUIRE(mode.log_density_of_draws.size() == 2000);
  // The posterior is normal: both log densities differ by a constant, the evidence.
  const double evidence = mode.log_density_of_draws[0] - mode.log_density_of_normal[0];
  CHECK(mode.log_density_of_draws[1] - mode.log_density_of_normal[1] == Approx(evidence).epsilon(1e-6));
  CHECK(model.optimize(three_values).draws.empty());
}

TEST_CASE("pathfinder finds a normal posterior") {
  const sibyl::PathfinderDraws found = Model(known_sd).pathfinder(three_values, {.draws = 2000, .threads = 2});
  CHECK(found.draws.at("twice").extents == std::vector<std::int64_t>{2000, 2});
  CHECK(found.k_hat < 0.7);
  CHECK(found.warning.empty());
  CHECK(found.elbo.size() == 4);
  CHECK(found.log_density.size() == 2000);
  double mean = 0;
  for (const double mu : found.draws.at("mu").values) mean += mu / 2000;
  CHECK(std::abs(mean - 1.25 / 4) < 4 * 0.5 / std::sqrt(2000.0));
}
