// Texts of older versions of Stan, and other ways of adding to the density: they mean what today's plainest text does.
#include "lang/check.hpp"
#include "lang/parse.hpp"
#include "runtime/model/density.hpp"
#include "runtime/model/simulator.hpp"
#include "tests/distribution_table.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

using namespace sibyl;
using namespace sibyl::test;

namespace {

// Log density and its gradient at 0.3, 0.1, -0.1, ..., and the data y = 1.5, -0.5, 2 (N = 3).
std::vector<double> density_of(const std::string& text, bool jacobian = true) {
  const auto model = compile_text(text);
  DataSet set;
  set.variables["N"] = {true, {}, {3}};
  set.variables["y"] = {false, {3}, {1.5, -0.5, 2}};
  const DataSet sets[] = {set};
  const std::size_t only[] = {0};
  Density density(model, 1);
  density.bind(gather(model->facts(), sets), only);
  const std::size_t n = density.parameter_count();
  for (std::size_t i = 0; i < n; ++i) density.points()[i] = 0.3 - 0.2 * static_cast<double>(i);
  density.evaluate(true, jacobian);
  std::vector<double> values{density.value(0)};
  values.insert(values.end(), density.gradient(), density.gradient() + n);
  return values;
}

void check_same(const std::string& one, const std::string& other) {
  INFO(one);
  const auto a = density_of(one), b = density_of(other);
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).epsilon(1e-14));
}

const std::string data = "data { int N; vector[N] y; } ";

std::vector<std::string> codes(const std::string& text) {
  const Source source("model.stan", text);
  const ParseResult parsed = parse(source);
  std::vector<std::string> found;
  for (const Diagnostic& one : parsed.diagnostics) found.push_back(one.code);
  if (parsed.program)
    for (const Diagnostic& one : check(*parsed.program, source).diagnostics) found.push_back(one.code);
  return found;
}

} // namespace

TEST_CASE("older spellings mean what today's do, and each kind is said once") {
  const std::string old = R"(# a comment
    functions {
      real[] twice(real[] x, int[,] k) { real z[size(x)]; for (i in 1:size(x)) z[i] <- 2 * x[i] - k[1, 1]; return z; }
      real shifted_log(real v, real m) { return normal_log(v, m, 1); }
    }
    data { int N; real y[N]; } # another
    transformed data { real t[N]; int k[1, 2]; k[1, 1] <- 3; k[1, 2] <- -k[1, 1]; t <- twice(y, k); }
    parameters { real mu; real<lower=0> s; simplex[2] th[2]; }
    transformed parameters { real q; real r; q <- mu < -1 ? 2 : -mu * 3; r <- mu ^ 2 > 3 || q < 1; }
    model {
      s ~ exponential(1);
      for (n in 1:N) y[n] ~ shifted(mu);
      increment_log_prob(normal_log(t, q + r, s));
      increment_log_prob(normal_cdf_log(mu, 0, 1) + normal_ccdf_log(mu, 0, 2) + if_else(mu > 0, 1.0, 2.0) * mu);
      increment_log_prob(th[1, 1] - th[2, 1]);
      if (t[1] && !y[2]) increment_log_prob(mu); else if (y[1]) increment_log_prob(3 * mu);
    })";
  const std::string today = R"(
    functions {
      array[] real twice(array[] real x, array[,] int k) {
        array[size(x)] real z;
        for (i in 1:size(x)) z[i] = 2 * x[i] - k[1, 1];
        return z;
      }
    }
    data { int N; array[N] real y; }
    transformed data { array[1, 2] int k = {{3, -3}}; array[N] real t = twice(y, k); }
    parameters { real mu; real<lower=0> s; array[2] simplex[2] th; }
    transformed parameters { real q = mu < -1 ? 2 : -mu * 3; real r = mu ^ 2 > 3 || q < 1; }
    model {
      s ~ exponential(1);
      y ~ normal(mu, 1);
      t ~ normal(q + r, s);
      target += normal_lcdf(mu | 0, 1) + normal_lccdf(mu | 0, 2) + (mu > 0 ? 1 : 2) * mu;
      target += th[1, 1] - th[2, 1];
      if (t[1] != 0 && y[2] == 0) target += mu; else if (y[1] != 0) target += 3 * mu;
    })";
  CHECK(codes(today).empty());
  check_same(old, today);
  for (const char* code : {"hash-comment", "old-array-syntax", "arrow-assignment", "old-density-name", "old-increment",
                           "old-function", "real-condition"}) {
    INFO(code);
    const auto found = codes(old);
    CHECK(std::count(found.begin(), found.end(), code) == 1);
  }
}

TEST_CASE("a list may be truncated like each of its elements") {
  const std::string parameters = "parameters { real m; vector<lower=0>[N] s; } ";
  for (const std::string bounds : {"T[-1, 4]", "T[-1, ]", "T[ , 4]"}) {
    check_same(data + parameters + "model { y ~ normal(m, s) " + bounds + "; }",
               data + parameters + "model { for (n in 1:N) y[n] ~ normal(m, s[n]) " + bounds + "; }");
    check_same(data + parameters + "model { y ~ student_t(3, m, 2) " + bounds + "; }",
               data + parameters + "model { for (n in 1:N) y[n] ~ student_t(3, m, 2) " + bounds + "; }");
  }
}

TEST_CASE("functions for the density add to it, and read what it has come to") {
  const std::string with = "functions { void prior_lp(real m, real s) { m ~ normal(0, 3); target += -s; } "
                           "real both_lp(real m) { real before = target(); target += m; return before; } } " +
                           data +
                           "parameters { real m; real s; } model { prior_lp(m, s); real b = both_lp(m); "
                           "target += 2 * b; profile(\"likelihood\") { y ~ normal(m, 1); } }";
  const std::string without = data + "parameters { real m; real s; } model { real p = normal_lpdf(m | 0, 3) - s; "
                                     "target += 3 * p + m + normal_lpdf(y | m, 1); }";
  check_same(with, without);
  CHECK_FALSE(compile_text(with)->facts().is_generative);
}

TEST_CASE("`jacobian` adds to the density of the unconstrained parameters alone") {
  const auto text = [](const std::string& of_jacobian, const std::string& of_target) {
    return "functions { real scaled_jacobian(real x) { jacobian += log(2.0) + x; return exp(x); } } " + data +
           "parameters { real<lower=0> a; real b; } transformed parameters { real c = " + of_jacobian + " } model { " +
           of_target + " c ~ exponential(1); a ~ exponential(2); y ~ normal(b, a); }";
  };
  const std::string with = text("scaled_jacobian(b); jacobian += b ^ 2;", ""), without = text("exp(b);", ""),
                    all = text("exp(b);", "target += log(2.0) + b + b ^ 2;");
  CHECK(density_of(with, true) == density_of(all, true));
  CHECK(density_of(with, false) == density_of(without, false));
  CHECK_FALSE(compile_text(with)->facts().is_generative);
}

TEST_CASE("log densities that a variable adds up are read as what draws") {
  const auto simulated = [](const std::string& text) {
    const auto model = compile_text(text);
    INFO(model->facts().not_generative.text);
    REQUIRE(model->facts().is_generative);
    DataSet given;
    given.variables["N"] = {true, {}, {3}};
    const SimulatedBatch batch = Simulator(model, {.design = given}).simulate(0, 20, 1);
    return batch.data.variables[static_cast<std::size_t>(model->facts().find("y"))].values;
  };
  const std::string parameters = "parameters { real b; real<lower=0> s; } ";
  const std::string plain = data + parameters + "model { b ~ normal(0, 1); s ~ student_t(3, 0, 2); y ~ normal(b, s); }";
  const std::string summed = data + parameters +
                             "transformed parameters { real prior = 0; prior += normal_lpdf(b | 0, 1); "
                             "prior += student_t_lpdf(s | 3, 0, 2) - 1 * student_t_lccdf(0 | 3, 0, 2); } "
                             "model { target += normal_lpdf(y | b, s); target += prior; }";
  const std::string in_model =
      data + parameters +
      "model { real sum_of = 0; sum_of += normal_lpdf(b | 0, 1) + student_t_lpdf(s | 3, 0, 2); "
      "for (n in 1:N) sum_of += normal_lpdf(y[n] | b, s); target += sum_of; }";
  CHECK(simulated(summed) == simulated(plain));
  CHECK(simulated(in_model).size() == simulated(plain).size());
  // The bound's constant is part of the density, as in Stan.
  const auto a = density_of(summed), b = density_of(plain), c = density_of(in_model);
  CHECK(a[0] == Approx(b[0] + std::log(2.0)).epsilon(1e-14));
  CHECK(c[0] == Approx(b[0]).epsilon(1e-14));
  for (std::size_t i = 1; i < a.size(); ++i) {
    CHECK(a[i] == Approx(b[i]).epsilon(1e-14));
    CHECK(c[i] == Approx(b[i]).epsilon(1e-14));
  }
  // It may be read elsewhere, too; but twice a log density is none of its variable.
  const auto read = [&](const std::string& added) {
    return data + parameters +
           "transformed parameters { real prior = 0; prior += normal_lpdf(b | 0, 1); } "
           "model { s ~ exponential(exp(prior)); target += " +
           added + "; y ~ normal(b, s); }";
  };
  CHECK(compile_text(read("prior"))->facts().is_generative);
  CHECK_FALSE(compile_text(read("2 * prior"))->facts().is_generative);
  // A term of observed data belongs to their density.
  const std::string of_data = data + parameters +
                              "model { b ~ normal(0, 1); s ~ exponential(1); y ~ normal(b, s); "
                              "target += -sum(square(y)); }";
  CHECK_FALSE(compile_text(of_data)->facts().is_generative);
}
