// Parameters of constrained types and distributions of vectors and matrices, as they are simulated: against moments
// that are known in closed form. Tolerances are five standard errors or more.
#include "runtime/model/parameters.hpp"
#include "runtime/model/simulator.hpp"
#include "tests/distribution_table.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>

using namespace sibyl;
using namespace sibyl::test;

namespace {

constexpr std::size_t count = 20000;

// [simulation][element], arrays row by row.
std::vector<std::vector<double>> simulated(const std::string& text, const std::string& variable = "x") {
  const auto model = compile_text(text);
  INFO(text << model->facts().not_generative.text);
  REQUIRE(model->facts().is_generative);
  SimulatorOptions options;
  options.keep_all = true;
  const SimulatedBatch batch = Simulator(model, options).simulate(0, count, 3);
  CHECK(batch.left_out.count() == 0);
  const VariableBatch& found = batch.data.variables[static_cast<std::size_t>(model->facts().find(variable))];
  std::vector<std::vector<double>> rows;
  for (std::size_t i = 0; i < batch.data.count; ++i)
    rows.emplace_back(found.values.begin() + static_cast<std::ptrdiff_t>(i * found.stride()),
                      found.values.begin() + static_cast<std::ptrdiff_t>((i + 1) * found.stride()));
  return rows;
}

template <typename Function>
  requires std::invocable<Function, const std::vector<double>&>
double mean(const std::vector<std::vector<double>>& rows, Function of) {
  double total = 0;
  for (const auto& row : rows) total += of(row);
  return total / static_cast<double>(rows.size());
}
double mean(const std::vector<std::vector<double>>& rows, std::size_t i) {
  return mean(rows, [i](const auto& row) { return row[i]; });
}
double covariance(const std::vector<std::vector<double>>& rows, std::size_t i, std::size_t j) {
  const double a = mean(rows, i), b = mean(rows, j);
  return mean(rows, [&](const auto& row) { return (row[i] - a) * (row[j] - b); });
}

std::string alone(const std::string& declaration, const std::string& model = "") {
  return "parameters { " + declaration + " } model { " + model + " }";
}

} // namespace

TEST_CASE("a parameter without a prior is drawn from its type's flat density where that is proper") {
  const auto simplex = simulated(alone("array[2] simplex[3] x;"));
  CHECK(mean(simplex, 4) == Approx(1.0 / 3).margin(0.01));
  CHECK(covariance(simplex, 3, 3) == Approx(1.0 / 18).margin(0.003)); // that of a Dirichlet of ones
  CHECK(covariance(simplex, 0, 3) == Approx(0).margin(0.003));

  const auto unit = simulated(alone("unit_vector[4] x;"));
  CHECK(mean(unit, 2) == Approx(0).margin(0.02));
  CHECK(covariance(unit, 2, 2) == Approx(0.25).margin(0.01));

  const auto correlations = simulated(alone("corr_matrix[3] x;"));
  CHECK(covariance(correlations, 1, 1) == Approx(1.0 / 4).margin(0.01)); // beta(3/2, 3/2) on (-1, 1)
  CHECK(covariance(correlations, 5, 5) == Approx(1.0 / 4).margin(0.01));

  // Each row's first elements are uniform in a ball: of radius r in d dimensions E r^2 = d / (d + 2).
  const auto factor = simulated(alone("cholesky_factor_corr[3] x;"));
  CHECK(covariance(factor, 3, 3) == Approx(1.0 / 3).margin(0.01));
  CHECK(covariance(factor, 6, 6) == Approx(0.25).margin(0.01));
  CHECK(mean(factor, [](const auto& row) { return row[8] * row[8]; }) == Approx(0.5).margin(0.01));
}

TEST_CASE("independent elements are drawn under the condition of the type") {
  const auto ordered = simulated(alone("array[2] ordered[2] x;", "for (i in 1:2) x[i] ~ normal(1, 2);"));
  CHECK(
      std::all_of(ordered.begin(), ordered.end(), [](const auto& row) { return row[0] < row[1] && row[2] < row[3]; }));
  // The largest of two standard normals has mean 1 / sqrt(pi).
  CHECK(mean(ordered, 1) == Approx(1 + 2 / std::sqrt(M_PI)).margin(0.06));
  CHECK(mean(ordered, 2) == Approx(1 - 2 / std::sqrt(M_PI)).margin(0.06));

  const auto positive = simulated(alone("positive_ordered[2] x;", "x ~ normal(0, 1);"));
  CHECK(std::all_of(positive.begin(), positive.end(), [](const auto& row) { return 0 < row[0] && row[0] < row[1]; }));
  CHECK(mean(positive, [](const auto& row) { return row[0] + row[1]; }) ==
        Approx(2 * std::sqrt(2 / M_PI)).margin(0.03));

  const auto zero = simulated(alone("sum_to_zero_vector[3] x;", "x ~ normal(0, 2);"));
  CHECK(mean(zero, [](const auto& row) { return std::abs(row[0] + row[1] + row[2]); }) < 1e-12);
  CHECK(covariance(zero, 0, 0) == Approx(4 * 2.0 / 3).margin(0.15));
  CHECK(covariance(zero, 0, 1) == Approx(-4.0 / 3).margin(0.1));
}

TEST_CASE("the unconstrained numbers of a unit vector have the length of a standard normal vector") {
  const auto model = compile_text(alone("unit_vector[3] x;"));
  const SimulatedBatch batch = Simulator(model).simulate(0, count, 5);
  REQUIRE(batch.parameter_count == 3);
  double squares = 0, fourth = 0;
  for (const double u : batch.unconstrained) {
    squares += u * u / static_cast<double>(batch.unconstrained.size());
    fourth += u * u * u * u / static_cast<double>(batch.unconstrained.size());
  }
  CHECK(squares == Approx(1).margin(0.03));
  CHECK(fourth == Approx(3).margin(0.25));
}

TEST_CASE("distributions of vectors and matrices are drawn with their moments") {
  const auto dirichlet = simulated(alone("simplex[3] x;", "x ~ dirichlet([0.5, 2, 0.01]');"));
  CHECK(mean(dirichlet, 0) == Approx(0.5 / 2.51).margin(0.01));
  CHECK(covariance(dirichlet, 1, 1) == Approx(2 * 0.51 / (2.51 * 2.51 * 3.51)).margin(0.003));

  const auto normal = simulated(alone("vector[2] x;", "x ~ multi_normal([1, -2]', [[2, 0.6], [0.6, 0.5]]);"));
  CHECK(mean(normal, 1) == Approx(-2).margin(0.03));
  CHECK(covariance(normal, 0, 0) == Approx(2).margin(0.12));
  CHECK(covariance(normal, 0, 1) == Approx(0.6).margin(0.05));

  const auto factor = simulated(alone("vector[2] x;", "x ~ multi_normal_cholesky([1, -2]', [[2, 0], [0.5, 1]]);"));
  CHECK(covariance(factor, 0, 1) == Approx(1).margin(0.09));
  CHECK(covariance(factor, 1, 1) == Approx(1.25).margin(0.07));

  const auto precision = simulated(alone("vector[2] x;", "x ~ multi_normal_prec([1, -2]', [[2, 1], [1, 1]]);"));
  CHECK(covariance(precision, 0, 0) == Approx(1).margin(0.06));
  CHECK(covariance(precision, 0, 1) == Approx(-1).margin(0.07));
  CHECK(covariance(precision, 1, 1) == Approx(2).margin(0.12));

  const auto student = simulated(alone("vector[2] x;", "x ~ multi_student_t(12, [1, 0]', [[2, 0.6], [0.6, 0.5]]);"));
  CHECK(covariance(student, 0, 1) == Approx(0.6 * 12 / 10).margin(0.07));

  for (const std::string type : {"corr_matrix[3] x;", "cholesky_factor_corr[3] x;"}) {
    const bool is_factor = type[1] == 'h';
    const auto lkj = simulated(alone(type, is_factor ? "x ~ lkj_corr_cholesky(2);" : "x ~ lkj_corr(2);"));
    // beta(eta - 1 + K / 2, ...) on (-1, 1)
    CHECK(covariance(lkj, 3, 3) == Approx(1.0 / 6).margin(0.007));
    const auto last = [&](const auto& row) { return is_factor ? row[3] * row[6] + row[4] * row[7] : row[7]; };
    CHECK(mean(lkj, [&](const auto& row) { return last(row) * last(row); }) == Approx(1.0 / 6).margin(0.007));
  }

  const auto wishart = simulated(alone("cov_matrix[2] x;", "x ~ wishart(5, [[2, 0.6], [0.6, 0.5]]);"));
  CHECK(mean(wishart, 0) == Approx(10).margin(0.25));
  CHECK(mean(wishart, 1) == Approx(3).margin(0.12));
  CHECK(covariance(wishart, 0, 0) == Approx(2 * 5 * 4).margin(4));

  const auto inverse = simulated(alone("cov_matrix[2] x;", "x ~ inv_wishart(9, [[2, 0.6], [0.6, 0.5]]);"));
  CHECK(mean(inverse, 0) == Approx(2.0 / 6).margin(0.01));
  CHECK(mean(inverse, 1) == Approx(0.6 / 6).margin(0.005));
}

TEST_CASE("vectors and matrices are drawn with their moments at extreme parameters") {
  // All of a mass at one corner, each as often as its share: in a float, most of what is drawn on the way is zero.
  const auto corners = simulated(alone("simplex[3] x;", "x ~ dirichlet([1e-4, 2e-4, 1e-4]');"));
  CHECK(mean(corners, 1) == Approx(0.5).margin(0.018));
  CHECK(mean(corners, [](const auto& row) { return std::max({row[0], row[1], row[2]}); }) > 0.995);
  const auto certain = simulated(alone("simplex[3] x;", "x ~ dirichlet([1e9, 2e9, 1e9]');"));
  CHECK(mean(certain, 1) == Approx(0.5).margin(3e-7));
  CHECK(covariance(certain, 1, 1) == Approx(0.25 / 4e9).epsilon(0.06));

  const auto units = simulated(alone("vector[2] x;", "x ~ multi_normal([1e6, 0]', [[1e-12, 0.5], [0.5, 1e12]]);"));
  CHECK(mean(units, 0) == Approx(1e6).epsilon(1e-13));
  CHECK(covariance(units, 0, 0) == Approx(1e-12).epsilon(0.06));
  CHECK(covariance(units, 0, 1) == Approx(0.5).margin(0.045));
  const auto precise = simulated(alone("vector[2] x;", "x ~ multi_normal_prec([0, 0]', [[1e12, 0], [0, 1e-12]]);"));
  CHECK(covariance(precise, 0, 0) == Approx(1e-12).epsilon(0.06));
  CHECK(covariance(precise, 1, 1) == Approx(1e12).epsilon(0.06));

  // Medians of t with 0.3 degrees of freedom are the location, of which half the draws lie to either side.
  const auto heavy =
      simulated(alone("vector[2] x;", "x ~ multi_student_t(0.3, [0, 3]', [[1, 0.99999], [0.99999, 1]]);"));
  CHECK(mean(heavy, [](const auto& row) { return row[1] > 3 ? 1.0 : 0.0; }) == Approx(0.5).margin(0.018));

  // As data: a parameter that is singular in double has no unconstrained numbers, and would be left out.
  const auto matrix = [](int rows, const std::string& distribution) {
    const std::string size = std::to_string(rows);
    return simulated("data { matrix[" + size + ", " + size +
                     "] x; } parameters { real u; } model { u ~ normal(0, 1); x ~ " + distribution + "; }");
  };
  // beta(eta - 1 + K / 2, ...) on (-1, 1) has variance 1 / (2 eta + K - 1).
  for (const double eta : {1e-3, 1e6}) {
    const auto lkj = matrix(3, "lkj_corr(" + std::to_string(eta) + ")");
    CHECK(covariance(lkj, 1, 1) == Approx(1 / (2 * eta + 2)).epsilon(0.06));
    CHECK(covariance(lkj, 5, 5) == Approx(1 / (2 * eta + 2)).epsilon(0.06));
  }
  // Degrees of freedom near the least there are, and many.
  for (const double nu : {1.001, 1e8}) {
    const auto wishart = matrix(2, "wishart(" + std::to_string(nu) + ", [[2, 0.6], [0.6, 0.5]])");
    CHECK(mean(wishart, 0) == Approx(2 * nu).epsilon(0.05));
    CHECK(mean(wishart, 1) == Approx(0.6 * nu).epsilon(0.08));
    CHECK(covariance(wishart, 0, 0) == Approx(2 * nu * 4).epsilon(0.15));
  }
}

TEST_CASE("Cholesky factors and rows of a matrix are drawn with their moments") {
  const std::string scale = "cholesky_decompose([[2, 0.6], [0.6, 0.5]])";
  // [1, 1], [1, 2], [2, 1], [2, 2] of l, and what l l' is.
  const auto first = [](const auto& l) { return l[0] * l[0]; };
  const auto mixed = [](const auto& l) { return l[0] * l[2]; };
  const auto factor = simulated(alone("cholesky_factor_cov[2] x;", "x ~ wishart_cholesky(5, " + scale + ");"));
  CHECK(mean(factor, first) == Approx(10).margin(0.25));
  CHECK(mean(factor, mixed) == Approx(3).margin(0.12));
  const auto inverse = simulated(alone("cholesky_factor_cov[2] x;", "x ~ inv_wishart_cholesky(9, " + scale + ");"));
  CHECK(mean(inverse, first) == Approx(2.0 / 6).margin(0.01));
  CHECK(mean(inverse, mixed) == Approx(0.6 / 6).margin(0.005));
  const auto student = simulated(alone("vector[2] x;", "x ~ multi_student_t_cholesky(12, [1, 0]', " + scale + ");"));
  CHECK(covariance(student, 0, 1) == Approx(0.6 * 12 / 10).margin(0.07));
  for (const std::string& given : {std::string("multi_gp([[2, 0.6], [0.6, 0.5]]"), "multi_gp_cholesky(" + scale}) {
    const auto rows = simulated(alone("matrix[2, 2] x;", "x ~ " + given + ", [1, 4]');"));
    CHECK(covariance(rows, 0, 1) == Approx(0.6).margin(0.05));
    CHECK(covariance(rows, 2, 3) == Approx(0.6 / 4).margin(0.012));
    CHECK(covariance(rows, 0, 2) == Approx(0).margin(0.05));
  }
  // The covariance of two elements is that of their rows times that of their columns.
  const auto table = simulated(alone(
      "matrix[2, 2] x;", "x ~ matrix_normal_prec([[1, 2], [3, 4]], [[2, 0.3], [0.3, 1]], [[1.5, 0.2], [0.2, 1]]);"));
  CHECK(mean(table, 2) == Approx(3).margin(0.04));
  CHECK(covariance(table, 0, 2) == Approx(1 / 1.46 * -0.3 / 1.91).margin(0.03));
  CHECK(covariance(table, 0, 1) == Approx(-0.2 / 1.46 / 1.91).margin(0.03));
  CHECK(covariance(table, 3, 3) == Approx(1.5 / 1.46 * 2 / 1.91).margin(0.06));
  // A state that halves and gains a variance of 0.3 at each step, seen with a variance of 0.4.
  const auto series =
      simulated(alone("matrix[1, 2] x;", "x ~ gaussian_dlm_obs([[1]], [[0.5]], [0.4]', [[0.3]], [2]', [[1]]);"));
  CHECK(mean(series, 0) == Approx(1).margin(0.04));
  CHECK(mean(series, 1) == Approx(0.5).margin(0.04));
  CHECK(covariance(series, 0, 0) == Approx(0.25 + 0.3 + 0.4).margin(0.06));
  CHECK(covariance(series, 1, 1) == Approx(0.25 * 0.55 + 0.3 + 0.4).margin(0.06));
  CHECK(covariance(series, 0, 1) == Approx(0.5 * 0.55).margin(0.04));
}

TEST_CASE("counts of several outcomes and hidden states are drawn with their moments") {
  // [draw][element] of what generated quantities compute.
  const auto drawn = [](const std::string& declaration, const std::string& call) {
    const auto model = compile_text("parameters { real u; } model { u ~ normal(0, 1); } generated quantities { " +
                                    declaration + " = " + call + "; }");
    ParameterTransform transform(model);
    const DataSet sets[] = {DataSet{}};
    transform.bind(gather(model->facts(), sets), 0);
    const Draws draws = transform.constrain(std::vector<double>(count, 0.0), Outputs::all, 7);
    std::vector<std::vector<double>> rows;
    for (std::size_t i = 0; i < count; ++i) {
      rows.emplace_back();
      for (std::size_t c = 1; c < draws.columns.size(); ++c) rows.back().push_back(draws.at(i, c));
    }
    return rows;
  };
  const auto counts = drawn("array[3] int x", "multinomial_rng([0.2, 0.5, 0.3]', 10)");
  CHECK(mean(counts, [](const auto& n) { return n[0] + n[1] + n[2]; }) == 10);
  CHECK(mean(counts, 1) == Approx(5).margin(0.06));
  CHECK(covariance(counts, 0, 1) == Approx(-1).margin(0.08));
  const auto spread = drawn("array[3] int x", "dirichlet_multinomial_rng([1, 2.5, 1.5]', 10)");
  CHECK(mean(spread, 1) == Approx(5).margin(0.1));
  CHECK(covariance(spread, 0, 1) == Approx(-10 * 0.2 * 0.5 * 15 / 6).margin(0.2));
  // Two states and two observations: the chances are those of hmm_hidden_state_prob.
  const std::string model = "([[-1, -0.2], [-0.5, -3]], [[0.9, 0.1], [0.3, 0.7]], [0.6, 0.4]')";
  const auto states = drawn("array[2] int x", "hmm_latent_rng" + model);
  const auto chances = drawn("matrix[2, 2] x", "hmm_hidden_state_prob" + model);
  for (const std::size_t n : {0u, 1u}) CHECK(mean(states, n) == Approx(1 + chances[0][2 * n + 1]).margin(0.016));
}

TEST_CASE("angles are drawn in the turn that their bounds name") {
  // The mean direction lies near the bound: a draw beyond it is the same angle one turn on.
  const std::string draws = "von_mises(0.1, 2);";
  const auto parameter = simulated(alone("real<lower=0, upper=2 * pi()> x;", "x ~ " + draws));
  const auto observed = simulated(
      "data { array[2] real<lower=-4> x; } parameters { real<lower=0, upper=1> u; } model { x ~ " + draws + " }");
  CHECK(std::all_of(observed.begin(), observed.end(),
                    [](const auto& row) { return row[1] >= -4 && row[1] < -4 + 2 * M_PI; }));
  CHECK(std::all_of(parameter.begin(), parameter.end(),
                    [](const auto& row) { return row[0] >= 0 && row[0] <= 2 * M_PI; }));
  const double length = 0.697774657964008; // I_1(2) / I_0(2)
  for (const auto* rows : {&parameter, &observed}) {
    CHECK(mean(*rows, [](const auto& row) { return std::cos(row[0] - 0.1); }) == Approx(length).margin(0.02));
    CHECK(mean(*rows, [](const auto& row) { return std::sin(row[0] - 0.1); }) == Approx(0).margin(0.025));
  }
}

TEST_CASE("regressions by their own distributions are drawn as they are by the ones that these mean") {
  const auto both = [](const std::string& type, const std::string& special, const std::string& general) {
    const auto text = [&](const std::string& distribution) {
      return "transformed data { matrix[2, 2] x = [[1, 2], [0.5, -1]]; vector[2] b = [0.3, -0.2]'; } data { " + type +
             " y; } parameters { real<lower=0, upper=1> a; } model { y ~ " + distribution + "; }";
    };
    CHECK(simulated(text(special), "y") == simulated(text(general), "y"));
  };
  both("vector[2]", "normal_id_glm(x, a, b, 2)", "normal(a + x * b, 2)");
  both("array[2] int", "poisson_log_glm(x, a, b)", "poisson_log(a + x * b)");
  both("array[2] int", "ordered_logistic_glm(x, b, [-1, 1]')", "ordered_logistic(x * b, [-1, 1]')");
}

TEST_CASE("a mixture that the density sums out is drawn from its parts") {
  const auto text = [](const std::string& mixture) {
    return "data { vector[2] y; } parameters { real<lower=0, upper=1> theta; real m; } model { theta ~ beta(6, 2); "
           "m ~ normal(0, 1); for (n in 1:2) target += " +
           mixture + "; }";
  };
  const std::string first = "normal_lpdf(y[n] | m + 40, 2)", second = "normal_lpdf(y[n] | m - 40, 1)";
  for (const std::string& mixture : {"log_mix(theta, " + first + ", " + second + ")",
                                     "log_sum_exp(log(theta) + " + first + ", log1m(theta) + " + second + ")",
                                     "log_sum_exp(" + second + " + log1p(-theta), log(theta) + " + first + ")"}) {
    INFO(mixture);
    const auto model = compile_text(text(mixture));
    CHECK(model->facts().has_density);
    const auto rows = simulated(text(mixture), "y");
    const auto is_first = [](double y) { return y > 0 ? 1.0 : 0.0; };
    // Chances are 3/4 on average, shared by both elements: a beta(6, 2) has a variance of 1/48.
    CHECK(mean(rows, [&](const auto& y) { return is_first(y[1]); }) == Approx(0.75).margin(0.016));
    CHECK(mean(rows, [&](const auto& y) { return is_first(y[0]) * is_first(y[1]); }) ==
          Approx(0.75 * 0.75 + 1.0 / 48).margin(0.018));
    CHECK(mean(rows, [&](const auto& y) { return is_first(y[0]) * (y[0] - 40) * (y[0] - 40); }) ==
          Approx(0.75 * 5).margin(0.25));
    CHECK(mean(rows, [&](const auto& y) { return (1 - is_first(y[0])) * (y[0] + 40) * (y[0] + 40); }) ==
          Approx(0.25 * 2).margin(0.1));
  }
  // Weights that do not go together, or densities of different variables, are no mixture of one.
  for (const std::string& other : {"log_sum_exp(log(theta) + " + first + ", log1m(m) + " + second + ")",
                                   std::string("log_mix(theta, ") + first + ", normal_lpdf(y[1] | 0, 1))",
                                   "log_sum_exp(log(theta) + " + first + ", log(theta) + " + second + ")"}) {
    INFO(other);
    CHECK_FALSE(compile_text(text(other))->facts().is_generative);
  }
}

TEST_CASE("rows of vectors are drawn each from its own distribution") {
  const auto rows =
      simulated("data { array[2] vector[2] y; matrix[2, 2] z; } parameters { array[2] vector[2] m; } "
                "model { m ~ multi_normal([1, 2]', identity_matrix(2)); y ~ multi_normal(m, 1e-6 * "
                "identity_matrix(2)); for (i in 1:2) z[i] ~ multi_normal(m[i], 1e-6 * identity_matrix(2)); }",
                "y");
  CHECK(mean(rows, 2) == Approx(1).margin(0.04));
  CHECK(mean(rows, 3) == Approx(2).margin(0.04));
  CHECK(covariance(rows, 0, 2) == Approx(0).margin(0.04));
}

TEST_CASE("draws in generated quantities have the shape of what is drawn") {
  const auto model = compile_text(
      "data { vector[2] m; array[3] vector[2] several; } parameters { real a; } model { a ~ normal(0, 1); } "
      "generated quantities { vector[2] one = multi_normal_rng(m, identity_matrix(2)); "
      "array[3] vector[2] all = multi_normal_rng(several, 1e-8 * identity_matrix(2)); "
      "corr_matrix[4] c = lkj_corr_rng(4, 2.0); cholesky_factor_corr[3] l = lkj_corr_cholesky_rng(3, 1); "
      "simplex[2] p = dirichlet_rng(m); cov_matrix[2] w = wishart_rng(4, identity_matrix(2)); }");
  CHECK(model->facts().find("c") >= 0);
}
