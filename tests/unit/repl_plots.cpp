#include "runtime/repl/plot.hpp"
#include "runtime/repl/predictive_check.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace sibyl;
using namespace sibyl::repl;

TEST_CASE("bins hold every value, the largest in the last one") {
  const std::vector<double> values = {0, 1, 2, 3, 4};
  const Bins bins = bin(values, 4);
  CHECK(bins.first == 0);
  CHECK(bins.last() == 4);
  CHECK(bins.counts == std::vector<double>{1, 1, 1, 2});
}

TEST_CASE("whole numbers have bins of whole widths around them") {
  const std::vector<double> values = {1, 2, 2, 3};
  const Bins bins = bin(values, 24, true);
  CHECK(bins.first == 0.5);
  CHECK(bins.width == 1);
  CHECK(bins.counts == std::vector<double>{1, 2, 1});
}

TEST_CASE("long tails do not squeeze a histogram, and what is not finite is left out") {
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back(i / 1000.0);
  values.push_back(1e6);
  values.push_back(std::numeric_limits<double>::quiet_NaN());
  values.push_back(std::numeric_limits<double>::infinity());
  CHECK(bin(values, 10).last() < 2);
}

TEST_CASE("a constant has a histogram too") {
  const std::vector<double> values(10, 3.0);
  const Bins bins = bin(values, 8);
  CHECK(bins.first < 3);
  CHECK(bins.last() > 3);
}

TEST_CASE("a sparkline's heights are the counts, in ASCII where the terminal has no more") {
  const Bins bins{0, 1, {0, 1, 4, 8}};
  CHECK(sparkline(bins, {.unicode = true}) == " ▁▄█");
  CHECK(sparkline(bins, {.unicode = false}) == " .:#");
}

TEST_CASE("a histogram has an axis") {
  const Bins bins{0, 1, {1, 2, 4, 2}};
  CHECK(histogram(bins, 2, {.unicode = false, .width = 24}) == "              ######\n"
                                                               "  ########################\n"
                                                               "  ------------------------\n"
                                                               "  0.000    2.000     4.000\n");
}

TEST_CASE("pairs show correlation") {
  std::vector<double> x, y;
  for (int i = 0; i < 100; ++i) {
    x.push_back(i);
    y.push_back(-2 * i);
  }
  CHECK(std::abs(correlation(x, y) + 1) < 1e-12);
  const std::string plot = density_plot(x, y, "a", "b", 5, {.unicode = false, .width = 20});
  // From the upper left to the lower right.
  const std::string first_line = plot.substr(0, plot.find('\n'));
  CHECK(first_line.substr(first_line.find('|')).find_first_of(".oO@") == 1);
}

TEST_CASE("a predictive check finds what the model does not reproduce") {
  Facts facts;
  VariableFact fact;
  fact.name = "y";
  fact.role = Role::observed;
  fact.dimensions.push_back({"N", std::nullopt, DimensionKind::exchangeable, "", -1});
  facts.variables.push_back(fact);
  const auto batch = [](std::size_t count, const std::vector<double>& values) {
    DataBatch result;
    result.count = count;
    VariableBatch variable;
    variable.present = true;
    variable.capacity = {static_cast<std::int64_t>(values.size() / count)};
    variable.sizes.assign(count, static_cast<std::int32_t>(values.size() / count));
    variable.values = values;
    result.variables.push_back(variable);
    return result;
  };
  std::vector<double> replicated;
  for (int i = 0; i < 100; ++i)
    for (const double value : {-1.0, 0.0, 1.0, 0.5}) replicated.push_back(value + 0.01 * (i - 50));
  const double missing = std::numeric_limits<double>::quiet_NaN();
  const auto checks = check_predictions(facts, batch(1, {-1, 0, 10, missing}), {.data = batch(100, replicated)}, 20);
  REQUIRE(checks.size() == 1);
  const auto& statistics = checks[0].statistics;
  REQUIRE(statistics.size() == 7);
  CHECK(statistics[0].statistic == "mean");
  CHECK(statistics[0].observed == 3); // the missing value is left out
  CHECK(statistics[0].tail == 0);
  CHECK(statistics[2].statistic == "min");
  CHECK(statistics[2].tail > 0.9);
}
