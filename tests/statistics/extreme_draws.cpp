// Every sampler at extreme parameters, and every distribution truncated far out in its tails: draws fall into bins of
// known probability and have the right mean and standard deviation, in double and in float; or there is an error that
// says why.
//
// False alarms: each comparison fails for a right sampler at once in 10,000 seeds or less; there are some 500 of them,
// and the seed is fixed.
#include "lang/errors.hpp"
#include "runtime/model/density.hpp"
#include "runtime/model/simulator.hpp"
#include "tests/distribution_table.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>

using namespace sibyl;
using namespace sibyl::test;

namespace {

constexpr std::size_t draws = 20000;
constexpr double z = 3.9; // of a standard normal, exceeded once in 10,000

struct Row {
  std::string statement;
  bool is_discrete = false, double_only = false;
  std::vector<double> edges, probabilities;
  nlohmann::json moments;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table = [] {
    std::ifstream file(std::string(SIBYL_SOURCE_DIR) + "/tests/statistics/extreme_draws.json");
    std::vector<Row> read;
    for (const nlohmann::json& row : nlohmann::json::parse(file))
      read.push_back({row.at("statement"), row.at("outcome") == "int", row.at("double_only"),
                      row.at("edges").get<std::vector<double>>(), row.at("probabilities").get<std::vector<double>>(),
                      row.at("moments")});
    return read;
  }();
  return table;
}

std::string text_of(const std::string& statement, bool is_discrete) {
  return "data { " + std::string(is_discrete ? "int" : "real") +
         " y; } parameters { real u; } model { u ~ normal(0, 1); y ~ " + statement + "; }";
}

std::vector<double> values_of_y(const std::shared_ptr<CompiledModel>& model, Precision precision) {
  const SimulatedBatch batch = Simulator(model, {.precision = precision}).simulate(0, draws, 2025);
  CHECK(batch.left_out.count() == 0);
  for (std::size_t i = 0; i < model->facts().variables.size(); ++i)
    if (model->facts().variables[i].name == "y") return batch.data.variables[i].values;
  return {};
}

// As a number of that precision.
double rounded(double value, bool is_discrete, Precision precision) {
  return precision == Precision::f64 || is_discrete ? value : static_cast<double>(static_cast<float>(value));
}

void check_bins(const Row& row, const std::vector<double>& values, Precision precision) {
  std::vector<double> edges, probabilities;
  double pending = 0;
  for (std::size_t i = 0; i < row.edges.size(); ++i) { // bins that the precision does not tell apart are one
    pending += row.probabilities[i];
    const double edge = rounded(row.edges[i], row.is_discrete, precision);
    const bool is_lost = precision == Precision::f32 && row.edges[i] != 0 && std::abs(edge) < 1.2e-38;
    if (is_lost || (i + 1 < row.edges.size() && rounded(row.edges[i + 1], row.is_discrete, precision) == edge))
      continue;
    edges.push_back(edge);
    probabilities.push_back(pending);
    pending = 0;
  }
  probabilities.push_back(pending + row.probabilities.back());
  std::vector<double> counts(probabilities.size());
  for (const double value : values) {
    REQUIRE(!std::isnan(value));
    ++counts[static_cast<std::size_t>(std::lower_bound(edges.begin(), edges.end(), value) - edges.begin())];
  }
  double sum = 0, degrees = -1;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double mean = probabilities[i] * static_cast<double>(draws);
    if (mean < 5) { // too rare for a normal approximation: no more than could be by chance
      CHECK(counts[i] <= mean + 8 * std::sqrt(mean) + 4);
      continue;
    }
    sum += (counts[i] - mean) * (counts[i] - mean) / mean;
    ++degrees;
  }
  if (degrees < 1) return;
  const double t = 2 / (9 * degrees); // Wilson and Hilferty's approximation of chi-square's quantile
  CHECK(sum < degrees * std::pow(1 - t + 3.719 * std::sqrt(t), 3));
}

void check_moments(const Row& row, const std::vector<double>& values) {
  if (row.moments.is_null()) return;
  const double mean = row.moments.at("mean"), sd = row.moments.at("sd"), kurtosis = row.moments.at("kurtosis");
  double sum = 0, squares = 0;
  for (const double value : values) {
    sum += (value - mean) / sd;
    squares += (value - mean) / sd * ((value - mean) / sd);
  }
  const auto n = static_cast<double>(draws);
  CHECK(std::abs(sum / n) < z / std::sqrt(n));
  // The tails of a mean of squares are longer than the normal's: thrice that distance where they are long.
  CHECK(std::abs(squares / n - 1) < (kurtosis > 5 ? 3 : 1) * z * std::sqrt((kurtosis - 1) / n) + 1e-3);
}

void check_rows(Precision precision) {
  for (const Row& row : rows()) {
    if (precision == Precision::f32 && row.double_only) continue;
    INFO(row.statement << (precision == Precision::f32 ? " in float" : " in double"));
    const auto values = values_of_y(compile_text(text_of(row.statement, row.is_discrete)), precision);
    REQUIRE(values.size() == draws);
    check_bins(row, values, precision);
    check_moments(row, values);
  }
}

// The message of the first simulation that failed; all must.
std::string failure_of(const std::string& text) {
  std::string messages;
  const auto model = compile_text(text);
  for (const Precision precision : {Precision::f64, Precision::f32}) {
    try {
      Simulator(model, {.precision = precision}).simulate(0, 16, 1);
      return "no failure";
    } catch (const RuntimeError& error) {
      messages = error.what();
    }
  }
  return messages;
}

} // namespace

TEST_CASE("extreme and truncated draws follow their distributions in double") { check_rows(Precision::f64); }
TEST_CASE("extreme and truncated draws follow their distributions in float") { check_rows(Precision::f32); }

TEST_CASE("what cannot be drawn is an error that names the place") {
  struct Refusal {
    std::string statement;
    bool is_discrete;
    std::string message;
  };
  const Refusal refusals[] = {
      {"poisson(1e12)", true, "must be < 1073741824 to be drawn from"},
      {"poisson(infinite)", true, "must be < 1073741824 to be drawn from"},
      {"poisson(unknown)", true, "`lambda` of `poisson` is nan, must be >= 0"},
      {"poisson_log(40)", true, "`alpha` of `poisson_log` is 40, must be < 20.79441541679836 to be drawn from"},
      {"poisson_log(unknown)", true, "`alpha` of `poisson_log` is nan, must be finite"},
      {"neg_binomial_2(1e15, 20)", true, "the negative binomial distribution drew a Poisson rate of"},
      {"neg_binomial_2_log(60, 20)", true, "the negative binomial distribution drew a Poisson rate of"},
      {"neg_binomial_2(infinite, 20)", true, "`mu` of `neg_binomial_2` is inf, must be finite"},
      {"neg_binomial_2(3, infinite)", true, "`phi` of `neg_binomial_2` is inf, must be finite"},
      {"gamma(infinite, 1)", false, "`alpha` of `gamma` is inf, must be finite"},
      {"gamma(1, infinite)", false, "`beta` of `gamma` is inf, must be finite"},
      {"gamma(unknown, 1)", false, "`alpha` of `gamma` is nan, must be > 0"},
      {"inv_gamma(infinite, 1)", false, "`alpha` of `inv_gamma` is inf, must be finite"},
      {"chi_square(infinite)", false, "`nu` of `chi_square` is inf, must be finite"},
      {"beta(infinite, 1)", false, "`alpha` of `beta` is inf, must be finite"},
      {"beta(1, unknown)", false, "`beta` of `beta` is nan, must be > 0"},
      {"beta_binomial(3, 1, infinite)", true, "`beta` of `beta_binomial` is inf, must be finite"},
      {"student_t(infinite, 0, 1)", false, "`nu` of `student_t` is inf, must be finite"},
      {"student_t(3, 0, infinite)", false, "`sigma` of `student_t` is inf, must be finite"},
      {"normal(0, infinite)", false, "`sigma` of `normal` is inf, must be finite to be drawn from"},
      {"normal(unknown, 1)", false, "`mu` of `normal` is nan, must be finite"},
      {"lognormal(0, infinite)", false, "`sigma` of `lognormal` is inf, must be finite"},
      {"cauchy(0, infinite)", false, "`sigma` of `cauchy` is inf, must be finite"},
      {"logistic(0, infinite)", false, "`sigma` of `logistic` is inf, must be finite"},
      {"double_exponential(0, infinite)", false, "`sigma` of `double_exponential` is inf, must be finite"},
      {"exponential(infinite)", false, "`beta` of `exponential` is inf, must be finite"},
      {"weibull(infinite, 1)", false, "`alpha` of `weibull` is inf, must be finite"},
      {"uniform(0, infinite)", false, "`beta` of `uniform` is inf, must be finite"},
      {"binomial(10, unknown)", true, "`theta` of `binomial` is nan, must be >= 0"},
      {"binomial(-1, 0.5)", true, "`N` of `binomial` is -1, must be >= 0"},
      {"binomial_logit(10, unknown)", true, "`alpha` of `binomial_logit` is nan, must be finite"},
      {"bernoulli(1.5)", true, "`theta` of `bernoulli` is 1.5, must be <= 1"},
      {"bernoulli_logit(unknown)", true, "`alpha` of `bernoulli_logit` is nan, must be finite"},
      {"categorical([0.5, 0.2]')", true, "`theta` of `categorical` must be a simplex"},
      {"categorical([unknown, 0.2]')", true, "`theta` of `categorical` must be a simplex"},
      {"categorical_logit([0, infinite]')", true, "`beta` of `categorical_logit` must be finite"},
      {"discrete_range(3, 2)", true, "`upper` of `discrete_range` is 2, must be >= lower"},
      {"normal(0, 1) T[2, 1]", false, "`y` cannot be drawn: `normal` has no mass between its bounds 2 and 1"},
      {"normal(0, 1) T[unknown, ]", false, "`y` cannot be drawn: `normal` has no mass between its bounds"},
      {"gamma(2, 1) T[ , -1]", false, "`y` cannot be drawn: `gamma` has no mass between its bounds"},
      {"uniform(0, 1) T[2, 3]", false, "`y` cannot be drawn: `uniform` has no mass between its bounds"},
      {"poisson(3) T[ , -1]", true, "`y` cannot be drawn: `poisson` has no mass between its bounds"},
      {"binomial(5, 0.5) T[6, ]", true, "`y` cannot be drawn: `binomial` has no mass between its bounds"},
  };
  for (const Refusal& refusal : refusals) {
    INFO(refusal.statement);
    const std::string text = "data { " + std::string(refusal.is_discrete ? "int" : "real") +
                             " y; } parameters { real u; } model { u ~ normal(0, 1);\n"
                             "  real infinite = positive_infinity(); real unknown = not_a_number();\n  y ~ " +
                             refusal.statement + ";\n}";
    const std::string message = failure_of(text);
    CHECK_THAT(message, Catch::Contains(refusal.message));
    CHECK_THAT(message, Catch::Contains("test.sib:3:"));
  }
}

TEST_CASE("a scalar argument beside a list is checked, too") {
  const auto failure = [](const std::string& call, const std::string& type = "vector[3]") -> std::string {
    const auto model =
        compile_text("data { int y; }\ntransformed data { vector[3] ones = rep_vector(1, 3);\n  " + type +
                     " z = " + call + "; }\nparameters { real u; } model { u ~ normal(0, 1); y ~ poisson(1); }");
    DataSet set;
    set.variables["y"] = {true, {}, {1}};
    const DataSet sets[] = {set};
    const DataBatch batch = gather(model->facts(), sets);
    const std::size_t only[] = {0};
    try {
      Density(model, 1).bind(batch, only);
    } catch (const RuntimeError& error) {
      return error.what();
    }
    return "no failure";
  };
  CHECK(failure("to_vector(normal_rng(ones, 1))") == "no failure");
  CHECK_THAT(failure("to_vector(normal_rng(ones, -1))"),
             Catch::Contains("`sigma` of `normal` is -1, must be > 0") && Catch::Contains("test.sib:3:"));
  CHECK_THAT(failure("to_vector(normal_rng(not_a_number(), ones))"), Catch::Contains("`mu` of `normal` is nan"));
  CHECK_THAT(failure("to_vector(gamma_rng(-1, ones))"), Catch::Contains("`alpha` of `gamma` is -1, must be > 0"));
  CHECK_THAT(failure("to_vector(gamma_rng(ones, positive_infinity()))"), Catch::Contains("`beta` of `gamma` is inf"));
  CHECK_THAT(failure("binomial_rng(-2, ones / 2)", "array[3] int"), Catch::Contains("`N` of `binomial` is -2"));
  CHECK_THAT(failure("to_vector(student_t_rng(3, ones, 0))"), Catch::Contains("`sigma` of `student_t` is 0"));
  CHECK_THAT(failure("to_vector(uniform_rng(2, ones))"), Catch::Contains("must be > alpha"));
  CHECK_THAT(failure("multi_normal_cholesky_rng(ones, diag_matrix(-ones))"),
             Catch::Contains("`L` of `multi_normal_cholesky` must satisfy min(diagonal(L)) > 0"));
}

TEST_CASE("a parameter without a prior is drawn between bounds only where they are some") {
  const auto failure = [](const std::string& bounds) {
    return failure_of("data { int y; } transformed data { real low = -1; }\nparameters { real u;\n  real<" + bounds +
                      "> p; }\nmodel { u ~ normal(0, 1); y ~ poisson(1); }");
  };
  CHECK(failure("lower=-1, upper=2") == "no failure");
  CHECK_THAT(failure("lower=2, upper=low"),
             Catch::Contains("`p` cannot be drawn uniformly between its bounds 2 and -1"));
  CHECK_THAT(failure("lower=0, upper=positive_infinity()"),
             Catch::Contains("`p` cannot be drawn uniformly between its bounds 0 and inf") &&
                 Catch::Contains("test.sib:3:"));
}
