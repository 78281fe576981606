// The map between unconstrained numbers and parameters, and its log Jacobian, as the compiled model exports them.
#include "runtime/model/density.hpp"
#include "runtime/model/parameters.hpp"

#include "tests/compiled.hpp"
#include "tests/golden.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>

using namespace sibyl;
using nlohmann::json;
using test::compiled;

namespace {

DataBatch no_data(const CompiledModel& model) { return gather(model.facts(), std::vector<DataSet>(1)); }

// What Stan gives (make_transforms.cpp).
const std::vector<json>& references() {
  static const std::vector<json> all =
      json::parse(test::read_golden(std::string(SIBYL_SOURCE_DIR) + "/tests/numerics/transforms.json"));
  return all;
}

// A model with the one parameter x of the entry's type: its distribution, or a weighted sum of its elements.
std::string text_of(const json& entry) {
  const std::string type = entry.at("type"), statement = entry.at("statement");
  const std::size_t count = entry.at("constrained").size();
  std::string weights;
  for (std::size_t i = 0; i < count; ++i) weights += (i ? ", sin(" : "sin(") + std::to_string(i + 1) + ")";
  return "parameters { " + type + " x; } model { " +
         (statement.empty() ? "target += dot_product([" + weights + "]', to_vector(x));" : statement) + " }";
}

std::shared_ptr<CompiledModel> model_of(const json& entry) {
  static std::map<std::string, std::shared_ptr<CompiledModel>> compiled_before;
  auto& model = compiled_before[text_of(entry)];
  if (!model) model = compiled(text_of(entry));
  return model;
}

bool close(double value, double reference) {
  return std::abs(value - reference) <= 1e-10 * std::max(1.0, std::abs(reference));
}

void check_close(const std::vector<double>& values, const std::vector<double>& reference) {
  REQUIRE(values.size() == reference.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    INFO("at " << i << ": " << values[i] << ", Stan has " << reference[i] << ", apart by " << values[i] - reference[i]);
    CHECK(close(values[i], reference[i]));
  }
}

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
  const auto model =
      compiled("parameters { real<lower=0> a; real<offset=a, multiplier=2> b; } model { a ~ normal(0, 1); }");
  ParameterTransform transform(model);
  transform.bind(no_data(*model), 0);
  std::vector<double> points(2 * 21);
  std::iota(points.begin(), points.end(), -20.0);
  const std::vector<double> all = transform.log_jacobian(points);
  REQUIRE(all.size() == 21);
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i] == Approx(points[2 * i] + std::log(2.0)).epsilon(1e-14));
}

TEST_CASE("every constrained type has values of Stan's to agree with") {
  for (const auto& file : std::filesystem::directory_iterator(std::string(SIBYL_SOURCE_DIR) + "/stdlib/transforms")) {
    const std::string name = file.path().stem();
    if (file.path().extension() != ".sib") continue;
    if (test::read_golden(file.path().string()).find("constrained real;") != std::string::npos) continue; // bounds
    INFO(name);
    CHECK(std::any_of(references().begin(), references().end(),
                      [&](const json& entry) { return entry.at("type").get<std::string>().starts_with(name + "["); }));
  }
}

TEST_CASE("constrained values and log Jacobians are Stan's, and unconstraining gives the numbers back") {
  for (const json& entry : references()) {
    if (!entry.at("statement").get<std::string>().empty()) continue;
    INFO(entry.at("type") << " at " << entry.at("unconstrained").dump());
    const auto model = model_of(entry);
    ParameterTransform transform(model);
    transform.bind(no_data(*model), 0);
    const std::vector<double> u = entry.at("unconstrained"), x = entry.at("constrained");
    REQUIRE(transform.unconstrained_count() == u.size());
    if (u.empty()) continue; // of one element, which is known
    const Draws draws = transform.constrain(u, Outputs::parameters);
    check_close(draws.values, x);
    CHECK(close(transform.log_jacobian(u)[0], entry.at("log_jacobian").get<double>()));
    DataSet given;
    const auto extents = draws.variables[0].extents;
    std::vector<double> row_major(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) row_major[row_major_position(i, extents)] = draws.values[i];
    given.variables["x"] = {false, extents, row_major};
    std::vector<double> back = transform.unconstrain(gather(model->facts(), std::vector<DataSet>{given}), 0);
    // A unit vector's length is lost.
    if (entry.at("type").get<std::string>().starts_with("unit_vector")) {
      const double length = std::sqrt(std::inner_product(u.begin(), u.end(), u.begin(), 0.0));
      for (double& one : back) one *= length;
    }
    check_close(back, u);
  }
}

TEST_CASE("densities over constrained types and their gradients are Stan's") {
  for (const json& entry : references()) {
    const std::vector<double> u = entry.at("unconstrained"), gradient = entry.at("gradient");
    if (u.empty()) continue;
    INFO(entry.at("type") << " " << entry.at("statement") << " at " << entry.at("unconstrained").dump());
    const auto model = model_of(entry);
    Density density(model, 1);
    const std::size_t only[] = {0};
    density.bind(no_data(*model), only);
    REQUIRE(density.parameter_count() == u.size());
    std::copy(u.begin(), u.end(), density.points());
    density.evaluate(true, true);
    CHECK(close(density.value(0), entry.at("value").get<double>()));
    check_close({density.gradient(), density.gradient() + u.size()}, gradient);
  }
}
