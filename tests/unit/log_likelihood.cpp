// The log likelihood by its terms: each against its own formula, and all together against density and prior.
#include "runtime/model/log_likelihood.hpp"
#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/model/density.hpp"
#include "runtime/model/parameters.hpp"
#include "tests/compiled.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <filesystem>
#include <numbers>
#include <set>

using namespace sibyl;
using test::compiled;

namespace {

struct Terms {
  Draws draws;
  PointwiseLikelihood likelihood;
  std::vector<double> rest; // of the log density, without the prior
};

// At a few points of the unconstrained space.
Terms terms_of(const std::shared_ptr<CompiledModel>& model, const DataSet& data) {
  const DataBatch batch = gather(model->facts(), std::span(&data, 1));
  Density density(model, 0, false);
  const auto lanes = static_cast<std::size_t>(density.lanes());
  density.bind(batch, std::vector<std::size_t>(lanes, 0));
  const std::size_t n = density.parameter_count();
  ParameterTransform transform(model);
  transform.bind(batch, 0);
  ModelCall prior(model, Precision::f64);
  prior.bind(batch, std::vector<std::size_t>(lanes, 0));
  prior.transform_data();
  double* at = prior.unconstrained_input(n);
  std::vector<double> points(lanes * n);
  for (std::size_t lane = 0; lane < lanes; ++lane)
    for (std::size_t p = 0; p < n; ++p) {
      const double value = 0.4 * std::sin(1.0 + 3.7 * static_cast<double>(lane) + 1.3 * static_cast<double>(p));
      density.points()[p * lanes + lane] = at[p * lanes + lane] = points[lane * n + p] = value;
    }
  density.evaluate(false, false);
  prior.run("log_prior", {.include_jacobian = false});
  Terms result;
  for (std::size_t lane = 0; lane < lanes; ++lane)
    result.rest.push_back(density.value(static_cast<int>(lane)) - prior.log_density(static_cast<int>(lane)));
  result.draws = transform.constrain(points, Outputs::parameters);
  result.likelihood = log_likelihood(model, data, result.draws);
  return result;
}

void check_sum(const Terms& terms) {
  const std::size_t points = terms.likelihood.points.size();
  REQUIRE(points > 0);
  for (std::size_t s = 0; s < terms.rest.size(); ++s) {
    double sum = 0;
    for (std::size_t i = 0; i < points; ++i) sum += terms.likelihood.values[s * points + i];
    if (std::isfinite(terms.rest[s])) CHECK(sum == Approx(terms.rest[s]).epsilon(1e-9).margin(1e-8));
  }
}

double log_normal(double x, double mean, double sd) {
  return -0.5 * std::pow((x - mean) / sd, 2) - std::log(sd) - 0.5 * std::log(2 * std::numbers::pi);
}

} // namespace

TEST_CASE("terms belong to their elements, and variables of one plate share points") {
  const auto model = compiled(R"(
    data { int N; vector[N] y; array[N] int c; real z; }
    parameters { real mu; real<lower=0> s; }
    model {
      mu ~ normal(0, 1);
      s ~ exponential(1);
      target += normal_lpdf(y | mu, s);
      for (n in 1:N) c[n] ~ poisson(exp(mu));
      z ~ normal(mu, 2);
    })");
  const DataSet data{"",
                     {{"N", {true, {}, {3}}},
                      {"y", {false, {3}, {0.5, -1, 2}}},
                      {"c", {true, {3}, {0, 1, 3}}},
                      {"z", {false, {}, {0.7}}}}};
  const Terms terms = terms_of(model, data);
  CHECK(terms.likelihood.points == std::vector<std::string>{"y[1], c[1]", "y[2], c[2]", "y[3], c[3]", "z"});
  check_sum(terms);
  const double y[] = {0.5, -1, 2}, c[] = {0, 1, 3};
  for (std::size_t s = 0; s < terms.draws.row_count; ++s) {
    const double mu = terms.draws.at(s, 0), sd = terms.draws.at(s, 1);
    for (std::size_t i = 0; i < 3; ++i)
      CHECK(terms.likelihood.values[s * 4 + i] ==
            Approx(log_normal(y[i], mu, sd) + c[i] * mu - std::exp(mu) - std::lgamma(c[i] + 1)));
    CHECK(terms.likelihood.values[s * 4 + 3] == Approx(log_normal(0.7, mu, 2)));
  }
}

// The density is compiled with all effort, its part that is the prior with less: without data they are the same.
TEST_CASE("code that is compiled in less time computes the same bits") {
  const auto model = compiled(R"(
    functions {
      real walk(vector x, real a) {
        real t = 0;
        for (i in 1:size(x)) { if (x[i] > a) t += log1p_exp(x[i]); else t = a * t - sin(x[i]); }
        return t;
      }
    }
    data { int N; vector[N] z; }
    parameters { vector[7] x; real<lower=0> s; matrix[3, 3] A; real<lower=0, upper=1> p; simplex[3] w; }
    model {
      z ~ normal(x[1], s); x ~ normal(0, s); s ~ gamma(2, 3); to_vector(A) ~ student_t(3, 0, 1); p ~ beta(2, 2);
      target += walk(x, 0.1) + log_determinant(A * A' + diag_matrix(rep_vector(1, 3)));
      target += log_mix(p, normal_lpdf(x[1] | 0, s), normal_lpdf(x[1] | 1, 2)) + dot_product(log(w), cumulative_sum(w));
    })");
  const Terms terms = terms_of(model, {"", {{"N", {true, {}, {0}}}, {"z", {false, {0}, {}}}}});
  REQUIRE(terms.rest.size() > 1);
  for (const double rest : terms.rest) CHECK(rest == 0);
}

TEST_CASE("rows that are drawn whole, mixtures and point masses are points") {
  const auto model = compiled(R"(
    data { int N; int J; array[N] vector[2] y; array[N] int<lower=0> c; vector[J] x; array[J] int<lower=0, upper=J> k; }
    parameters { vector[2] mu; real<lower=0> s; real<lower=0, upper=1> theta; }
    model {
      mu ~ normal(0, 1); s ~ exponential(1); theta ~ beta(2, 2);
      y ~ multi_normal(mu, diag_matrix(rep_vector(square(s), 2)));
      for (n in 1:N) {
        if (c[n] == 0)
          target += log_sum_exp(bernoulli_lpmf(1 | theta), bernoulli_lpmf(0 | theta) + poisson_lpmf(c[n] | s));
        else target += bernoulli_lpmf(0 | theta) + poisson_lpmf(c[n] | s);
      }
      for (j in 1:J) target += log_mix(theta, normal_lpdf(x[k[j]] | mu[1], 1), normal_lpdf(x[k[j]] | mu[2], s));
    })");
  const DataSet data{"",
                     {{"N", {true, {}, {3}}},
                      {"J", {true, {}, {2}}},
                      {"y", {false, {3, 2}, {0.1, 0.2, 1, -0.4, 0.3, 2}}},
                      {"c", {true, {3}, {0, 2, 0}}},
                      {"x", {false, {2}, {0.4, -1.5}}},
                      {"k", {true, {2}, {2, 1}}}}};
  const Terms terms = terms_of(model, data);
  check_sum(terms);
  CHECK(terms.likelihood.points.size() == 5);
  const auto place = [&](const std::string& name) {
    const auto& all = terms.likelihood.points;
    const auto found = std::find(all.begin(), all.end(), name);
    REQUIRE(found != all.end());
    return static_cast<std::size_t>(found - all.begin());
  };
  for (std::size_t s = 0; s < terms.draws.row_count; ++s) {
    const double mu[] = {terms.draws.at(s, 0), terms.draws.at(s, 1)}, sd = terms.draws.at(s, 2),
                 theta = terms.draws.at(s, 3);
    CHECK(terms.likelihood.values[s * 5 + place("x[2]")] ==
          Approx(std::log(theta * std::exp(log_normal(-1.5, mu[0], 1)) +
                          (1 - theta) * std::exp(log_normal(-1.5, mu[1], sd)))));
    CHECK(terms.likelihood.values[s * 5 + place("y[1], c[1]")] ==
          Approx(log_normal(0.1, mu[0], sd) + log_normal(0.2, mu[1], sd) +
                 std::log(theta + (1 - theta) * std::exp(-sd))));
  }
}

TEST_CASE("what a latent is summed out of is the point that it is about") {
  const auto model = compiled(R"(
    data { int N; vector[N] y; array[N] int c; }
    parameters { vector[2] mu; real<lower=0, upper=1> theta; }
    model {
      mu ~ normal(0, 1); theta ~ beta(2, 2);
      for (n in 1:N) {
        int z;
        z ~ bernoulli(theta);
        y[n] ~ normal(mu[z + 1], 1);
        c[n] ~ poisson(1 + z);
      }
    })");
  const DataSet data{"", {{"N", {true, {}, {2}}}, {"y", {false, {2}, {0.4, -1.5}}}, {"c", {true, {2}, {1, 3}}}}};
  const Terms terms = terms_of(model, data);
  check_sum(terms);
  REQUIRE(terms.likelihood.points == std::vector<std::string>{"y[1], c[1]", "y[2], c[2]"});
  for (std::size_t s = 0; s < terms.draws.row_count; ++s) {
    const double mu[] = {terms.draws.at(s, 0), terms.draws.at(s, 1)}, theta = terms.draws.at(s, 2);
    CHECK(terms.likelihood.values[s * 2 + 1] ==
          Approx(std::log((1 - theta) * std::exp(log_normal(-1.5, mu[0], 1) - 1) / 6 +
                          theta * std::exp(log_normal(-1.5, mu[1], 1) - 2) * 8 / 6)));
  }
  // One label for all of the data: their terms cannot be told apart.
  const auto whole = compiled(R"(
    data { int N; vector[N] y; }
    parameters { vector[2] mu; }
    model { mu ~ normal(0, 1); int z; z ~ bernoulli(0.3); y ~ normal(mu[z + 1], 1); })");
  CHECK_FALSE(why_no_log_likelihood(*whole).empty());
}

TEST_CASE("residuals' terms are those of their data") {
  const DataSet data{"",
                     {{"N", {true, {}, {4}}},
                      {"x", {false, {4}, {0.3, -1, 2, 0.4}}},
                      {"y", {false, {4}, {0.5, -1, 2, 0.7}}}}};
  const std::string declared =
      "data { int N; vector[N] x; vector[N] y; } parameters { real a; real<lower=0> s; } model { a ~ normal(0, 1); s ~ "
      "exponential(1); ";
  // Of each text, how many of the first data have no term, and whether the datum before is in a residual.
  struct Text {
    std::string model;
    std::size_t first = 0;
    bool is_autoregression = false;
  };
  for (const auto& [text, first, is_autoregression] :
       {Text{"y - a * x ~ normal(0, s);"}, Text{"vector[N] e = y - a * x; e ~ normal(0, s);"},
        Text{"vector[N] e; for (n in 1:N) e[n] = y[n] - a * x[n]; target += normal_lpdf(e | 0, s);"},
        Text{"for (n in 1:N) { real e = y[n] - a * x[n]; e ~ normal(0, s); }"},
        Text{"for (n in 1:N) target += normal_lpdf(y[n] - a * x[n] | 0, s);"},
        Text{"y[2:N] - a * y[1:(N - 1)] ~ normal(0, s);", 1, true},
        Text{"for (n in 2:N) -a * y[n - 1] + y[n] ~ normal(0, s);", 1, true}}) {
    INFO(text);
    const auto model = compiled(declared + text + " }");
    REQUIRE(why_no_log_likelihood(*model).empty());
    const Terms terms = terms_of(model, data);
    const auto &x = data.variables.at("x").values, &y = data.variables.at("y").values;
    const std::size_t points = terms.likelihood.points.size();
    REQUIRE(points == 4 - first);
    for (std::size_t i = 0; i < terms.draws.row_count; ++i)
      for (std::size_t n = first; n < 4; ++n) {
        const double residual = y[n] - terms.draws.at(i, 0) * (is_autoregression ? y[n - 1] : x[n]);
        CHECK(terms.likelihood.values[i * points + n - first] == Approx(log_normal(residual, 0, terms.draws.at(i, 1))));
      }
  }
  // Elements that belong to others of the data are not told apart.
  const auto shifted = compiled(declared + "vector[N] e; for (n in 1:N) e[n] = y[N + 1 - n] - a; e ~ normal(0, s); }");
  CHECK_FALSE(why_no_log_likelihood(*shifted).empty());
}

TEST_CASE("the terms of posteriordb's models sum to the density without the prior") {
  const std::filesystem::path folder = std::string(SIBYL_SOURCE_DIR) + "/tests/models/posteriordb";
  // Captures of one animal share the sum over whether it is there, two series that over the states behind them.
  const std::set<std::string> with_shared_sums = {"Mb_data-Mb_model", "Mt_data-Mt_model", "Mtbh_data-Mtbh_model",
                                                  "bball_drive_event_1-hmm_drive_1"};
  int compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().stem();
    const std::filesystem::path file = folder / "data" / (name.substr(0, name.find('-')) + ".json");
    if (entry.path().extension() != ".stan" || !std::filesystem::exists(file)) continue;
    INFO(name);
    const auto model = compiled(read_file(entry.path()));
    if (!why_no_log_likelihood(*model).empty()) {
      CHECK((!model->facts().simulates_data || with_shared_sums.contains(name)));
      continue;
    }
    check_sum(terms_of(model, read_data_sets(file, model->facts()).data_sets.front()));
    ++compared;
  }
  CHECK(compared >= 10);
}

TEST_CASE("a text whose terms belong to no data says so") {
  const auto model = compiled("data { real y; } parameters { real mu; } model { target += -square(mu - y); }");
  const DataSet data{"", {{"y", {false, {}, {1}}}}};
  CHECK_FALSE(why_no_log_likelihood(*model).empty());
  CHECK_THROWS_WITH(log_likelihood(model, data, {}), Catch::Contains("`log_lik`"));
}

TEST_CASE("outcomes of densities that the text defines are points") {
  const auto model = compiled(R"(
    functions {
      real bell_lpdf(real y, real m) { return -0.5 * square(y - m); }
      real bell_rng(real m) { return normal_rng(m, 1); }
    }
    data { int N; vector[N] y; }
    parameters { real m; }
    model { m ~ bell(0); for (n in 1:N) y[n] ~ bell(m); })");
  const Terms terms = terms_of(model, {"", {{"N", {true, {}, {3}}}, {"y", {false, {3}, {0.5, -1, 2}}}}});
  CHECK(terms.likelihood.points == std::vector<std::string>{"y[1]", "y[2]", "y[3]"});
  check_sum(terms);
}

TEST_CASE("what draws a copy of parameters is no point") {
  const auto model = compiled(R"(
    data { int N; vector[N] y; }
    parameters { real a; vector[2] b; simplex[2] w; }
    transformed parameters {
      array[2] vector[2] d;
      vector[2] v = w;
      d[2, 2] = 1;
      for (k in 1:2) d[k, 1] = b[k];
      d[1, 2] = a;
    }
    model { v ~ dirichlet([2, 3]'); a ~ normal(0, 1); b ~ normal(0, 1); y ~ normal(d[1, 1] + v[1], 1); })");
  const Terms terms = terms_of(model, {"", {{"N", {true, {}, {2}}}, {"y", {false, {2}, {0.5, -1}}}}});
  CHECK(terms.likelihood.points == std::vector<std::string>{"y[1]", "y[2]"});
  check_sum(terms);
}
