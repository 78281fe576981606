// Constrained types as a user meets them: data that break them, sizes they cannot have, arrays of them, what is known
// of them. Their values are held to Stan's in tests/numerics/transforms.cpp.
#include "lang/errors.hpp"
#include "runtime/model/density.hpp"
#include "runtime/model/parameters.hpp"
#include "runtime/model/simulator.hpp"
#include "tests/compiled.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace sibyl;
using Catch::Contains;
using test::compiled;

namespace {

// What is said of x of this type with these values (row by row); "" where nothing is wrong.
std::string complaint(const std::string& type, const std::vector<std::int64_t>& extents,
                      const std::vector<double>& values) {
  const auto model = compiled("data { " + type + " x; } parameters { real a; } model { a ~ normal(0, 1); }");
  DataSet set;
  set.variables["x"] = {false, extents, values};
  ParameterTransform transform(model);
  try {
    transform.bind(gather(model->facts(), std::vector<DataSet>{set}), 0);
    return "";
  } catch (const RuntimeError& error) {
    return error.what();
  }
}

const double missing = std::nan("");

} // namespace

TEST_CASE("data that are not constrained as they are declared are refused, with the reason") {
  CHECK(complaint("simplex[2]", {2}, {0.25, 0.75}).empty());
  CHECK_THAT(complaint("simplex[2]", {2}, {0.25, 0.5}), Contains("`x` is no simplex: its sum is 0.75, must be 1"));
  CHECK_THAT(complaint("simplex[2]", {2}, {-0.25, 1.25}), Contains("element 1 is -0.25"));
  CHECK(complaint("simplex[2]", {2}, {missing, 0.5}).empty());
  CHECK_THAT(complaint("array[2] simplex[2]", {2, 2}, {0.25, 0.75, 0.5, 0.25}), Contains("an element of `x`"));
  CHECK(complaint("ordered[3]", {3}, {-1, 0, 2}).empty());
  CHECK_THAT(complaint("ordered[3]", {3}, {-1, 0, 0}), Contains("element 3 is 0, must be greater"));
  CHECK_THAT(complaint("positive_ordered[2]", {2}, {-1, 0}), Contains("must be at least 0"));
  CHECK_THAT(complaint("unit_vector[2]", {2}, {1, 1}), Contains("its sum of squares is 2"));
  CHECK_THAT(complaint("sum_to_zero_vector[2]", {2}, {1, 1}), Contains("its sum is 2, must be 0"));
  CHECK(complaint("corr_matrix[2]", {2, 2}, {1, 0.5, 0.5, 1}).empty());
  CHECK_THAT(complaint("corr_matrix[2]", {2, 2}, {1, 0.5, 0.5, 2}), Contains("element 2 of its diagonal is 2"));
  CHECK_THAT(complaint("corr_matrix[2]", {2, 2}, {1, 2, 2, 1}), Contains("not positive definite"));
  CHECK_THAT(complaint("cov_matrix[2]", {2, 2}, {1, 0.5, 0.4, 1}), Contains("not symmetric"));
  CHECK(complaint("cholesky_factor_cov[3, 2]", {3, 2}, {1, 0, 2, 3, 4, -5}).empty());
  CHECK_THAT(complaint("cholesky_factor_cov[2]", {2, 2}, {1, 0.5, 0, 1}), Contains("element [1, 2] is 0.5, must be 0"));
  CHECK_THAT(complaint("cholesky_factor_cov[2]", {2, 2}, {1, 0, 0, -1}), Contains("diagonal is -1, must be > 0"));
  CHECK_THAT(complaint("cholesky_factor_corr[2]", {2, 2}, {1, 0, 0.5, 0.5}), Contains("row 2 has a sum of squares"));
}

TEST_CASE("transformed parameters and generated quantities are checked") {
  const auto model = compiled("parameters { real a; } transformed parameters { simplex[2] p = [a, 1 - a]'; } "
                              "model { a ~ normal(0, 1); } generated quantities { ordered[2] o = [a, 0.5]'; }");
  ParameterTransform transform(model);
  transform.bind(gather(model->facts(), std::vector<DataSet>(1)), 0);
  CHECK(transform.constrain(std::vector<double>{0.25}, Outputs::all).at(0, 2) == 0.75);
  CHECK_THROWS_WITH(transform.constrain(std::vector<double>{2}, Outputs::all), Contains("`p` is no simplex"));
  CHECK_THROWS_WITH(transform.constrain(std::vector<double>{0.75}, Outputs::all), Contains("`o` is no ordered"));
  Density density(model, 1);
  const std::size_t only[] = {0};
  density.bind(gather(model->facts(), std::vector<DataSet>(1)), only);
  density.points()[0] = 2;
  density.evaluate(true);
  CHECK(density.value(0) == -INFINITY);
}

TEST_CASE("sizes that a constrained type cannot have are errors that name them") {
  const auto bind = [](const std::string& declaration, int size) {
    const auto model = compiled("data { int K; } parameters { " + declaration + " } model { }");
    DataSet set;
    set.variables["K"] = {true, {}, {static_cast<double>(size)}};
    Density density(model, 1);
    const std::size_t only[] = {0};
    density.bind(gather(model->facts(), std::vector<DataSet>{set}), only);
    return density.parameter_count();
  };
  CHECK_THROWS_WITH(bind("simplex[K] x;", 0), Contains("the size `K` of the simplex `x` is 0, must be > 0"));
  CHECK_THROWS_WITH(bind("cholesky_factor_cov[K, 2] x;", 1), Contains("the size `M` of the cholesky_factor_cov"));
  CHECK(bind("simplex[K] x;", 1) == 0);
  CHECK(bind("array[3] cholesky_factor_cov[K, 2] x;", 4) == 3 * 7);
  CHECK(bind("corr_matrix[K] x;", 5) == 10);
}

TEST_CASE("an array of a constrained type is its elements, one after the other") {
  const std::string model_block = " model { target += x[1, 1] * x[2, 2]; }";
  const auto both = compiled("parameters { array[2] simplex[3] x; }" + model_block);
  const auto one = compiled("parameters { simplex[3] x; } model { target += x[1]; }");
  ParameterTransform two(both), single(one);
  two.bind(gather(both->facts(), std::vector<DataSet>(1)), 0);
  single.bind(gather(one->facts(), std::vector<DataSet>(1)), 0);
  REQUIRE(two.unconstrained_count() == 4);
  const std::vector<double> u = {0.3, -1, 2, 0.7};
  const Draws draws = two.constrain(u, Outputs::parameters);
  CHECK(draws.columns == std::vector<std::string>{"x.1.1", "x.2.1", "x.1.2", "x.2.2", "x.1.3", "x.2.3"});
  for (std::size_t i = 0; i < 2; ++i) {
    const std::vector<double> part(u.begin() + static_cast<std::ptrdiff_t>(2 * i),
                                   u.begin() + static_cast<std::ptrdiff_t>(2 * i + 2));
    const Draws alone = single.constrain(part, Outputs::parameters);
    for (std::size_t k = 0; k < 3; ++k) CHECK(draws.at(0, 2 * k + i) == Approx(alone.at(0, k)).epsilon(1e-14));
  }
  const std::vector<double> first = {0.3, -1}, second = {2, 0.7};
  CHECK(two.log_jacobian(u)[0] ==
        Approx(single.log_jacobian(first)[0] + single.log_jacobian(second)[0]).epsilon(1e-13));
}

TEST_CASE("facts know a constrained parameter's unconstrained size, and that its positions are its own") {
  const auto model = compiled(
      "data { int N; int K; array[N] vector[K] y; array[N] simplex[K] p; } "
      "parameters { vector[K] m; array[K + 1] cov_matrix[K - 1] s; cholesky_factor_corr[K] l; simplex[4] q; } "
      "model { m ~ normal(0, 1); l ~ lkj_corr_cholesky(1); y ~ multi_normal_cholesky(m, l); p ~ dirichlet(exp(m)); "
      "for (i in 1:(K + 1)) s[i] ~ wishart(K, identity_matrix(K - 1)); }");
  const Facts& facts = model->facts();
  const auto fact = [&](const std::string& name) {
    return facts.variables[static_cast<std::size_t>(facts.find(name))];
  };
  CHECK(fact("s").unconstrained_size == "(K + 1) * (((K - 1) * ((K - 1) + 1)) %/% 2)");
  CHECK(fact("s").transform == "cov_matrix");
  CHECK(fact("l").unconstrained_size == "(K * (K - 1)) %/% 2");
  CHECK(fact("q").unconstrained_size == "4 - 1");
  CHECK(fact("m").unconstrained_size == "K");
  CHECK(fact("y").dimensions[0].kind == DimensionKind::exchangeable);
  CHECK(fact("y").dimensions[1].kind == DimensionKind::fixed);
  CHECK(fact("p").dimensions[0].kind == DimensionKind::exchangeable);
  CHECK(fact("p").dimensions[1].kind == DimensionKind::fixed);
  CHECK_FALSE(facts.allows_single_precision);
  CHECK(facts.is_generative);
}

TEST_CASE("a parameter whose size differs between data sets is known as such, and refused by name") {
  const auto with_design = [](const std::string& design) {
    return compiled("data { int N; vector[N] y; } design { " + design +
                    " } transformed data { int K = N + 1; } parameters { real b; simplex[K] a; } "
                    "model { b ~ normal(0, 1); y ~ normal(b, a[1]); }");
  };
  const auto fact = [](const CompiledModel& model, const std::string& name) {
    return model.facts().variables[static_cast<std::size_t>(model.facts().find(name))];
  };
  const auto drawn = with_design("N ~ discrete_range(2, 5);"), fixed = with_design("N = 3;");
  CHECK(fact(*drawn, "a").varies_with == "N");
  CHECK(fact(*drawn, "b").varies_with.empty());
  CHECK(fact(*fixed, "a").varies_with.empty());
  // Within a group of lanes, too.
  CHECK_THROWS_WITH(Simulator(drawn).simulate(0, 6, 1), Contains("`a` has the size"));
  const SimulatedBatch batch = Simulator(fixed).simulate(0, 6, 1);
  REQUIRE(batch.space.size() == 2);
  CHECK(batch.space[1] == ParameterBlock{"a", "simplex", "", {4}, {3}, 1, 3});
  CHECK(owner(batch.space, 0) == "`b`");
  CHECK(owner(batch.space, 2) == "`a` (number 2 of 3)");
}
