// Stan's own values of posteriordb's models: log densities without and with the Jacobian, gradients, and what the
// unconstrained parameters become. The values are stored (tests/models/posteriordb/README.md says how they were made).
//
// Tolerances: 1e-10 relative for densities (1e-8 for solutions of differential equations: where Stan's method is
// another, both are within the tolerances of the model); gradients relative to the largest element, whose rounding the
// others carry.
//
// The values were computed by a Stan that mapped a simplex by breaking a stick; ours, as Stan's now, is the softmax of
// a vector that sums to zero. Both are known in closed form, so that points and gradients are carried over.
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
#include <numeric>
#include <set>

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

// The text of a model, which several posteriors may share: the one file that ends in its name.
std::string text_path(const std::string& model) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().ends_with("-" + model + ".stan")) found.push_back(entry.path().string());
  INFO(model);
  REQUIRE(found.size() == 1);
  return found[0];
}

// Places of one simplex of `size + 1` numbers in the unconstrained vector.
struct SimplexPlaces {
  std::size_t first = 0, size = 0;
};

std::vector<SimplexPlaces> simplexes(const ParameterSpace& space) {
  std::vector<SimplexPlaces> found;
  for (const ParameterBlock& block : space) {
    if (block.transform != "simplex") continue;
    const auto size = static_cast<std::size_t>(block.unconstrained_extents.back());
    for (std::size_t first = block.first; first < block.first + block.count; first += size)
      found.push_back({first, size});
  }
  return found;
}

double inv_logit(double x) { return 1 / (1 + std::exp(-x)); }

// The part of the rest of the stick that each number but the last takes.
std::vector<double> broken_off(const double* unconstrained, std::size_t size) {
  std::vector<double> parts(size);
  for (std::size_t k = 0; k < size; ++k)
    parts[k] = inv_logit(unconstrained[k] - std::log(static_cast<double>(size - k)));
  return parts;
}

// From the place of a simplex on the broken stick to its place as a softmax: the coordinates of its logarithms in the
// basis whose vector i is (1, .., 1, -i, 0, ..), normed.
void carry_over(double* place, std::size_t size) {
  const std::vector<double> parts = broken_off(place, size);
  double sum = 0, log_rest = 0;
  for (std::size_t k = 0; k <= size; ++k) {
    const double log_x = k < size ? log_rest + std::log(parts[k]) : log_rest;
    if (k > 0) {
      const auto i = static_cast<double>(k);
      place[k - 1] = (sum - i * log_x) / std::sqrt(i * (i + 1));
    }
    sum += log_x;
    if (k < size) log_rest += std::log1p(-parts[k]);
  }
}

// The gradient on the broken stick, the Jacobian of which included, from one as a softmax without a Jacobian.
std::vector<double> carried_back(const double* gradient, const double* unconstrained, std::size_t size) {
  std::vector<double> by_log(size + 1, 0.0); // by the logarithms of the simplex
  for (std::size_t k = 1; k <= size; ++k) {
    const auto i = static_cast<double>(k);
    const double step = gradient[k - 1] / std::sqrt(i * (i + 1));
    for (std::size_t row = 0; row < k; ++row) by_log[row] += step;
    by_log[k] -= i * step;
  }
  const std::vector<double> parts = broken_off(unconstrained, size);
  std::vector<double> result(size);
  for (std::size_t k = 0; k < size; ++k) {
    const double behind = std::accumulate(by_log.begin() + static_cast<std::ptrdiff_t>(k) + 1, by_log.end(), 0.0);
    result[k] = by_log[k] * (1 - parts[k]) - parts[k] * behind + (1 - parts[k]) -
                static_cast<double>(size - k) * parts[k];
  }
  return result;
}

void check(const std::string& name) {
  INFO(name);
  const auto reference = nlohmann::json::parse(test::read_golden((folder / "density" / (name + ".json")).string()));
  const std::string path = text_path(reference.at("model"));
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
  const std::vector<SimplexPlaces> by_stick = simplexes(transform.space());
  const auto expected_names = reference.at("constrained_names").get<std::vector<std::string>>();
  std::size_t points = 0;
  for (const auto& point : reference.at("points")) {
    if (point.at("log_density_jacobian").is_null()) continue;
    ++points;
    const auto on_stick = point.at("unconstrained").get<std::vector<double>>();
    REQUIRE(on_stick.size() == n);
    std::vector<double> unconstrained = on_stick;
    for (const SimplexPlaces& one : by_stick) carry_over(unconstrained.data() + one.first, one.size);
    std::vector<double> gradient;
    for (const bool jacobian : {false, true}) {
      std::copy(unconstrained.begin(), unconstrained.end(), density.points());
      density.evaluate(jacobian, jacobian); // the references have the gradient of the unconstrained parameters' density
      const double expected = point.at(jacobian ? "log_density_jacobian" : "log_density");
      if (jacobian) gradient.assign(density.gradient(), density.gradient() + n);
      if (jacobian && !by_stick.empty()) continue; // the Jacobian of a softmax is another
      INFO("jacobian " << jacobian << ": " << density.value(0) << ", should be " << expected);
      CHECK(agrees(density.value(0), expected, tolerance));
    }
    if (!by_stick.empty()) density.evaluate(true, false);
    for (const SimplexPlaces& one : by_stick) {
      const std::vector<double> back =
          carried_back(density.gradient() + one.first, on_stick.data() + one.first, one.size);
      std::copy(back.begin(), back.end(), gradient.begin() + static_cast<std::ptrdiff_t>(one.first));
    }
    if (const auto& stated = point.at("gradient"); !stated.is_null()) {
      const auto expected_gradient = stated.get<std::vector<double>>();
      double largest = 1;
      for (const double element : expected_gradient) largest = std::max(largest, std::abs(element));
      for (std::size_t p = 0; p < n; ++p) {
        INFO("gradient " << p << ": " << gradient[p] << ", should be " << expected_gradient[p]);
        CHECK(std::abs(gradient[p] - expected_gradient[p]) <= 1e-8 * largest);
      }
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

TEST_CASE("there are references for the models, but for those whose data are too large to keep") {
  CHECK(names().size() >= 60);
  std::set<std::string> models;
  for (const std::string& name : names())
    models.insert(nlohmann::json::parse(test::read_golden((folder / "density" / (name + ".json")).string()))["model"]);
  const std::string told = test::read_golden((folder / "README.md").string());
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".stan") continue;
    const std::string name = entry.path().stem().string();
    INFO(name);
    CHECK(models.contains(name.substr(name.find('-') + 1)) != (told.find("`" + name + "`") != std::string::npos));
  }
}

TEST_CASE("densities, gradients and constrained parameters are Stan's") {
  for (const std::string& name : names()) check(name);
}
