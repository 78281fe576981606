// What stands left of `~` is drawn where it stands: elements, slices, chosen positions, rows, reshaped matrices.
#include "runtime/model/simulator.hpp"
#include "tests/distribution_table.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace sibyl;
using namespace sibyl::test;

namespace {

// The values of y in the first simulated data set, arrays row by row; every scale in the text is tiny.
std::vector<double> simulated(const std::string& data, const std::string& model) {
  const auto compiled =
      compile_text("data { " + data + " } parameters { real m; } model { m ~ normal(0, 1); " + model + " }");
  const SimulatedBatch batch = Simulator(compiled).simulate(0, 1, 7);
  REQUIRE(batch.left_out.count() == 0);
  for (std::size_t i = 0; i < compiled->facts().variables.size(); ++i)
    if (compiled->facts().variables[i].name == "y") return batch.data.variables[i].values;
  return {};
}

void require_values(const std::vector<double>& actual, const std::vector<double>& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) CHECK(actual[i] == Approx(expected[i]).margin(0.01));
}

} // namespace

TEST_CASE("elements and slices are drawn in place") {
  require_values(
      simulated("vector[5] y;", "y[1] ~ normal(1, 1e-4); y[2:3] ~ normal([2, 3]', 1e-4); y[4:] ~ normal(4, 1e-4);"),
      {1, 2, 3, 4, 4});
  require_values(simulated("vector[3] y;", "y[{3, 1}] ~ normal([30, 10]', 1e-4); y[2] ~ normal(20, 1e-4);"),
                 {10, 20, 30});
  require_values(
      simulated("array[2] vector[2] y;", "for (i in 1:2) for (j in 1:2) y[i][j] ~ normal(10 * i + j, 1e-4);"),
      {11, 12, 21, 22});
  require_values(simulated("array[2] vector[2] y;", "y[1] ~ normal([1, 2]', 1e-4); y[2, 1] ~ normal(3, 1e-4); "
                                                    "y[2, 2] ~ normal(4, 1e-4);"),
                 {1, 2, 3, 4});
  require_values(simulated("matrix[2, 2] y;", "for (j in 1:2) y[, j] ~ normal([j, 10 * j]', 1e-4);"), {1, 2, 10, 20});
}

TEST_CASE("a reshaped matrix is drawn column by column") {
  require_values(simulated("matrix[2, 3] y;", "to_vector(y) ~ normal(linspaced_vector(6, 1, 6), 1e-4);"),
                 {1, 3, 5, 2, 4, 6});
}

TEST_CASE("a slice may depend on the slice before it") {
  require_values(simulated("vector[4] y;", "y[2:4] ~ normal(2 * y[1:3], 1e-4); y[1] ~ normal(1, 1e-4);"), {1, 2, 4, 8});
}

TEST_CASE("each branch may draw the same variable") {
  require_values(simulated("real y;", "real a; a ~ normal(5, 1e-4); if (a > 0) y ~ normal(1, 1e-4); "
                                      "else y ~ normal(-1, 1e-4);"),
                 {1});
}

TEST_CASE("a sum of log densities draws each outcome") {
  require_values(
      simulated("vector[1] y; real z;", "target += normal_lpdf(y | 2 * z, 1e-4) + normal_lpdf(z | 3, 1e-4);"), {6});
}

TEST_CASE("sizes that the design assigns come before what has them") {
  const auto model = compile_text("data { int N; vector[N] y; } design { N = 3; } parameters { real m; } "
                                  "model { m ~ normal(0, 1); y ~ normal(m, 1); }");
  CHECK(Simulator(model).simulate(0, 4, 7).left_out.count() == 0);
}

TEST_CASE("expressions of a slice are no place to draw") {
  const auto model = compile_text("data { array[2] vector[2] y; } parameters { real m; } "
                                  "model { m ~ normal(0, 1); y[, 1][2] ~ normal(m, 1); }");
  CHECK_FALSE(model->facts().is_generative);
}

TEST_CASE("parameters stay within the bounds of their elements and of the truncation") {
  const auto compiled = compile_text("parameters { vector<lower=[1, -1]'>[2] y; real<lower=0> p; } "
                                     "model { y ~ normal(0, 1); p ~ normal(0, 1) T[-1, 2]; }");
  SimulatorOptions options;
  options.keep_all = true;
  const SimulatedBatch batch = Simulator(compiled, options).simulate(0, 2000, 7);
  REQUIRE(batch.left_out.count() == 0);
  double least[2] = {9, 9}, least_p = 9, most_p = -9;
  for (std::size_t i = 0; i < 2000; ++i) {
    for (std::size_t k = 0; k < 2; ++k) least[k] = std::min(least[k], batch.data.variables[0].values[2 * i + k]);
    least_p = std::min(least_p, batch.data.variables[1].values[i]);
    most_p = std::max(most_p, batch.data.variables[1].values[i]);
  }
  CHECK(least[0] >= 1);
  CHECK(least[1] >= -1);
  CHECK(least[1] < -0.5);
  CHECK(least_p >= 0);
  CHECK(most_p <= 2);
}
