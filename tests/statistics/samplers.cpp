// Every sampler of the standard library against its distribution: chi-square tests over bins of known probability.
//
// False alarms: each test's threshold is exceeded by a right sampler once in 10,000 seeds, and the seed is fixed.
#include "runtime/model/simulator.hpp"
#include "tests/distribution_table.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

using namespace sibyl;
using namespace sibyl::test;

namespace {

constexpr std::size_t draws = 20000;

// The 0.9999 quantile of chi-square, by Wilson and Hilferty's approximation.
double threshold(std::size_t degrees) {
  const double k = static_cast<double>(degrees), t = 2 / (9 * k);
  return k * std::pow(1 - t + 3.719 * std::sqrt(t), 3);
}

std::size_t index_of(const Facts& facts, const std::string& name) {
  for (std::size_t i = 0; i < facts.variables.size(); ++i)
    if (facts.variables[i].name == name) return i;
  throw std::runtime_error("no variable " + name);
}

std::vector<double> sample(const std::shared_ptr<CompiledModel>& model, const DataSet& design, Precision precision) {
  SimulatorOptions options;
  options.precision = precision;
  options.design = design;
  const SimulatedBatch batch = Simulator(model, options).simulate(0, draws, 2024);
  REQUIRE(batch.left_out.count() == 0);
  return batch.data.variables[index_of(model->facts(), "y")].values;
}

double chi_square(const std::vector<double>& values, const DistributionRow::Sample& expected) {
  std::vector<double> counts(expected.probabilities.size());
  for (const double value : values) {
    const auto edge = std::lower_bound(expected.edges.begin(), expected.edges.end(), value);
    ++counts[static_cast<std::size_t>(edge - expected.edges.begin())];
  }
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double mean = expected.probabilities[i] * static_cast<double>(values.size());
    sum += (counts[i] - mean) * (counts[i] - mean) / mean;
  }
  return sum;
}

void check_samplers(Precision precision) {
  for (const DistributionRow& row : distribution_table()) {
    const auto model = compile_text("data { " + row.declarations() + (row.is_discrete ? "int" : "real") +
                                    " y; } parameters { real u; } model { u ~ normal(0, 1); y ~ " + row.name + "(" +
                                    row.arguments() + "); }");
    REQUIRE(!row.samples.empty());
    for (const DistributionRow::Sample& expected : row.samples) {
      INFO(row.name << expected.arguments.dump());
      const auto values = sample(model, row.values(expected.arguments), precision);
      REQUIRE(values.size() == draws);
      CHECK(chi_square(values, expected) < threshold(expected.edges.size()));
    }
  }
}

} // namespace

TEST_CASE("samplers follow their distributions in double") { check_samplers(Precision::f64); }
TEST_CASE("samplers follow their distributions in float") { check_samplers(Precision::f32); }
