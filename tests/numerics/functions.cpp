// Operators, indexing and functions of the language: their values against functions.txt, their gradients against
// central differences.
#include "runtime/model/density.hpp"
#include "tests/distribution_table.hpp"
#include "tests/golden.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

using namespace sibyl;
using namespace sibyl::test;

namespace {

std::vector<std::string> lines_of(const std::string& file) {
  std::istringstream text(read_golden(std::string(SIBYL_SOURCE_DIR) + "/tests/numerics/" + file));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);)
    if (!line.empty()) lines.push_back(line);
  return lines;
}

// The variables that the expressions of functions.txt are written with.
const char* const variables = R"(
  int N = 4;
  int K = 3;
  vector[N] y = [1.5, -2.0, 3.25, 0.5]';
  row_vector[N] x = [0.1, 0.2, 0.3, 0.4];
  matrix[N, K] m = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]];
  array[N] int ia = {3, 1, 2, 2};
  array[2, 3] int aa = {{1, 2, 3}, {4, 5, 6}};
  array[2] vector[3] av = {[1, 2, 3]', [4, 5, 6]'};
  matrix[2, 2] sq = [[4, 1], [2, 3]];
  array[3] matrix[2, 2] am = {[[1, 2], [3, 4]], [[5, 6], [7, 8]], [[9, 10], [11, 12]]};
  vector[50] weights = 1 ./ linspaced_vector(50, 1, 50);
)";

// Of functions_gradients.txt: p is positive, q lies between 0 and 1.
const char* const parameters = R"(
  vector[4] y = [0.5, 1, 2, 3]';
  vector[4] p = exp(u);
  vector[4] q = inv_logit(u);
  vector[4] w = [1, 2.5, -1, 4]';
  matrix[2, 2] m = to_matrix(p, 2, 2);
  m[1, 1] += 3;
  matrix[4, 2] m4 = [[1, 2], [3, -4], [0.5, 1], [-1, 0.25]];
  matrix[3, 3] m3 = to_matrix(append_row(append_row(u, p), u[2] ^ 2), 3, 3);
)";

// `target` is the expression that the data variable `which` chooses.
std::string choose(const std::vector<std::string>& expressions) {
  std::string text;
  for (std::size_t i = 0; i < expressions.size(); ++i)
    text += "if (which == " + std::to_string(i) + ") target += " + expressions[i] + ";\n";
  return text;
}

void choose(Density& density, const CompiledModel& model, std::size_t which) {
  DataSet set;
  set.variables["which"] = {true, {}, {static_cast<double>(which)}};
  const DataSet sets[] = {set};
  const std::size_t only[] = {0};
  density.bind(gather(model.facts(), sets), only);
}

// Few models with many expressions each compile faster than many models.
constexpr std::size_t at_once = 20;

} // namespace

TEST_CASE("operators, indexing and functions have their values") {
  const std::vector<std::string> lines = lines_of("functions.txt");
  for (std::size_t begin = 0; begin < lines.size(); begin += at_once) {
    std::vector<std::string> expressions;
    std::vector<double> expected;
    for (std::size_t i = begin; i < std::min(begin + at_once, lines.size()); ++i) {
      const std::size_t equals = lines[i].find(" = ");
      expected.push_back(std::stod(lines[i].substr(0, equals)));
      expressions.push_back(lines[i].substr(equals + 3));
    }
    const auto model = compile_text("data { int which; } transformed data {" + std::string(variables) +
                                    "} parameters { real u; } model {" + choose(expressions) + "}");
    Density density(model, 1);
    for (std::size_t i = 0; i < expressions.size(); ++i) {
      choose(density, *model, i);
      density.points()[0] = 0;
      density.evaluate(false);
      INFO(expressions[i] << " is " << density.value(0) << ", should be " << expected[i]);
      CHECK(std::abs(density.value(0) - expected[i]) <= 1e-12 * std::max(1.0, std::abs(expected[i])));
    }
  }
}

TEST_CASE("functions have their gradients") {
  const std::vector<std::string> lines = lines_of("functions_gradients.txt");
  const double points[2][4] = {{0.3, -0.4, 0.9, 0.2}, {-1.3, 0.8, -0.7, 1.1}};
  for (std::size_t begin = 0; begin < lines.size(); begin += at_once) {
    const std::vector<std::string> expressions(
        lines.begin() + static_cast<std::ptrdiff_t>(begin),
        lines.begin() + static_cast<std::ptrdiff_t>(std::min(begin + at_once, lines.size())));
    const auto model = compile_text("functions { real f_partial(array[] real x, int first, int last, real a, real b) { "
                                    "return a * sum(x) + b * first * last; } } "
                                    "data { int which; } parameters { vector[4] u; } model {" +
                                    std::string(parameters) + choose(expressions) + "}");
    Density density(model, 1);
    for (std::size_t i = 0; i < expressions.size(); ++i) {
      choose(density, *model, i);
      for (const auto& point : points) {
        const auto value_at = [&](std::size_t moved, double by) {
          for (std::size_t j = 0; j < 4; ++j) density.points()[j] = point[j] + (j == moved ? by : 0);
          density.evaluate(false);
          return density.value(0);
        };
        for (std::size_t j = 0; j < 4; ++j) {
          // Central differences of fourth order.
          const double h = 1e-3;
          const double slope =
              (8 * (value_at(j, h) - value_at(j, -h)) - (value_at(j, 2 * h) - value_at(j, -2 * h))) / (12 * h);
          value_at(j, 0);
          density.evaluate(true);
          INFO(expressions[i] << " by u[" << j + 1 << "]");
          CHECK(density.gradient()[j] == Approx(slope).epsilon(1e-6).margin(1e-7));
        }
      }
    }
  }
}

TEST_CASE("an index is checked although its loop ends at a size that has changed since the declaration") {
  const auto model = compile_text("transformed data { int K; K = 2; vector[K] a = rep_vector(1, K); K = 5; } "
                                  "parameters { real u; } model { for (k in 1:K) target += a[k]; }");
  Density density(model, 1);
  const DataSet sets[] = {DataSet{}};
  const std::size_t only[] = {0};
  density.bind(gather(model->facts(), sets), only);
  density.points()[0] = 0;
  density.evaluate(false);
  CHECK(density.value(0) == -std::numeric_limits<double>::infinity());
}

TEST_CASE("a container may have a bound for each element") {
  const auto model =
      compile_text("transformed data { vector[2] low = [-1, 2]'; } "
                   "parameters { vector<lower=low>[2] x; vector[1] m; vector<offset=m, multiplier=[2]'>[1] z; } "
                   "model { target += 3 * x[1] + 5 * x[2] + 7 * z[1]; }");
  Density density(model, 1);
  const DataSet sets[] = {DataSet{}};
  const std::size_t only[] = {0};
  density.bind(gather(model->facts(), sets), only);
  const double point[] = {0.3, -0.4, 1.5, 0.25};
  std::copy(point, point + 4, density.points());
  density.evaluate(false);
  const double jacobian = 0.3 - 0.4 + std::log(2);
  CHECK(density.value(0) ==
        Approx(3 * (std::exp(0.3) - 1) + 5 * (std::exp(-0.4) + 2) + 7 * (1.5 + 2 * 0.25) + jacobian).epsilon(1e-13));
}
