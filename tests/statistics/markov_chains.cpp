// The No-U-Turn sampler on densities whose moments are known. Seeds are fixed, so that a test that passes does so
// always; under another seed each comparison of a moment would fail with a probability of about 6e-5 (four standard
// errors, which are estimated from the same draws), all of this file's together with less than 0.01.
#include "lang/errors.hpp"
#include "runtime/mcmc/adaptation.hpp"
#include "runtime/mcmc/chains.hpp"
#include "runtime/trust/chain_diagnostics.hpp"
#include "tests/closed_form.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numbers>
#include <set>

using namespace sibyl;
using namespace sibyl::mcmc;
using Catch::Contains;
using sibyl::test::ClosedForm;

namespace {

template <typename Function>
std::function<std::unique_ptr<LogDensity>()> target(std::size_t dimension, Function function) {
  return [=] { return std::make_unique<ClosedForm<Function>>(dimension, function); };
}

// Over all chains' draws, [chain][draw].
template <typename Function>
std::vector<double> evaluate(const std::vector<ChainRun>& runs, std::size_t dimension, Function function) {
  std::vector<double> values;
  for (const ChainRun& run : runs)
    for (std::size_t i = 0; i < run.transitions.size(); ++i)
      values.push_back(function(run.unconstrained.data() + i * dimension));
  return values;
}

template <typename Function>
void check_mean(const std::vector<ChainRun>& runs, std::size_t dimension, double expected, Function function) {
  const std::vector<double> values = evaluate(runs, dimension, function);
  const ChainSummary summary = summarize_chains(values, runs.size());
  INFO("mean " << summary.mean << ", expected " << expected << ", error " << summary.mean_error);
  CHECK(std::abs(summary.mean - expected) < 4 * summary.mean_error);
  CHECK(summary.rhat < 1.02);
}

// Means and second moments of coordinate i.
void check_moments(const std::vector<ChainRun>& runs, std::size_t dimension, std::size_t i, double mean,
                   double variance) {
  INFO("coordinate " << i);
  check_mean(runs, dimension, mean, [=](const double* x) { return x[i]; });
  check_mean(runs, dimension, variance, [=](const double* x) { return (x[i] - mean) * (x[i] - mean); });
}

ChainsOptions options(std::uint64_t seed, std::size_t draws = 2000) {
  ChainsOptions result;
  result.seed = seed;
  result.draws = draws;
  result.threads = 2;
  return result;
}

std::size_t divergences(const std::vector<ChainRun>& runs) {
  std::size_t count = 0;
  for (const ChainRun& run : runs)
    for (const Transition& one : run.transitions) count += one.is_divergent;
  return count;
}

const auto funnel = [](const double* x, double* gradient) {
  // Neal's: x[0] ~ normal(0, 3), x[i] ~ normal(0, exp(x[0] / 2)).
  const double precision = std::exp(-x[0]);
  double value = -x[0] * x[0] / 18;
  gradient[0] = -x[0] / 9;
  for (int i = 1; i < 10; ++i) {
    value -= 0.5 * x[i] * x[i] * precision + 0.5 * x[0];
    gradient[0] += 0.5 * x[i] * x[i] * precision - 0.5;
    gradient[i] = -x[i] * precision;
  }
  return value;
};

} // namespace

TEST_CASE("normal distributions of very different scales: moments, and the diagonal metric that was learned") {
  const auto make = target(4, [](const double* x, double* gradient) {
    const double means[] = {1, -50, 0, 3e4}, sds[] = {1, 10, 0.01, 1e4};
    double value = 0;
    for (int i = 0; i < 4; ++i) {
      const double z = (x[i] - means[i]) / sds[i];
      value -= 0.5 * z * z;
      gradient[i] = -z / sds[i];
    }
    return value;
  });
  const auto runs = run_chains(make, options(1));
  check_moments(runs, 4, 0, 1, 1);
  check_moments(runs, 4, 1, -50, 100);
  check_moments(runs, 4, 2, 0, 1e-4);
  check_moments(runs, 4, 3, 3e4, 1e8);
  for (const ChainRun& run : runs) {
    // From the last window's 500 draws: within a factor of 1.5, which is more than six standard errors.
    CHECK(std::abs(std::log(run.metric.variances()[1] / 100)) < std::log(1.5));
    CHECK(std::abs(std::log(run.metric.variances()[2] / (1e-4 + 1e-5))) < std::log(1.5)); // shrunk to 1e-3 by 1%
    CHECK(std::abs(std::log(run.metric.variances()[3] / 1e8)) < std::log(1.5));
  }
  CHECK(divergences(runs) == 0);
}

TEST_CASE("strongly correlated normals: both metrics are right, and the dense one needs shorter trajectories") {
  const double r = 0.99;
  const auto make = target(2, [r](const double* x, double* gradient) {
    const double scale = 1 / (1 - r * r);
    gradient[0] = -scale * (x[0] - r * x[1]);
    gradient[1] = -scale * (x[1] - r * x[0]);
    return 0.5 * (x[0] * gradient[0] + x[1] * gradient[1]);
  });
  double steps[2];
  for (const MetricKind kind : {MetricKind::diagonal, MetricKind::dense}) {
    ChainsOptions chosen = options(2);
    chosen.metric = kind;
    const auto runs = run_chains(make, chosen);
    check_moments(runs, 2, 0, 0, 1);
    check_mean(runs, 2, r, [](const double* x) { return x[0] * x[1]; });
    double sum = 0;
    for (const ChainRun& run : runs)
      for (const Transition& one : run.transitions) sum += one.leapfrog_steps;
    steps[kind == MetricKind::dense] = sum;
    if (kind == MetricKind::dense)
      for (const ChainRun& run : runs)
        CHECK(run.metric.covariance()(0, 1) / std::sqrt(run.metric.covariance()(0, 0) * run.metric.covariance()(1, 1)) >
              0.97);
  }
  CHECK(steps[1] < 0.5 * steps[0]);
}

TEST_CASE("heavy tails: Student's t with 5 degrees of freedom") {
  const auto make = target(1, [](const double* x, double* gradient) {
    gradient[0] = -6 * x[0] / (5 + x[0] * x[0]);
    return -3 * std::log1p(x[0] * x[0] / 5);
  });
  const auto runs = run_chains(make, options(3, 5000));
  check_mean(runs, 1, 0, [](const double* x) { return x[0]; });
  // Quantiles of the distribution: P(x < -2.015048) = 0.05, P(x < 0.7266868) = 0.75.
  check_mean(runs, 1, 0.05, [](const double* x) { return x[0] < -2.015048 ? 1.0 : 0.0; });
  check_mean(runs, 1, 0.75, [](const double* x) { return x[0] < 0.7266868 ? 1.0 : 0.0; });
}

TEST_CASE("a curved ridge: x ~ normal(0, 1), y ~ normal(x^2, 0.5)") {
  const auto make = target(2, [](const double* x, double* gradient) {
    const double z = (x[1] - x[0] * x[0]) / 0.25;
    gradient[0] = -x[0] + 2 * x[0] * z;
    gradient[1] = -z;
    return -0.5 * x[0] * x[0] - 0.5 * z * (x[1] - x[0] * x[0]);
  });
  ChainsOptions chosen = options(4, 4000);
  chosen.target_acceptance = 0.95;
  const auto runs = run_chains(make, chosen);
  check_moments(runs, 2, 0, 0, 1);
  check_moments(runs, 2, 1, 1, 2.25); // var x^2 + 0.25
}

TEST_CASE("a periodic density of a uniform angle: the criterion ends trajectories that turn") {
  // Radius: r^2 is chi-squared of 20, so that a point's typical distance is sqrt(20) in 20 dimensions.
  const auto make = target(20, [](const double* x, double* gradient) {
    double value = 0;
    for (int i = 0; i < 20; ++i) {
      value -= 0.5 * x[i] * x[i];
      gradient[i] = -x[i];
    }
    return value;
  });
  const auto runs = run_chains(make, options(5));
  check_mean(runs, 20, 20, [](const double* x) {
    double sum = 0;
    for (int i = 0; i < 20; ++i) sum += x[i] * x[i];
    return sum;
  });
  // A standard normal's period is 2 pi: no trajectory of these steps is longer than two of them.
  for (const ChainRun& run : runs)
    for (const Transition& one : run.transitions) CHECK(one.leapfrog_steps * one.step_size < 4 * std::numbers::pi);
}

TEST_CASE("a centered funnel diverges, and its acceptance is what was aimed at in a density without one") {
  ChainsOptions chosen = options(8, 1000);
  const auto runs = run_chains(target(10, funnel), chosen);
  CHECK(divergences(runs) > 10);
  const auto easy = run_chains(target(1,
                                      [](const double* x, double* gradient) {
                                        gradient[0] = -x[0];
                                        return -0.5 * x[0] * x[0];
                                      }),
                               chosen);
  CHECK(divergences(easy) == 0);
  double sum = 0;
  for (const ChainRun& run : easy)
    for (const Transition& one : run.transitions) sum += one.acceptance;
  CHECK(sum / 4000 > 0.7);
  CHECK(sum / 4000 < 0.97);
}

TEST_CASE("draws depend on the seed and the chain's number alone") {
  ChainsOptions chosen = options(7, 50);
  chosen.warmup = 100;
  chosen.threads = 1;
  const auto one_thread = run_chains(target(10, funnel), chosen);
  chosen.threads = 4;
  const auto four_threads = run_chains(target(10, funnel), chosen);
  chosen.chains = 2;
  const auto two_chains = run_chains(target(10, funnel), chosen);
  chosen.seed = 8;
  const auto other_seed = run_chains(target(10, funnel), chosen);
  std::set<double> first;
  for (std::size_t chain = 0; chain < 4; ++chain) {
    CHECK(one_thread[chain].unconstrained == four_threads[chain].unconstrained);
    if (chain < 2) {
      CHECK(one_thread[chain].unconstrained == two_chains[chain].unconstrained);
      CHECK(one_thread[chain].unconstrained != other_seed[chain].unconstrained);
    }
    first.insert(one_thread[chain].unconstrained.front());
  }
  CHECK(first.size() == 4);
}

TEST_CASE("Stan's windows") {
  const auto ends = [](std::size_t iterations) {
    WarmupWindows windows(iterations);
    std::vector<std::size_t> result;
    for (std::size_t i = 0; i < iterations; ++i)
      if (windows.ends_window(i)) {
        result.push_back(i);
        windows.open_next_window();
      }
    return result;
  };
  CHECK(ends(1000) == std::vector<std::size_t>{99, 149, 249, 449, 949}); // 75, 25, 50, 100, 200, 500, 50
  CHECK(ends(100) == std::vector<std::size_t>{89});                      // 15, 75, 10
  CHECK(ends(150) == std::vector<std::size_t>{99});
  CHECK(ends(19).empty());
  CHECK(WarmupWindows(1000).is_slow(75));
  CHECK_FALSE(WarmupWindows(1000).is_slow(74));
  CHECK_FALSE(WarmupWindows(1000).is_slow(950));
}

TEST_CASE("what cannot be sampled says why") {
  const auto improper = target(1, [](const double*, double* gradient) {
    gradient[0] = 0;
    return 0.0;
  });
  CHECK_THROWS_WITH(run_chains(improper, options(9)), Contains("improper"));
  const auto nowhere = target(1, [](const double*, double*) { return -std::numeric_limits<double>::infinity(); });
  CHECK_THROWS_WITH(run_chains(nowhere, options(9)), Contains("not finite at any of 100 random points"));
  const auto steep = target(1, [](const double* x, double* gradient) {
    gradient[0] = std::numeric_limits<double>::quiet_NaN();
    return -x[0] * x[0];
  });
  CHECK_THROWS_WITH(run_chains(steep, options(9)), Contains("its gradient is not finite"));
}

TEST_CASE("interrupted chains keep their draws, and what they have in common is found") {
  std::atomic<std::int32_t> interrupted = 0;
  ChainsOptions chosen = options(10, 1000000);
  chosen.interrupted = &interrupted;
  chosen.progress = [&](const ChainsProgress& at) { interrupted = at.draws_done > 1000; };
  const auto runs = run_chains(target(10, funnel), chosen);
  std::size_t draws = 0;
  for (const ChainRun& run : runs) {
    CHECK(run.unconstrained.size() == 10 * run.transitions.size());
    draws += run.transitions.size();
  }
  CHECK(draws > 1000);
  CHECK(draws < 4000000);

  std::vector<ChainRun> uneven(4, ChainRun(MetricKind::diagonal, 1));
  const std::size_t lengths[] = {1000, 3, 900, 0};
  for (std::size_t i = 0; i < 4; ++i) uneven[i].transitions.resize(lengths[i]);
  const CommonDraws common = common_draws(uneven);
  CHECK(common.chains == std::vector<std::size_t>{0, 2});
  CHECK(common.draws == 900);
}
