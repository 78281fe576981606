// Stan's own values of posteriordb's models: log densities without and with the Jacobian, gradients, and what the
// unconstrained parameters become. The values are stored (tests/models/posteriordb/README.md says how they were made).
//
// Tolerances: 1e-10 relative for densities (1e-8 for solutions of differential equations: where Stan's method is
// another, both are within the tolerances of the model); gradients relative to the largest element, whose rounding the
// others carry.
#include "tests/golden.hpp"

#include "compiler/compile.hpp"
#include "lang/diagnostic.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/data/json_data.hpp"
#include "runtime/model/density.hpp"
#include "runtime/model/parameters.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

using namespace sibyl;
namespace fs = std::filesystem;

namespace {

const fs::path folder = fs::path(SIBYL_SOURCE_DIR) / "tests/models/posteriordb";

std::vector<std::string> names() {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder / "density")) found.push_back(entry.path().stem().string());
  std::sort(found.begin(), found.end());
  return found;
}

bool agrees(double value, double reference, double tolerance) {
  return std::abs(value - reference) <= tolerance * std::max(1.0, std::abs(reference));
}

void check(const std::string& name) {
  INFO(name);
  const auto reference = nlohmann::json::parse(test::read_golden((folder / "density" / (name + ".json")).string()));
  const std::string path = (folder / (name + ".stan")).string();
  const Source source(path, test::read_golden(path));
  const double tolerance = source.text().find("integrate_ode") == std::string::npos ? 1e-10 : 1e-8;
  const CompileResult result = compile(source);
  INFO(render(result.diagnostics, {&source}, RenderStyle::plain));
  REQUIRE(result.model);
  const Facts& facts = result.model->facts();
  const std::string data_path = (folder / "data" / (reference.at("data").get<std::string>() + ".json")).string();
  const std::vector<DataSet> sets = {conform(read_json_data(data_path)[0], facts, data_path)};
  const DataBatch batch = gather(facts, sets);

  Density density(result.model, 1);
  const std::size_t only[] = {0};
  density.bind(batch, only);
  const std::size_t n = density.parameter_count();
  ParameterTransform transform(result.model, 1);
  transform.bind(batch, 0);
  const auto expected_names = reference.at("constrained_names").get<std::vector<std::string>>();
  std::size_t points = 0;
  for (const auto& point : reference.at("points")) {
    if (point.at("log_density_jacobian").is_null()) continue;
    ++points;
    const auto unconstrained = point.at("unconstrained").get<std::vector<double>>();
    REQUIRE(unconstrained.size() == n);
    for (const bool jacobian : {false, true}) {
      std::copy(unconstrained.begin(), unconstrained.end(), density.points());
      density.evaluate(jacobian, jacobian); // the references have the gradient of the unconstrained parameters' density
      const double expected = point.at(jacobian ? "log_density_jacobian" : "log_density");
      INFO("jacobian " << jacobian << ": " << density.value(0) << ", should be " << expected);
      CHECK(agrees(density.value(0), expected, tolerance));
    }
    const auto gradient = point.at("gradient").get<std::vector<double>>();
    double largest = 1;
    for (const double element : gradient) largest = std::max(largest, std::abs(element));
    for (std::size_t p = 0; p < n; ++p) {
      INFO("gradient " << p << ": " << density.gradient()[p] << ", should be " << gradient[p]);
      CHECK(std::abs(density.gradient()[p] - gradient[p]) <= 1e-8 * largest);
    }
    const Draws draws = transform.constrain(unconstrained, Outputs::parameters, 1);
    const auto constrained = point.at("constrained").get<std::vector<double>>();
    for (std::size_t i = 0; i < draws.columns.size(); ++i) {
      CHECK(draws.columns[i] == expected_names[i]);
      CHECK(agrees(draws.values[i], constrained[i], 1e-10));
    }
  }
  CHECK(points > 0);
}

} // namespace

TEST_CASE("there are references for at least twenty models, and a model and data for each") {
  CHECK(names().size() >= 20);
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".stan") {
      INFO(entry.path().string());
      CHECK(fs::exists(folder / "density" / (entry.path().stem().string() + ".json")));
    }
}

TEST_CASE("densities, gradients and constrained parameters are Stan's") {
  for (const std::string& name : names()) check(name);
}
