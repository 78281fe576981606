#include "lang/errors.hpp"
#include "runtime/model/predictor.hpp"
#include "tests/compiled.hpp"
#include "tests/tensors.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numeric>

using namespace sibyl;
using test::compiled;
using test::vector;
using test::scalar;

namespace {

// One draw of the parameters, scalars and vectors, by name.
Draws one_draw(const std::vector<std::pair<std::string, std::vector<double>>>& parameters) {
  Draws draws;
  draws.row_count = 1;
  for (const auto& [name, values] : parameters) {
    std::vector<std::int64_t> extents;
    if (values.size() > 1) extents = {static_cast<std::int64_t>(values.size())};
    draws.variables.push_back({name, false, extents, draws.columns.size()});
    for (const std::string& column : column_names(name, extents)) draws.columns.push_back(column);
    draws.values.insert(draws.values.end(), values.begin(), values.end());
  }
  return draws;
}

// All values of the variable in `count` predictions.
std::vector<double> predicted(const std::shared_ptr<CompiledModel>& model, const DataSet& data, const Draws& draws,
                              const std::string& variable, std::size_t count = 2000) {
  const std::vector<std::size_t> rows(count, 0);
  const Prediction prediction = predict(model, data, draws, rows, 1);
  CHECK(prediction.left_out.count() == 0);
  REQUIRE(prediction.data.count == count);
  return prediction.data.variables[static_cast<std::size_t>(model->facts().find(variable))].values;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double sd(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += std::pow(value - mean(values), 2);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

} // namespace

TEST_CASE("data are predicted from the given parameters, not from their prior") {
  const auto model = compiled(R"(
    data { int N; vector[N] x; vector[N] y; }
    design { N ~ discrete_range(2, 9); x ~ normal(0, 1); }
    parameters { real slope; real<lower=0> sigma; real<lower=0, upper=1> unused; }
    transformed parameters { real twice = 2 * slope; }
    model { slope ~ normal(0, 1); sigma ~ exponential(1); y ~ normal(twice * x, sigma); }
  )");
  DataSet data;
  data.variables = {{"N", scalar(2, true)}, {"x", vector({1, 1})}, {"y", vector({0, 0})}};
  const auto y = predicted(model, data, one_draw({{"slope", {5}}, {"sigma", {0.5}}, {"unused", {0.5}}}), "y");
  CHECK(y.size() == 4000);
  CHECK(std::abs(mean(y) - 10) < 0.04);
  CHECK(std::abs(sd(y) - 0.5) < 0.03);
}

TEST_CASE("a loop that draws parameters and data draws the data alone") {
  const auto model = compiled(R"(
    data { vector[3] y; }
    parameters { vector[3] theta; real mu; }
    model {
      mu ~ normal(0, 1);
      for (j in 1:3) { theta[j] ~ normal(mu, 1); y[j] ~ normal(theta[j], 0.001); }
    }
  )");
  DataSet data;
  data.variables = {{"y", vector({0, 0, 0})}};
  const auto y = predicted(model, data, one_draw({{"theta", {1, 20, 300}}, {"mu", {0}}}), "y", 5);
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::abs(y[i] - std::vector{1, 20, 300}[i % 3]) < 0.01);
}

TEST_CASE("latents are drawn anew") {
  const auto model = compiled(R"(
    data { real y; }
    parameters { real mu; }
    model { mu ~ normal(0, 1); real a; a ~ uniform(0, 1); y = mu + a; }
  )");
  DataSet data;
  data.variables = {{"y", scalar(0)}};
  const auto y = predicted(model, data, one_draw({{"mu", {3}}}), "y");
  CHECK(std::abs(mean(y) - 3.5) < 0.03);
  CHECK(std::abs(sd(y) - std::sqrt(1.0 / 12)) < 0.02);
}

TEST_CASE("data observed through a transformation are predicted on the scale that is drawn") {
  const auto model = compiled(R"(
    data { real<lower=0> y; }
    transformed data { real log_y = log(y); }
    parameters { real mu; }
    model { mu ~ normal(0, 1); log_y ~ normal(mu, 0.01); }
  )");
  DataSet data;
  data.variables = {{"y", scalar(1)}};
  CHECK(std::abs(mean(predicted(model, data, one_draw({{"mu", {7}}}), "log_y", 100)) - 7) < 0.01);
}

TEST_CASE("transformed data are computed from what is predicted, not from the data before") {
  const auto model = compiled(R"(
    data { int N; vector[N] y; }
    design { N ~ discrete_range(2, 9); }
    transformed data { vector[N] last; last[1] = 1; last[2:N] = 2 * y[1:(N - 1)]; }
    parameters { real a; }
    model { a ~ normal(0, 1); y ~ normal(a * last, 0.001); }
  )");
  DataSet data;
  data.variables = {{"N", scalar(3, true)}, {"y", vector({100, 200, 300})}};
  const auto y = predicted(model, data, one_draw({{"a", {1}}}), "y", 1);
  CHECK(std::abs(y[0] - 1) < 0.01);
  CHECK(std::abs(y[1] - 2) < 0.05);
  CHECK(std::abs(y[2] - 4) < 0.1);
}

TEST_CASE("predictions depend on seed and place alone") {
  const auto model = compiled(R"(
    data { real y; } parameters { real mu; } model { mu ~ normal(0, 1); y ~ normal(mu, 1); }
  )");
  DataSet data;
  data.variables = {{"y", scalar(0)}};
  const Draws draws = one_draw({{"mu", {0}}});
  const auto many = predicted(model, data, draws, "y", 100), few = predicted(model, data, draws, "y", 3);
  CHECK(std::equal(few.begin(), few.end(), many.begin()));
}

TEST_CASE("a text that cannot be simulated is refused") {
  const auto model = compiled("parameters { real mu; } model { target += -mu^2; }");
  CHECK_THROWS_AS(predict(model, {}, one_draw({{"mu", {0}}}), std::vector<std::size_t>{0}, 1), UserError);
}
