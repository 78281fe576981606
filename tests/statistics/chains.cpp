// Chains over lanes on targets whose moments are known. Seeds are fixed; with 4,000 nearly independent draws of a few
// thousand states, means are known to about 0.03 sd and sds to 3%: what is allowed is four times that.
#include "runtime/chains/adaptive_hmc.hpp"
#include "runtime/chains/nested_r_hat.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numeric>
#include <random>

using namespace sibyl;

namespace {

struct Moments {
  double mean = 0, sd = 0;
};

Moments moments(const std::vector<double>& draws, std::size_t dimension, std::size_t parameter) {
  Moments result;
  const auto count = static_cast<double>(draws.size() / dimension);
  for (std::size_t i = parameter; i < draws.size(); i += dimension) result.mean += draws[i] / count;
  for (std::size_t i = parameter; i < draws.size(); i += dimension)
    result.sd += std::pow(draws[i] - result.mean, 2) / (count - 1);
  result.sd = std::sqrt(result.sd);
  return result;
}

std::vector<double> normal_points(std::size_t count, std::span<const double> centers, std::span<const double> scales) {
  std::mt19937_64 random(17);
  std::normal_distribution<double> normal;
  std::vector<double> points;
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t p = 0; p < centers.size(); ++p) points.push_back(centers[p] + scales[p] * normal(random));
  return points;
}

std::vector<std::size_t> first(std::size_t count) {
  std::vector<std::size_t> result(count);
  std::iota(result.begin(), result.end(), std::size_t{0});
  return result;
}

} // namespace

TEST_CASE("a correlated normal with scales from 1e-3 to 1e3, from starts that are off in place and scale") {
  constexpr std::size_t n = 10;
  // x_p = mean_p + scale_p * (common + independent) / sqrt(2): correlations of one half. The precision of the
  // standardized vector is 2 (I - 11' / (n + 1)).
  std::vector<double> means(n), scales(n), centers(n), spreads(n);
  for (std::size_t p = 0; p < n; ++p) {
    scales[p] = std::pow(10, -3 + 6 * static_cast<double>(p) / (n - 1));
    means[p] = scales[p] * (static_cast<double>(p) - 4);
    centers[p] = means[p] + (p % 2 ? 1 : -1) * scales[p];
    spreads[p] = scales[p] * (p % 3 == 0 ? 0.3 : 2);
  }
  const auto target = [&](std::span<const double> points, std::span<double> values, std::span<double> gradients) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      double sum = 0;
      for (std::size_t p = 0; p < n; ++p) sum += (points[i * n + p] - means[p]) / scales[p];
      values[i] = 0;
      for (std::size_t p = 0; p < n; ++p) {
        const double z = (points[i * n + p] - means[p]) / scales[p], slope = 2 * (z - sum / (n + 1));
        values[i] -= 0.5 * z * slope;
        gradients[i * n + p] = -slope / scales[p];
      }
    }
  };
  const HmcResult result =
      run_adaptive_hmc(target, n, normal_points(1000, centers, spreads), first(16), {.draws = 4000, .seed = 3});
  WARN("nested R-hat " << result.r_hat << " after " << result.steps << " steps, acceptance " << result.acceptance
                       << ", step size " << result.step_size << ", trajectory " << result.trajectory);
  CHECK(result.r_hat < 1.01);
  CHECK(result.divergent == 0);
  REQUIRE(result.draws.size() == 4000 * n);
  for (std::size_t p = 0; p < n; ++p) {
    const Moments found = moments(result.draws, n, p);
    CHECK(std::abs(found.mean - means[p]) < 0.12 * scales[p]);
    CHECK(found.sd == Approx(scales[p]).epsilon(0.12));
  }
}

// Eight schools, not centered: theta_j standard normal, mu, log tau. The reference is posteriordb's for mu and tau (10
// chains of 10,000 draws thinned by 10).
TEST_CASE("eight schools, not centered") {
  constexpr std::size_t n = 10, schools = 8;
  constexpr double y[] = {28, 8, -3, 7, -1, 1, 18, 12}, sigma[] = {15, 10, 16, 11, 9, 11, 10, 18};
  const auto target = [&](std::span<const double> points, std::span<double> values, std::span<double> gradients) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double* x = points.data() + i * n;
      double* slope = gradients.data() + i * n;
      const double mu = x[8], tau = std::exp(x[9]), scaled = tau / 5;
      // A half Cauchy of scale 5 for tau, with the Jacobian of its logarithm.
      values[i] = -0.5 * mu * mu / 25 - std::log1p(scaled * scaled) + x[9];
      slope[8] = -mu / 25;
      slope[9] = 1 - 2 * scaled * scaled / (1 + scaled * scaled);
      for (std::size_t j = 0; j < schools; ++j) {
        const double rest = (y[j] - mu - tau * x[j]) / sigma[j];
        values[i] -= 0.5 * (x[j] * x[j] + rest * rest);
        slope[j] = -x[j] + rest * tau / sigma[j];
        slope[8] += rest / sigma[j];
        slope[9] += rest * tau * x[j] / sigma[j];
      }
    }
  };
  std::vector<double> centers(n, 0.0), spreads(n, 1.0);
  spreads[8] = 5;
  const HmcResult result =
      run_adaptive_hmc(target, n, normal_points(1000, centers, spreads), first(16), {.draws = 4000, .seed = 5});
  WARN("nested R-hat " << result.r_hat << " after " << result.steps << " steps, divergent " << result.divergent
                       << ", acceptance " << result.acceptance << ", trajectory " << result.trajectory);
  CHECK(result.r_hat < 1.01);
  REQUIRE(result.draws.size() == 4000 * n);
  std::vector<double> tau;
  for (std::size_t i = 9; i < result.draws.size(); i += n) tau.push_back(std::exp(result.draws[i]));
  const Moments of_mu = moments(result.draws, n, 8), of_tau = moments(tau, 1, 0);
  CHECK(std::abs(of_mu.mean - 4.41) < 0.12 * 3.31);
  CHECK(of_mu.sd == Approx(3.31).epsilon(0.12));
  CHECK(std::abs(of_tau.mean - 3.60) < 0.12 * 3.20);
  CHECK(of_tau.sd == Approx(3.20).epsilon(0.15));
}

TEST_CASE("chains end when their time is over, between steps of one trajectory, and keep what they have") {
  std::size_t evaluations = 0;
  const auto target = [&](std::span<const double> points, std::span<double> values, std::span<double> gradients) {
    ++evaluations;
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = -0.5 * points[i] * points[i], gradients[i] = -points[i];
  };
  const std::vector<double> points = {0, 1, 2, 3, -1, -2};
  const HmcResult none = run_adaptive_hmc(target, 1, points, first(4), {.seconds = 0});
  CHECK(none.is_out_of_time);
  CHECK_FALSE(none.was_interrupted);
  CHECK(none.steps == 0);
  CHECK(none.draws.empty());
  CHECK(std::isinf(none.r_hat));
  CHECK(evaluations == 2); // where they start
  // Interrupted in the warm-up's first trajectory.
  const HmcResult stopped = run_adaptive_hmc(target, 1, points, first(4), {.interrupted = [] { return true; }});
  CHECK(stopped.was_interrupted);
  CHECK(evaluations == 4);
}

// Ten values of three: the density of mean and log sd rises without bound towards a point, until numbers have no more
// digits. A normal distribution that is as narrow as a millionth of a millionth of its mean has enough of them.
TEST_CASE("chains stop where a parameter's values differ by rounding alone") {
  const LogDensityFunction constant = [](std::span<const double> points, std::span<double> values,
                                         std::span<double> gradients) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double z = (points[2 * i] - 3) * std::exp(-points[2 * i + 1]);
      values[i] = -9 * points[2 * i + 1] - 5 * z * z;
      gradients[2 * i] = -10 * z * std::exp(-points[2 * i + 1]);
      gradients[2 * i + 1] = -9 + 10 * z * z;
    }
  };
  const std::vector<double> points = normal_points(400, std::vector<double>{3, 0}, std::vector<double>{1, 1});
  const HmcResult found = run_adaptive_hmc(constant, 2, points, first(16), {.draws = 500, .seed = 3});
  REQUIRE(found.rounded);
  CHECK(*found.rounded == 0);
  CHECK(found.draws.size() == 1000);
  const LogDensityFunction narrow = [](std::span<const double> at, std::span<double> values,
                                       std::span<double> gradients) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double z = (at[i] - 1e6) * 1e6;
      values[i] = -z * z / 2;
      gradients[i] = -1e6 * z;
    }
  };
  const std::vector<double> near = normal_points(400, std::vector<double>{1e6}, std::vector<double>{1e-6});
  const HmcResult known = run_adaptive_hmc(narrow, 1, near, first(16), {.draws = 500, .seed = 3});
  CHECK_FALSE(known.rounded);
  CHECK(known.r_hat < 1.05);
}

TEST_CASE("groups that stay in modes of their own do not agree") {
  // Two normals of sd 1, 20 apart.
  const auto target = [](std::span<const double> points, std::span<double> values, std::span<double> gradients) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double x = points[i], left = -0.5 * (x + 10) * (x + 10), right = -0.5 * (x - 10) * (x - 10);
      const double largest = std::max(left, right);
      values[i] = largest + std::log(std::exp(left - largest) + std::exp(right - largest));
      const double share = 1 / (1 + std::exp(left - right)); // of the right one
      gradients[i] = share * (10 - x) + (1 - share) * (-10 - x);
    }
  };
  std::vector<double> points;
  for (int i = 0; i < 200; ++i) points.push_back((i % 2 ? 10 : -10) + 0.01 * i - 1);
  const HmcResult result = run_adaptive_hmc(target, 1, points, first(16), {.most_steps = 300, .seed = 6});
  CHECK(result.r_hat > 1.3);
  CHECK(result.steps >= 300);
}

TEST_CASE("where the density is nowhere finite there are no draws") {
  const auto target = [](std::span<const double>, std::span<double> values, std::span<double>) {
    std::fill(values.begin(), values.end(), -INFINITY);
  };
  const HmcResult result = run_adaptive_hmc(target, 1, std::vector<double>{0, 1, 2, 3}, first(4), {});
  CHECK(std::isinf(result.r_hat));
  CHECK(result.draws.empty());
}

TEST_CASE("nested R-hat is the square root of one plus between over within") {
  // Two steps of four chains in two groups: chain means 1, 3 | 6, 8, each with variance 2 within its steps.
  const std::vector<double> values = {0, 2, 5, 7, 2, 4, 7, 9};
  // Group means 2 and 7: between 12.5. Within: variance of chain means 2, of steps (2 + 2) / 2 = 2.
  CHECK(nested_r_hat(values, 4, 2) == Approx(std::sqrt(1 + 12.5 / 4)));
  CHECK(nested_r_hat(std::vector<double>(8, 3.0), 4, 2) == 1);
  const std::vector<double> scores = normal_scores(std::vector<double>{5, 1, 3, 3});
  CHECK(scores[0] == Approx(1.0491).margin(1e-4)); // the normal quantile of (4 - 3/8) / 4.25
  CHECK(scores[1] == Approx(-1.0491).margin(1e-4));
  CHECK(scores[2] == Approx(0).margin(1e-9));
  CHECK(scores[3] == Approx(0).margin(1e-9));
}
