// Whole models: what is simulated, and what a density and its gradient are, does not depend on how many lanes, threads
// or data sets run together. Bit for bit.
#include "compiler/compile.hpp"
#include "runtime/model/density.hpp"
#include "runtime/model/simulator.hpp"
#include "tests/golden.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

using namespace sibyl;

namespace {

constexpr std::uint64_t seed = 11;
constexpr std::uint64_t first = 1000;
constexpr int simulated = 45; // no multiple of any number of lanes

struct Case {
  std::string path;
  std::optional<DataSet> design;
};

// Which of three groups each of 20 rows belongs to, by an index column.
DataSet groups() {
  DataSet design;
  design.variables["N"] = {true, {}, {20}};
  design.variables["J"] = {true, {}, {3}};
  Tensor& group = design.variables["group"] = {true, {20}, {}};
  for (int n = 0; n < 20; ++n) group.values.push_back(1 + n * n % 3);
  return design;
}

// A simulator without a density, a walk until a boundary is hit, nested plates with latent effects, effects looked up
// by an index, and sizes that vary.
std::vector<Case> generative_models() {
  return {{"examples/02_two_moons/two_moons.sib", {}},
          {"examples/03_drift_diffusion/drift_diffusion.sib", {}},
          {"tests/models/facts/nested_plates.sib", {}},
          {"tests/models/facts/groups_by_index.sib", groups()},
          {"examples/01_linear_regression/linear_regression.sib", {}}};
}

// Likewise, in double only: functions that call themselves, to other depths for each data set; differential equations,
// whose solver takes other steps for each data set.
std::vector<Case> models_in_double() {
  std::vector<Case> all = generative_models();
  all.push_back({"tests/models/calls/recursion.sib", {}});
  all.push_back({"tests/models/solvers/epidemic.sib", {}});
  return all;
}

std::shared_ptr<CompiledModel> compile_file(const std::string& path) {
  const CompileResult result = compile(Source(path, test::read_golden(std::string(SIBYL_SOURCE_DIR) + "/" + path)));
  REQUIRE(result.model);
  return result.model;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

bool same(const DataSet& a, const DataSet& b) {
  return std::equal(a.variables.begin(), a.variables.end(), b.variables.begin(), b.variables.end(),
                    [](const auto& x, const auto& y) {
                      return x.first == y.first && x.second.extents == y.second.extents &&
                             same_bits(x.second.values, y.second.values);
                    });
}

// Simulated in batches of some sizes, one after the other: all data sets, and their unconstrained parameters.
struct Simulated {
  std::vector<DataSet> sets;
  std::vector<double> unconstrained;
};

Simulated simulate(const std::shared_ptr<const CompiledModel>& model, const SimulatorOptions& options,
                   const std::vector<int>& batches) {
  Simulator simulator(model, options);
  Simulated result;
  std::uint64_t next = first;
  for (const int count : batches) {
    const SimulatedBatch batch = simulator.simulate(next, static_cast<std::size_t>(count), seed);
    REQUIRE(batch.left_out.count() == 0);
    for (std::size_t i = 0; i < batch.data.count; ++i)
      result.sets.push_back(extract(model->facts(), batch.data, i, /*with_parameters=*/true));
    result.unconstrained.insert(result.unconstrained.end(), batch.unconstrained.begin(), batch.unconstrained.end());
    next += static_cast<std::uint64_t>(count);
  }
  return result;
}

// Density and gradient at a point for each data set: the data sets in the given order, as many at a time as there are
// lanes, so that each meets others with other sizes beside it.
struct Evaluated {
  double value;
  std::vector<double> gradient;
};

std::vector<Evaluated> evaluate(const std::shared_ptr<const CompiledModel>& model, const DataBatch& batch,
                                std::vector<std::size_t> order, int lanes, bool with_gradient) {
  Density density(model, lanes);
  const auto width = static_cast<std::size_t>(lanes);
  std::vector<Evaluated> result(batch.count);
  for (std::size_t begin = 0; begin < order.size(); begin += width) {
    const std::span which(order.data() + begin, std::min(width, order.size() - begin));
    density.bind(batch, which);
    for (std::size_t lane = 0; lane < which.size(); ++lane)
      for (std::size_t p = 0; p < density.parameter_count(); ++p)
        density.points()[p * width + lane] = 0.9 * std::sin(static_cast<double>(3 * which[lane] + 7 * p + 1));
    density.evaluate(with_gradient);
    for (std::size_t lane = 0; lane < which.size(); ++lane) {
      Evaluated& one = result[which[lane]] = {density.value(static_cast<int>(lane)), {}};
      for (std::size_t p = 0; with_gradient && p < density.parameter_count(); ++p)
        one.gradient.push_back(density.gradient()[p * width + lane]);
    }
  }
  return result;
}

void check_simulation(Precision precision) {
  for (const Case& one : precision == Precision::f64 ? models_in_double() : generative_models()) {
    const auto model = compile_file(one.path);
    SimulatorOptions options{.precision = precision, .lanes = 1, .design = one.design, .keep_all = true};
    const Simulated expected = simulate(model, options, {simulated});
    REQUIRE(expected.sets.size() == simulated);
    CHECK_FALSE(same(expected.sets[0], expected.sets[1]));
    for (const int lanes : {1, 4, 8, 16})
      for (const int threads : {1, 3})
        for (const auto& batches : {std::vector{simulated}, std::vector{7, 1, 21, 16}}) {
          options.lanes = lanes;
          options.threads = threads;
          const Simulated other = simulate(model, options, batches);
          INFO(one.path << ", " << lanes << " lanes, " << threads << " threads, " << batches.size() << " batches");
          CHECK(std::equal(expected.sets.begin(), expected.sets.end(), other.sets.begin(), other.sets.end(), same));
          CHECK(same_bits(expected.unconstrained, other.unconstrained));
        }
  }
}

} // namespace

TEST_CASE("simulated data sets are the same for any lanes, threads and batches, in float") {
  check_simulation(Precision::f32);
}

TEST_CASE("simulated data sets are the same for any lanes, threads and batches, in double") {
  check_simulation(Precision::f64);
}

TEST_CASE("density and gradient of a data set are the same for any lanes and whatever runs beside it") {
  std::size_t with_density = 0;
  for (const Case& one : models_in_double()) {
    const auto model = compile_file(one.path);
    if (!model->facts().has_density) continue;
    ++with_density;
    const DataBatch batch = Simulator(model, {.precision = Precision::f64, .design = one.design})
                                .simulate(first, static_cast<std::size_t>(simulated), seed)
                                .data;
    std::vector<std::size_t> order(batch.count), reversed;
    std::iota(order.begin(), order.end(), std::size_t{0});
    reversed.assign(order.rbegin(), order.rend());
    for (const bool with_gradient : {false, true}) {
      const std::vector<Evaluated> expected = evaluate(model, batch, order, 1, with_gradient);
      for (const Evaluated& each : expected) REQUIRE(std::isfinite(each.value));
      for (const int lanes : {1, 4, 8, 16})
        for (const auto& chosen : {order, reversed}) {
          INFO(one.path << ", " << lanes << " lanes, gradient " << with_gradient);
          const std::vector<Evaluated> other = evaluate(model, batch, chosen, lanes, with_gradient);
          CHECK(std::equal(expected.begin(), expected.end(), other.begin(), [](const Evaluated& a, const Evaluated& b) {
            return same_bits({a.value}, {b.value}) && same_bits(a.gradient, b.gradient);
          }));
        }
    }
  }
  CHECK(with_density == 4);
}
