// The benchmark in its quick way: every figure comes, as a line of JSON with the fields that readers rely on.
#include "compiler/build/process.hpp"

#include <nlohmann/json.hpp>

#include <catch2/catch.hpp>

#include <set>
#include <sstream>

using nlohmann::json;

namespace {

std::vector<json> figures(const std::string& output) {
  std::vector<json> lines;
  std::istringstream text(output);
  for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line));
  return lines;
}

} // namespace

TEST_CASE("each line of the benchmark is a figure with its fields") {
  const auto result = sibyl::build::run_process({SIBYL_BENCH, "--quick"});
  INFO(result.output);
  REQUIRE(result.exit_code == 0);
  std::set<std::string> names;
  for (const json& figure : figures(result.output)) {
    INFO(figure.dump());
    CHECK(names.insert(figure.at("figure").get<std::string>()).second);
    CHECK_FALSE(figure.at("unit").get<std::string>().empty());
    CHECK(figure.at("value").get<double>() > 0);
    CHECK(figure.at("turns").get<int>() >= 1);
    const bool has_baseline = !figure.at("baseline").is_null();
    CHECK(has_baseline == figure.at("against").is_string());
    CHECK(has_baseline == figure.at("ratio").is_number());
    CHECK(figure.at("aim").is_null() == figure.at("met").is_null());
    CHECK((has_baseline || figure.at("aim").is_object()));
    if (has_baseline) CHECK(figure.at("baseline").get<double>() > 0);
  }
  for (const char* name :
       {"linear_regression_normals_float", "linear_regression_normals_double", "drift_diffusion_steps_float",
        "drift_diffusion_steps_double", "linear_regression_gradients_of_14_rows", "linear_regression_simulate_compiled",
        "linear_regression_gradient_from_the_cache", "drift_diffusion_training_step", "check_of_a_small_model",
        "sample_of_14_people"})
    CHECK(names.count(name) == 1);
}

TEST_CASE("the benchmark refuses what it has no group for") {
  const auto result = sibyl::build::run_process({SIBYL_BENCH, "simulations"});
  CHECK(result.exit_code == 2);
  CHECK_THAT(result.output, Catch::Contains("groups: simulation density compilation training programs"));
}
