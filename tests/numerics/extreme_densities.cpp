// Log densities and their gradients where the plain formulas lose digits: large shapes, precisions, degrees of freedom
// and counts, and truncation far out in the tails, against values in 50 digits and more (make_extreme_references.py).
#include "runtime/model/density.hpp"
#include "tests/distribution_table.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <fstream>
#include <map>

using namespace sibyl;
using namespace sibyl::test;

namespace {

struct Row {
  std::string name;
  bool is_discrete = false;
  double y = 0;
  std::vector<double> whole, given; // integer arguments, which come first, and real ones
  std::optional<double> lower, upper;
  double log_density = 0;
  std::vector<double> gradient; // by y where it is real, then by the real arguments
};

std::optional<double> optional_number(const nlohmann::json& value) {
  if (value.is_null()) return std::nullopt;
  return value.get<double>();
}

std::vector<Row> read_rows() {
  std::ifstream file(std::string(SIBYL_SOURCE_DIR) + "/tests/numerics/extreme_densities.json");
  std::vector<Row> rows;
  for (const nlohmann::json& row : nlohmann::json::parse(file))
    rows.push_back({row.at("name"), row.at("outcome") == "int", row.at("y"), row.at("whole").get<std::vector<double>>(),
                    row.at("given").get<std::vector<double>>(), optional_number(row.at("lower")),
                    optional_number(row.at("upper")), row.at("log_density"),
                    row.at("gradient").get<std::vector<double>>()});
  return rows;
}

// y and the real arguments are parameters without bounds, so that the gradient is by them.
std::string text_of(const Row& row) {
  const std::string type = row.is_discrete ? "int" : "real";
  std::string data = "data { ", parameters = "parameters { ", arguments;
  if (row.is_discrete) data += "int y; ";
  else parameters += "real y; ";
  const auto add = [&](const std::string& name) { arguments += (arguments.empty() ? "" : ", ") + name; };
  for (std::size_t i = 0; i < row.whole.size(); ++i) {
    data += "int n" + std::to_string(i) + "; ";
    add("n" + std::to_string(i));
  }
  for (std::size_t i = 0; i < row.given.size(); ++i) {
    parameters += "real a" + std::to_string(i) + "; ";
    add("a" + std::to_string(i));
  }
  std::string bounds;
  if (row.lower) data += type + " low; ";
  if (row.upper) data += type + " high; ";
  if (row.lower || row.upper)
    bounds = std::string(" T[") + (row.lower ? "low" : "") + ", " + (row.upper ? "high" : "") + "]";
  return data + "} " + parameters + "} model { y ~ " + row.name + "(" + arguments + ")" + bounds + "; }";
}

} // namespace

TEST_CASE("log densities and gradients keep their digits at extreme parameters and in far tails") {
  const std::vector<Row> rows = read_rows();
  REQUIRE(rows.size() > 100);
  std::map<std::string, std::shared_ptr<CompiledModel>> models;
  for (const Row& row : rows) {
    const std::string text = text_of(row);
    std::shared_ptr<CompiledModel>& model = models[text];
    if (!model) model = compile_text(text);
    DataSet set;
    std::vector<double> points;
    if (row.is_discrete) set.variables["y"] = {true, {}, {row.y}};
    else points.push_back(row.y);
    for (std::size_t i = 0; i < row.whole.size(); ++i)
      set.variables["n" + std::to_string(i)] = {true, {}, {row.whole[i]}};
    points.insert(points.end(), row.given.begin(), row.given.end());
    if (row.lower) set.variables["low"] = {row.is_discrete, {}, {*row.lower}};
    if (row.upper) set.variables["high"] = {row.is_discrete, {}, {*row.upper}};
    const DataSet sets[] = {set};
    const DataBatch batch = gather(model->facts(), sets);
    Density density(model, 1);
    const std::size_t only[] = {0};
    density.bind(batch, only);
    for (std::size_t i = 0; i < points.size(); ++i) density.points()[i] = points[i];
    density.evaluate(true);
    INFO(row.name << " y " << row.y << " whole " << nlohmann::json(row.whole).dump() << " given "
                  << nlohmann::json(row.given).dump() << " from " << row.lower.value_or(-INFINITY) << " to "
                  << row.upper.value_or(INFINITY));
    const double value = density.value(0);
    // What the rounding of the arguments alone makes of it.
    double blur = 0;
    for (std::size_t i = 0; i < points.size(); ++i) blur += 4e-16 * std::abs(row.gradient[i] * points[i]);
    INFO("log density " << value << ", should be " << row.log_density);
    CHECK(std::abs(value - row.log_density) <= 1e-10 * std::max(1.0, std::abs(row.log_density)) + blur);
    for (std::size_t i = 0; i < row.gradient.size(); ++i) {
      // A slope that hardly moves the log density where its argument moves by its own size may have fewer digits.
      const double slope = density.gradient()[i], expected = row.gradient[i],
                   by = points[i] == 0 ? 1 : std::abs(points[i]);
      INFO("gradient " << i << " is " << slope << ", should be " << expected);
      CHECK(std::abs(slope - expected) * by <=
            1e-9 * std::max(1.0, std::abs(row.log_density)) + 1e-9 * std::abs(expected) * by);
    }
  }
}

TEST_CASE("a bound at the end of the support is none, in the gradient, too") {
  const auto evaluated = [](const std::string& distribution, const std::string& bounds, double low, double high) {
    const auto model = compile_text("data { real y; real low; real high; } parameters { real a; } model { y ~ " +
                                    distribution + bounds + "; }");
    DataSet set;
    set.variables = {{"y", {false, {}, {1}}}, {"low", {false, {}, {low}}}, {"high", {false, {}, {high}}}};
    const DataSet sets[] = {set};
    const DataBatch batch = gather(model->facts(), sets);
    Density density(model, 1);
    const std::size_t only[] = {0};
    density.bind(batch, only);
    density.points()[0] = 0.3;
    density.evaluate(true);
    return std::pair(density.value(0), density.gradient()[0]);
  };
  struct Case {
    std::string distribution;
    double start; // of the support
  };
  const Case cases[] = {{"normal(a, 2)", -INFINITY}, {"student_t(4, a, 2)", -INFINITY},
                        {"cauchy(a, 2)", -INFINITY}, {"logistic(a, 2)", -INFINITY},
                        {"lognormal(a, 1)", 0},      {"double_exponential(a, 1)", -INFINITY},
                        {"exponential(exp(a))", 0},  {"gamma(exp(a), 1)", 0},
                        {"weibull(2, exp(a))", 0},   {"inv_gamma(2, exp(a))", 0}};
  for (const Case& one : cases) {
    INFO(one.distribution);
    const auto same = [](const std::pair<double, double>& a, const std::pair<double, double>& b) {
      CHECK(a.first == Approx(b.first).epsilon(1e-12));
      CHECK(a.second == Approx(b.second).epsilon(1e-12));
    };
    same(evaluated(one.distribution, " T[low, high]", one.start, 3), evaluated(one.distribution, " T[ , high]", 0, 3));
    same(evaluated(one.distribution, " T[low, high]", 0.5, INFINITY), evaluated(one.distribution, " T[low, ]", 0.5, 0));
    same(evaluated(one.distribution, " T[low, high]", one.start, INFINITY), evaluated(one.distribution, "", 0, 0));
  }
}
