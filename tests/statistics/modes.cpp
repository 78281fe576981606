// Modes and Laplace draws of compiled models against closed forms. Seeds are fixed; another seed would fail one of the
// comparisons of moments with a probability below 0.002 (four standard errors, eight comparisons).
#include "lang/errors.hpp"
#include "runtime/mcmc/optimize.hpp"
#include "tests/compiled.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace sibyl;
using namespace sibyl::mcmc;
using Catch::Contains;
using test::compiled;

namespace {

double mode_of(const Optimum& optimum, const std::string& column) {
  const auto& columns = optimum.mode.columns;
  const auto found = std::find(columns.begin(), columns.end(), column);
  REQUIRE(found != columns.end());
  return optimum.mode.at(0, static_cast<std::size_t>(found - columns.begin()));
}

} // namespace

TEST_CASE("the mode with the Jacobian and without") {
  // gamma(3, 2): its mode is 1; that of its logarithm's density, carried back, is 1.5.
  const auto model = compiled("parameters { real<lower=0> x; } transformed parameters { real half = x / 2; } "
                              "model { x ~ gamma(3, 2); }");
  OptimizeOptions options;
  const Optimum plain = optimize(model, {}, options);
  CHECK(mode_of(plain, "x") == Approx(1).epsilon(1e-5));
  CHECK(mode_of(plain, "half") == Approx(0.5).epsilon(1e-5));
  CHECK(plain.log_density == Approx(3 * std::log(2) - std::lgamma(3) - 2).epsilon(1e-9));
  CHECK(mode_of(plain, "lp__") == plain.log_density);
  options.jacobian = true;
  CHECK(mode_of(optimize(model, {}, options), "x") == Approx(1.5).epsilon(1e-5));
}

TEST_CASE("maximum likelihood of a regression is least squares") {
  const auto model = compiled(R"(
    data { int<lower=0> N; vector[N] x; vector[N] y; }
    parameters { real a; real b; real<lower=0> sigma; }
    model { y ~ normal(a + b * x, sigma); }
  )");
  const DataSet data{"1",
                     {{"N", {true, {}, {4}}}, {"x", {false, {4}, {0, 1, 2, 3}}}, {"y", {false, {4}, {1, 3, 2, 5}}}}};
  const Optimum optimum = optimize(model, data, {});
  CHECK(mode_of(optimum, "a") == Approx(1.1).epsilon(1e-5));
  CHECK(mode_of(optimum, "b") == Approx(1.1).epsilon(1e-5));
  CHECK(mode_of(optimum, "sigma") == Approx(std::sqrt(2.7 / 4)).epsilon(1e-5)); // residual squares: 2.7
}

TEST_CASE("Laplace draws of a normal posterior are exact, with both log densities") {
  const auto model = compiled(R"(
    parameters { vector[2] x; }
    model { x[1] ~ normal(3, 2); x[2] ~ normal(x[1], 0.5); }
  )");
  OptimizeOptions options;
  options.jacobian = true;
  options.laplace_draws = 4000;
  const Draws draws = optimize(model, {}, options).laplace;
  REQUIRE(draws.row_count == 4000);
  REQUIRE(draws.columns == std::vector<std::string>{"x.1", "x.2", "log_p__", "log_q__"});
  double means[2] = {}, squares[2] = {}, product = 0;
  for (std::size_t row = 0; row < 4000; ++row) {
    for (std::size_t i = 0; i < 2; ++i) {
      means[i] += draws.at(row, i) / 4000;
      squares[i] += std::pow(draws.at(row, i) - 3, 2) / 4000;
    }
    product += (draws.at(row, 0) - 3) * (draws.at(row, 1) - 3) / 4000;
    CHECK(draws.at(row, 2) == Approx(draws.at(row, 3)).margin(1e-6)); // of the Hessian by differences
  }
  CHECK(std::abs(means[0] - 3) < 4 * 2 / std::sqrt(4000.0));
  CHECK(std::abs(means[1] - 3) < 4 * std::sqrt(4.25 / 4000));
  CHECK(std::abs(squares[0] / 4 - 1) < 4 * std::sqrt(2 / 4000.0));
  CHECK(std::abs(squares[1] / 4.25 - 1) < 4 * std::sqrt(2 / 4000.0));
  CHECK(std::abs(product - 4) < 4 * std::sqrt((4 * 4.25 + 16) / 4000));
}

TEST_CASE("what has no mode, or no curvature at it, is told") {
  OptimizeOptions options;
  CHECK_THROWS_WITH(
      optimize(compiled("parameters { vector[3] x; real<lower=0> s; } model { x ~ normal(0, s); }"), {}, options),
      Contains("no mode was found"));
  options.jacobian = true;
  options.laplace_draws = 10;
  CHECK_THROWS_WITH(
      optimize(compiled("parameters { real x; real y; } model { x ~ normal(0, 1); target += 0 * y; }"), {}, options),
      Contains("not curved downwards along `y`"));
  options.jacobian = false;
  CHECK_THROWS_AS(optimize(compiled("parameters { real x; } model { x ~ normal(0, 1); }"), {}, options), UserError);
}
