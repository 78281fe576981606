// Densities and distribution functions of the standard library against values in 90 digits (make_references.py).
#include "runtime/model/density.hpp"
#include "tests/distribution_table.hpp"
#include "tests/golden.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

using namespace sibyl;
using namespace sibyl::test;

namespace {

enum Which { log_density = 0, log_cdf = 1, log_ccdf = 2 };

// A model whose log density is any of the three functions, by the data variable `which`.
std::string text_of(const DistributionRow& row) {
  const bool has_functions = row.points.front().log_cdf || row.points.front().log_ccdf;
  const std::string given = row.argument_types.empty() ? "" : " | " + row.arguments();
  const auto add = [&](const char* suffix) { return "target += " + row.name + suffix + "(y" + given + ");"; };
  std::string body = "if (which == 0) " + add(row.is_discrete ? "_lpmf" : "_lpdf");
  if (has_functions) body += " else if (which == 1) " + add("_lcdf") + " else " + add("_lccdf");
  return "data { int which; " + std::string(row.is_discrete ? "int" : "real") + " y; " + row.declarations() +
         "} parameters { real u; } model { " + body + " }";
}

struct Query {
  const DistributionRow::Point* point;
  Which which;
  double expected;
};

std::vector<double> evaluate(const DistributionRow& row, const std::vector<Query>& queries) {
  const auto model = compile_text(text_of(row));
  std::vector<double> values;
  Density density(model, 1);
  for (const Query& query : queries) {
    DataSet set = row.values(query.point->arguments);
    set.variables["which"] = {true, {}, {static_cast<double>(query.which)}};
    set.variables["y"] = {row.is_discrete, {}, {query.point->y}};
    const DataSet sets[] = {set};
    const DataBatch batch = gather(model->facts(), sets);
    const std::size_t only[] = {0};
    density.bind(batch, only);
    density.points()[0] = 0;
    density.evaluate(false);
    values.push_back(density.value(0));
  }
  return values;
}

} // namespace

TEST_CASE(
    "every distribution has a row in the table, or values of Stan's where it draws containers or means another one") {
  const std::string of_containers = read_golden(std::string(SIBYL_SOURCE_DIR) + "/tests/numerics/transforms.json");
  const std::string of_functions = read_golden(std::string(SIBYL_SOURCE_DIR) + "/tests/numerics/functions.txt");
  for (const auto& file :
       std::filesystem::directory_iterator(std::string(SIBYL_SOURCE_DIR) + "/stdlib/distributions")) {
    const std::string name = file.path().stem();
    INFO(name);
    CHECK(std::any_of(distribution_table().begin(), distribution_table().end(),
                      [&](const DistributionRow& row) { return row.name == name; }) +
              (of_containers.find("x ~ " + name + "(") != std::string::npos) +
              (of_functions.find(" = " + name + "_lp") != std::string::npos) ==
          1);
  }
}

TEST_CASE("densities and distribution functions agree with 90 digits") {
  for (const DistributionRow& row : distribution_table()) {
    INFO(row.name);
    std::vector<Query> queries;
    for (const DistributionRow::Point& point : row.points) {
      if (point.log_density) queries.push_back({&point, log_density, *point.log_density});
      if (point.log_cdf) queries.push_back({&point, log_cdf, *point.log_cdf});
      if (point.log_ccdf) queries.push_back({&point, log_ccdf, *point.log_ccdf});
    }
    const std::vector<double> values = evaluate(row, queries);
    for (std::size_t i = 0; i < queries.size(); ++i) {
      const Query& query = queries[i];
      INFO("y " << query.point->y << ", parameters " << query.point->arguments.dump() << ", "
                << (query.which == log_density ? "log density"
                    : query.which == log_cdf   ? "log distribution function"
                                               : "log upper tail")
                << " " << values[i] << ", should be " << query.expected);
      // A distribution function near 1 has the log of what is missing, which no double holds better than 1e-16.
      const double tolerance = query.which == log_density ? 1e-12 : 1e-10;
      const double scale =
          query.which == log_density ? std::max(1.0, std::abs(query.expected)) : std::abs(query.expected) + 1e-5;
      CHECK(std::abs(values[i] - query.expected) <= tolerance * scale);
    }
  }
}

namespace {

double density_of(const std::string& text, double y) {
  const auto model = compile_text(text);
  DataSet set;
  set.variables["y"] = {text.find("int y") != std::string::npos, {}, {y}};
  const DataSet sets[] = {set};
  const DataBatch batch = gather(model->facts(), sets);
  Density density(model, 1);
  const std::size_t only[] = {0};
  density.bind(batch, only);
  density.points()[0] = 0;
  density.evaluate(false);
  return density.value(0);
}

double poisson(int y) { return std::exp(-3 + y * std::log(3.0) - std::lgamma(y + 1.0)); }

} // namespace

TEST_CASE("a truncated density is divided by what lies within its bounds, the bounds included") {
  const auto of_integer = [](const std::string& bounds, int y) {
    return density_of("data { int y; } parameters { real u; } model { y ~ poisson(3) " + bounds + "; }", y);
  };
  CHECK(of_integer("T[1, ]", 2) == Approx(std::log(poisson(2) / (1 - poisson(0)))).epsilon(1e-12));
  CHECK(of_integer("T[ , 2]", 2) ==
        Approx(std::log(poisson(2) / (poisson(0) + poisson(1) + poisson(2)))).epsilon(1e-12));
  CHECK(of_integer("T[1, 2]", 1) == Approx(std::log(poisson(1) / (poisson(1) + poisson(2)))).epsilon(1e-12));
  CHECK(of_integer("T[1, 2]", 3) == -std::numeric_limits<double>::infinity());

  const auto of_real = [](const std::string& bounds, double y) {
    return density_of("data { real y; } parameters { real u; } model { y ~ gamma(1, 2) " + bounds + "; }", y);
  };
  CHECK(of_real("T[1, ]", 1.5) == Approx(std::log(2.0) - 3 + 2).epsilon(1e-12));
  CHECK(of_real("T[ , 1]", 0.5) == Approx(std::log(2.0) - 1 - std::log1p(-std::exp(-2.0))).epsilon(1e-12));
  CHECK(of_real("T[1, 2]", 1.5) ==
        Approx(std::log(2.0) - 3 - std::log(std::exp(-2.0) - std::exp(-4.0))).epsilon(1e-12));
  CHECK(of_real("T[1, 2]", 2.5) == -std::numeric_limits<double>::infinity());
}
