// Each element of the data gets its value once: what branches give, what a data file gives, and what is given twice.
#include "compiler/compile.hpp"
#include "compiler/interface/metadata.hpp"
#include "lang/diagnostic.hpp"
#include "lang/errors.hpp"
#include "runtime/model/density.hpp"
#include "runtime/model/simulator.hpp"
#include "tests/tensors.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

using namespace sibyl;
using Catch::Contains;
using test::vector;

namespace {

Frontend front(const std::string& text) {
  const Source source("model.sib", text);
  Frontend result = compile_to_ir(source);
  INFO(text + "\n" + render(result.diagnostics, {&source}, RenderStyle::plain));
  REQUIRE(result.model);
  return result;
}

std::shared_ptr<CompiledModel> model(const std::string& text) {
  front(text);
  return compile(Source("model.sib", text)).model;
}

Tensor number(double value) { return {true, {}, {value}}; }

double density_of(const std::shared_ptr<CompiledModel>& model, const DataSet& data, std::vector<double> point) {
  Density density(model, 1);
  const std::vector<std::size_t> which{0};
  density.bind(gather(model->facts(), std::span(&data, 1)), which, false);
  for (std::size_t i = 0; i < point.size(); ++i) density.points()[i] = point[i];
  density.evaluate(true);
  return density.value(0);
}

const std::string header = "data { int<lower=1> N; array[N] int z; array[N] int<lower=0> y; vector[N] x; } "
                           "parameters { real<lower=0> theta; } model { theta ~ gamma(3, 1); x ~ normal(0, 1); ";

} // namespace

TEST_CASE("a draw on one branch and a computed value on the other give each element once") {
  const auto compiled =
      model("data { int<lower=1> N; array[N] int<lower=0> y; } design { N ~ discrete_range(10, 40); } "
            "parameters { real<lower=0, upper=1> psi; real<lower=0> theta; } model { "
            "psi ~ beta(1, 1); theta ~ gamma(3, 1); for (n in 1:N) { int z; z ~ bernoulli(psi); "
            "if (z == 1) y[n] = 0; else y[n] ~ poisson(theta); } }");
  const Facts& facts = compiled->facts();
  CHECK(facts.is_generative);
  CHECK(facts.has_density);
  const VariableFact& y = facts.variables[static_cast<std::size_t>(facts.find("y"))];
  CHECK(y.dimensions[0].kind == DimensionKind::exchangeable);
  CHECK(y.given_elements == GivenElements::none);
  // P(y = 0) = E[psi + (1 - psi) exp(-theta)] = 1/2 + 1/2 * (1/2)^3 = 0.5625 for gamma(3, 1).
  const SimulatedBatch batch = Simulator(compiled, {.keep_all = true}).simulate(0, 4000, 1);
  CHECK(batch.left_out.count() == 0);
  double zeros = 0, count = 0;
  for (std::size_t i = 0; i < batch.data.count; ++i) {
    const DataSet set = extract(facts, batch.data, i);
    for (const double value : set.variables.at("y").values) {
      zeros += value == 0;
      ++count;
    }
  }
  CHECK(zeros / count == Approx(0.5625).margin(0.02));
}

TEST_CASE("where the data tell the branch, the computed value is a point mass of the density") {
  const auto compiled = model(header + "for (n in 1:N) if (z[n] == 1) y[n] = 0; else y[n] ~ poisson(theta); }");
  CHECK(compiled->facts().is_generative);
  CHECK(compiled->facts().has_density);
  const auto reference = model(header + "for (n in 1:N) if (z[n] != 1) y[n] ~ poisson(theta); }");
  DataSet data;
  data.variables = {{"N", number(3)},
                    {"z", vector({1, 0, 0}, true)},
                    {"y", vector({0, 2, 0}, true)},
                    {"x", vector({0.1, 0.2, 0.3})}};
  CHECK(density_of(compiled, data, {0.3}) == Approx(density_of(reference, data, {0.3})).epsilon(1e-13));
  data.variables["y"] = vector({1, 2, 0}, true); // not what the branch gives
  CHECK(density_of(compiled, data, {0.3}) == -INFINITY);
}

TEST_CASE("which computed data have a density") {
  const std::vector<std::pair<std::string, bool>> cases = {
      {"for (n in 1:N) if (z[n] == 1) y[n] = 0; else y[n] ~ poisson(theta);", true},
      {"for (n in 1:N) { if (z[n] == 1) y[n] = 0; if (z[n] != 1) y[n] ~ poisson(theta); }", true},
      {"for (n in 1:N) if (theta > 1) y[n] = 0; else y[n] ~ poisson(theta);", true}, // of counts, branches are masses
      {"for (n in 1:N) { if (z[n] == 1) { y[n] = 0; continue; } y[n] ~ poisson(theta); }", true},
      {"for (n in 1:N) y[n] = z[n];", true},
      {"y = z;", true},
      {"int k = 0; if (theta > 1) k = 1; for (n in 1:N) y[n] = k;", false},
      {"for (n in 1:N) { int k; k ~ poisson(theta); y[n] = k; }", false},
      {"for (n in 1:N) { y[n] = 0; while (y[n] < z[n]) y[n] = y[n] + 1; }", false},
      {"for (n in 1:N) { y[n] = 0; if (z[n] > 0) y[n] = 1; }", false},
      {"for (n in 1:N) y[1] = z[n];", false},
  };
  for (const auto& [statements, has_density] : cases) {
    INFO(statements);
    CHECK(front(header + statements + " }").model->facts.has_density == has_density);
  }
  // Of reals, a mass that parameters choose stands beside no density.
  const std::string real =
      "data { int N; array[N] int z; vector[N] y; } parameters { real a; } model { a ~ normal(0, 1);";
  CHECK(front(real + "for (n in 1:N) if (z[n] > 0) y[n] = 0.1 * z[n]; else y[n] ~ normal(a, 1); }")
            .model->facts.has_density);
  CHECK_FALSE(front(real + "for (n in 1:N) if (a > 0) y[n] = 0; else y[n] ~ normal(a, 1); }").model->facts.has_density);
  CHECK_FALSE(front(real + "for (n in 1:N) y[n] = a; }").model->facts.has_density);
}

TEST_CASE("simulated data have a density where reals are computed") {
  const auto compiled =
      model("data { int N; vector[N] x; vector[N] y; } design { N ~ discrete_range(3, 6); x ~ normal(0, 1); } "
            "parameters { real a; } model { a ~ normal(0, 1); "
            "for (n in 1:N) if (x[n] < 0) y[n] = 0.1 * x[n] + 0.7; else y[n] ~ normal(a, 1); }");
  REQUIRE(compiled->facts().has_density);
  const SimulatedBatch batch = Simulator(compiled, {}).simulate(0, 50, 1);
  for (std::size_t i = 0; i < batch.data.count; ++i)
    CHECK(std::isfinite(density_of(compiled, extract(compiled->facts(), batch.data, i), {0.3})));
}

namespace {

const std::string autoregression = "data { int<lower=1> K; int<lower=K> N; vector[N] y; } "
                                   "parameters { real level; real<lower=-1, upper=1> carry; real<lower=0> noise; } "
                                   "model { level ~ normal(0, 1); carry ~ normal(0, 0.5); noise ~ exponential(1); "
                                   "for (n in (K + 1):N) y[n] ~ normal(level + carry * y[n - K], noise); }";

DataSet first_values(std::vector<double> y) {
  DataSet data;
  data.variables = {{"K", number(2)}, {"N", number(static_cast<double>(y.size()))}, {"y", vector(std::move(y))}};
  return data;
}

} // namespace

TEST_CASE("elements that no statement draws come from the data file") {
  const auto compiled = model(autoregression);
  const VariableFact& y = compiled->facts().variables[static_cast<std::size_t>(compiled->facts().find("y"))];
  CHECK(y.role == Role::observed);
  CHECK(y.given_elements == GivenElements::some);
  CHECK_THROWS_WITH(Simulator(compiled, {}), Contains("the design needs K, N, y"));
  for (const Precision precision : {Precision::f32, Precision::f64}) {
    const SimulatedBatch batch =
        Simulator(compiled, {.precision = precision, .design = first_values({3.5, -7.25, 1, 2, 3})})
            .simulate(0, 500, 1);
    REQUIRE(batch.data.count == 500);
    std::set<double> third;
    for (std::size_t i = 0; i < batch.data.count; ++i) {
      const std::vector<double> values = extract(compiled->facts(), batch.data, i).variables.at("y").values;
      CHECK(values[0] == 3.5);
      CHECK(values[1] == -7.25);
      third.insert(values[2]);
    }
    CHECK(third.size() > 490);
  }
}

TEST_CASE("a given element that the file lacks is named") {
  const auto compiled = model(autoregression);
  Simulator simulator(compiled, {.precision = Precision::f64, .design = first_values({3.5, NAN, 1, 2, 3})});
  CHECK_THROWS_AS(simulator.simulate(0, 10, 1), RuntimeError);
  // Nothing reads it: only the check at the end can tell.
  const auto plain = model("data { int<lower=2> N; vector[N] y; } parameters { real a; } model { a ~ normal(0, 1); "
                           "for (n in 2:N) y[n] ~ normal(a, 1); }");
  DataSet data;
  data.variables = {{"N", number(3)}, {"y", vector({NAN, 1, 2})}};
  CHECK_THROWS_WITH(Simulator(plain, {.design = data}).simulate(0, 10, 1),
                    Contains("no statement draws `y[1]`, and no data file gives it a value"));
  data.variables["y"] = vector({1, 2});
  CHECK_THROWS_WITH(Simulator(plain, {.design = data}).simulate(0, 10, 1),
                    Contains("`y` has 3 elements here, but 2 in the data file"));
}

TEST_CASE("the design block may give what the model does not draw") {
  const auto compiled =
      model("data { int<lower=1> N; vector[N] y; } design { N ~ discrete_range(4, 8); y[1] ~ normal(100, 0.1); } "
            "parameters { real<lower=-1, upper=1> b; } model { for (n in 2:N) y[n] ~ normal(b * y[n - 1], 1); }");
  const VariableFact& y = compiled->facts().variables[static_cast<std::size_t>(compiled->facts().find("y"))];
  CHECK(y.role == Role::observed);
  CHECK(y.given_elements == GivenElements::none);
  const SimulatedBatch batch = Simulator(compiled, {}).simulate(0, 200, 1);
  REQUIRE(batch.data.count == 200);
  for (std::size_t i = 0; i < batch.data.count; ++i)
    CHECK(extract(compiled->facts(), batch.data, i).variables.at("y").values[0] == Approx(100).margin(1));
}

TEST_CASE("which elements are given by no statement") {
  const std::string data = "data { int K; int N; array[N] int g; vector[N] y; matrix[N, K] m; } parameters { real a; } "
                           "model { a ~ normal(0, 1); ";
  const std::vector<std::tuple<std::string, std::string, GivenElements>> cases = {
      {"y ~ normal(a, 1);", "y", GivenElements::none},
      {"for (n in 1:N) y[n] ~ normal(a, 1);", "y", GivenElements::none},
      {"for (n in 1:size(y)) y[n] ~ normal(a, 1);", "y", GivenElements::none},
      {"y[1] ~ normal(0, 1); for (n in 2:N) y[n] ~ normal(y[n - 1], 1);", "y", GivenElements::none},
      {"for (n in 1:(N - 1)) y[n + 1] ~ normal(a, 1); y[1] ~ normal(0, 1);", "y", GivenElements::none},
      {"y[1:K] ~ normal(0, 1); y[(K + 1):N] ~ normal(a, 1);", "y", GivenElements::none},
      {"for (n in 1:K) y[n] ~ normal(0, 1); for (n in (K + 1):N) y[n] ~ normal(a, 1);", "y", GivenElements::none},
      {"for (n in 1:N) { if (g[n] > 0) y[n] ~ normal(a, 1); else y[n] ~ normal(0, 1); }", "y", GivenElements::none},
      {"for (n in 1:N) for (k in 1:K) m[n, k] ~ normal(a, 1);", "m", GivenElements::none},
      {"for (n in 1:N) m[n] ~ normal(a, 1);", "m", GivenElements::none},
      {"for (k in 1:K) m[, k] ~ normal(a, 1);", "m", GivenElements::none},
      {"m[1] ~ normal(a, 1); for (k in 1:K) m[2, k] ~ normal(0, 1); for (n in 3:N) m[n] ~ normal(a, 1);", "m",
       GivenElements::none},
      {"for (n in 1:N) { m[n, 1:2] ~ normal(a, 1); m[n, 3:K] ~ normal(0, 1); }", "m", GivenElements::none},
      {"m[1] ~ normal(a, 1); m[2, 2:K] ~ normal(0, 1); for (n in 3:N) m[n] ~ normal(a, 1);", "m", GivenElements::some},
      {"y[1:K] ~ normal(0, 1); y[(K + 1):0] ~ normal(a, 1);", "y", GivenElements::some},
      {"for (n in 2:N) y[n] ~ normal(a, 1);", "y", GivenElements::some},
      {"for (n in 1:K) y[n] ~ normal(a, 1);", "y", GivenElements::some},
      {"y[2:N] ~ normal(a, 1);", "y", GivenElements::some},
      {"y[1] ~ normal(a, 1);", "y", GivenElements::some},
      {"for (n in 2:N) for (k in 1:K) m[n, k] ~ normal(a, 1);", "m", GivenElements::some},
      {"for (n in 1:N) if (g[n] > 0) y[n] ~ normal(a, 1);", "y", GivenElements::perhaps},
      {"for (n in 1:N) { if (g[n] > 0) continue; y[n] ~ normal(a, 1); }", "y", GivenElements::perhaps},
      {"for (n in 1:N) y[g[n]] ~ normal(a, 1);", "y", GivenElements::perhaps},
      {"y[g] ~ normal(a, 1);", "y", GivenElements::perhaps},
  };
  for (const auto& [statements, name, expected] : cases) {
    INFO(statements);
    const Frontend frontend = front(data + statements + " }");
    const Facts& facts = frontend.model->facts;
    CHECK(facts.is_generative);
    CHECK(facts.variables[static_cast<std::size_t>(facts.find(name))].given_elements == expected);
  }
}

TEST_CASE("an element that is given twice is an error of the simulation that names it") {
  const std::string data = "data { int N; array[N] int g; vector[N] y; } parameters { vector[3] a; } model { ";
  DataSet design;
  design.variables = {{"N", number(3)}, {"g", vector({1, 2, 2}, true)}};
  const auto failure = [&](const std::string& statements) -> std::string {
    try {
      Simulator(model(data + statements + " }"), {.design = design}).simulate(0, 5, 1);
    } catch (const RuntimeError& error) {
      return error.what();
    }
    return "";
  };
  CHECK_THAT(failure("a ~ normal(0, 1); for (n in 1:N) y[n] ~ normal(0, 1); for (n in 1:N) y[n] ~ normal(a[1], 1);"),
             Contains("`y[1]` is given a value twice"));
  CHECK_THAT(failure("a ~ normal(0, 1); for (n in 1:N) y[g[n]] ~ normal(0, 1);"),
             Contains("`y[2]` is given a value twice"));
  CHECK_THAT(failure("for (k in 1:2) a ~ normal(0, 1); y ~ normal(0, 1);"), Contains("`a[1]` is given a value twice"));
  CHECK_THAT(failure("a ~ normal(0, 1); for (n in 1:N) { if (g[n] > 1) y[n] = 0; y[n] ~ normal(0, 1); }"),
             Contains("`y[2]` is given a value twice"));
  CHECK_THAT(failure("for (k in 1:2) a[k] ~ normal(0, 1); y ~ normal(0, 1);"), Contains("no statement draws `a[3]`"));
  design.variables["g"] = vector({3, 1, 2}, true);
  CHECK(failure("a ~ normal(0, 1); for (n in 1:N) y[g[n]] ~ normal(0, 1);").empty());
  CHECK(failure("for (k in 1:2) a[k] ~ normal(0, 1); a[3] ~ normal(0, 1); y ~ normal(0, 1);").empty());
}

TEST_CASE("what surely is given twice is not generative") {
  for (const char* statements : {"y ~ normal(a, 1); y ~ normal(0, 1);", "y ~ normal(a, 1); y[1] = 0;",
                                 "y[1] ~ normal(a, 1); y[1] ~ normal(0, 1);"}) {
    INFO(statements);
    CHECK_FALSE(front("data { int N; vector[N] y; } parameters { real a; } model { a ~ normal(0, 1); " +
                      std::string(statements) + " }")
                    .model->facts.is_generative);
  }
}
