// The map between unconstrained numbers and parameters, and its log Jacobian, as the compiled model exports them.
#include "compiler/compile.hpp"
#include "runtime/model/density.hpp"
#include "runtime/model/parameters.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numeric>

using namespace sibyl;

namespace {

std::shared_ptr<CompiledModel> compiled(const std::string& text) {
  const CompileResult result = compile(Source("model.sib", text));
  INFO(text);
  REQUIRE(result.model);
  return result.model;
}

DataBatch no_data(const CompiledModel& model) { return gather(model.facts(), std::vector<DataSet>(1)); }

// What the density gains by the Jacobian at the point.
double density_gain(const std::shared_ptr<CompiledModel>& model, const std::vector<double>& point) {
  Density density(model, 1);
  const std::size_t only[] = {0};
  density.bind(no_data(*model), only);
  REQUIRE(density.parameter_count() == point.size());
  std::copy(point.begin(), point.end(), density.points());
  density.evaluate(false, true);
  const double with = density.value(0);
  density.evaluate(false, false);
  return with - density.value(0);
}

} // namespace

TEST_CASE("the log Jacobian of every scalar constraint is the sum of its elements' log slopes") {
  const auto model = compiled(R"(
    parameters {
      real<offset=3, multiplier=10> by_both;
      real<multiplier=0.25> by_scale;
      real<lower=-1> low;
      real<upper=2> high;
      real<lower=low, upper=low + 4> between;
      vector<offset=low, multiplier=high - low + 9>[2] standardized;
      matrix<lower=0, upper=between + 30>[2, 2] table;
      array[2] real<lower=negative_infinity()> free;
      real<lower=1, upper=positive_infinity()> half_open;
      vector<lower=negative_infinity(), upper=between>[1] below;
      real<lower=negative_infinity(), upper=positive_infinity()> line;
    }
    model { by_both ~ normal(0, 1); })");
  ParameterTransform transform(model);
  transform.bind(no_data(*model), 0);
  const std::size_t n = transform.unconstrained_count();
  REQUIRE(n == 16);
  for (const double scale : {0.3, 1.0, 2.5}) {
    std::vector<double> point(n);
    for (std::size_t p = 0; p < n; ++p) point[p] = scale * std::sin(1.7 * static_cast<double>(p) + 1);
    // Each parameter depends on earlier ones and on its own number alone: the Jacobian is triangular but for the order
    // of a matrix's elements, which are the same in both (column by column).
    double expected = 0;
    for (std::size_t p = 0; p < n; ++p) {
      const double step = 1e-5;
      std::vector<double> points = point;
      points.insert(points.end(), point.begin(), point.end());
      points[p] += step;
      points[n + p] -= step;
      const Draws moved = transform.constrain(points, Outputs::parameters);
      expected += std::log(std::abs(moved.at(0, p) - moved.at(1, p)) / (2 * step));
    }
    CHECK(transform.log_jacobian(point)[0] == Approx(expected).margin(1e-7));
    CHECK(density_gain(model, point) == Approx(transform.log_jacobian(point)[0]).margin(1e-12));
  }
}

TEST_CASE("log Jacobians of many draws are those of each") {
  const auto model = compiled("parameters { real<lower=0> a; real<offset=a, multiplier=2> b; } model { a ~ normal(0, 1); }");
  ParameterTransform transform(model);
  transform.bind(no_data(*model), 0);
  std::vector<double> points(2 * 21);
  std::iota(points.begin(), points.end(), -20.0);
  const std::vector<double> all = transform.log_jacobian(points);
  REQUIRE(all.size() == 21);
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i] == Approx(points[2 * i] + std::log(2.0)).epsilon(1e-14));
}
