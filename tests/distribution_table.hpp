// numerics/distributions.json: reference values for every distribution of the standard library, and models of one
// statement to compare them with.
#pragma once

#include "compiler/compile.hpp"
#include "runtime/data/data_set.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sibyl::test {

struct DistributionRow {
  std::string name;
  bool is_discrete = false;
  std::vector<std::string> argument_types; // "int", "real" or "vector"

  struct Point {
    double y;
    nlohmann::json arguments;
    std::optional<double> log_density, log_cdf, log_ccdf; // absent: not stated
  };
  std::vector<Point> points;

  struct Sample { // bins (-inf, edges[0]], (edges[0], edges[1]], ..., (last, inf) and their probabilities
    nlohmann::json arguments;
    std::vector<double> edges, probabilities;
  };
  std::vector<Sample> samples;

  // "y | a1, a2" and the declarations "data { real a1; ... }" of its right side.
  std::string declarations() const;
  std::string arguments() const;
  // The declared arguments with values; a vector's size is the variable K.
  DataSet values(const nlohmann::json& given) const;
};

const std::vector<DistributionRow>& distribution_table();

// The compiled text; throws with the rendered diagnostics where it is wrong.
std::shared_ptr<CompiledModel> compile_text(const std::string& text);

} // namespace sibyl::test
