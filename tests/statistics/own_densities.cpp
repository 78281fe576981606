// Densities that the text defines: what they are made of is simulated, and the density is the same as without
// functions.
//
// A case has up to 5 means of 5,000 simulations that should be zero; one that is right passes 5.5 standard errors with
// a chance of 4e-8. Seeds are fixed besides.
#include "tests/compiled.hpp"
#include "tests/joint_discrepancy.hpp"

#include <catch2/catch.hpp>

using namespace sibyl;
using test::compiled;

namespace {

// `called`: with functions of the text; `written_out`: what these say, without.
void check_alike(const std::string& called, const std::string& written_out) {
  INFO(called);
  const auto model = compiled(called), other = compiled(written_out);
  INFO(model->facts().not_generative.text);
  CHECK(test::discrepancy(model, other) < 5.5);
  CHECK(test::discrepancy(other, model) < 5.5);
}

std::string counts(const std::string& functions, const std::string& body) {
  return "functions { " + functions +
         " } data { array[4] int<lower=0> y; } parameters { real<lower=0, upper=1> theta; "
         "real<lower=0> l; } model { theta ~ beta(3, 4); l ~ gamma(4, 2); " +
         body + " }";
}

const std::string zero_inflated =
    "if (y[n] == 0) target += log_sum_exp(bernoulli_lpmf(1 | theta), bernoulli_lpmf(0 | theta) + "
    "poisson_lpmf(0 | l)); else target += bernoulli_lpmf(0 | theta) + poisson_lpmf(y[n] | l);";
const std::string inflated_function =
    "real inflated_lpmf(int y, real rate, real zi) { if (y == 0) return log_sum_exp(bernoulli_lpmf(1 | zi), "
    "bernoulli_lpmf(0 | zi) + poisson_lpmf(0 | rate)); else return bernoulli_lpmf(0 | zi) + poisson_lpmf(y | rate); } ";

} // namespace

TEST_CASE("densities of the text are simulated by what they are made of") {
  const std::string expected = counts("", "for (n in 1:4) " + zero_inflated);
  check_alike(counts(inflated_function, "for (n in 1:4) target += inflated_lpmf(y[n] | l, theta);"), expected);
  check_alike(counts(inflated_function, "for (n in 1:4) y[n] ~ inflated(l, theta);"), expected);
  // What stands behind a branch that returns is its other branch; arguments are computed once.
  check_alike(
      counts("real other_lpmf(int y, real rate, real zi) { real c = bernoulli_lpmf(0 | zi); if (y == 0) { return "
             "log_sum_exp(bernoulli_lpmf(1 | zi), bernoulli_lpmf(0 | zi) + poisson_lpmf(0 | rate)); } return "
             "bernoulli_lpmf(0 | zi) + poisson_lpmf(y | rate); }",
             "for (n in 1:4) target += other_lpmf(y[n] | 2 * (l / 2), theta);"),
      expected);
  // Functions that call others, over parts of what they are given.
  check_alike(counts(inflated_function + "real some_lpmf(array[] int y, int first, int last, vector rate, real zi) { "
                                         "real lp = 0; for (i in 1:size(y)) lp += "
                                         "inflated_lpmf(y[i] | rate[first + i - 1], zi); return lp; }",
                     "vector[4] rates = rep_vector(l, 4); target += reduce_sum(some_lpmf, y, 1, rates, theta);"),
              expected);
  check_alike(counts("real wrapped_lpmf(array[] int y, real rate) { return poisson_lpmf(y | rate); } "
                     "real twice_lpmf(array[] int y, real rate) { return wrapped_lpmf(y[2:3] | rate); }",
                     "y[1] ~ poisson(l); target += twice_lpmf(y[1:4] | l) + wrapped_lpmf(y[4:] | theta);"),
              counts("", "y[1:3] ~ poisson(l); y[4] ~ poisson(theta);"));
  check_alike(
      counts("real adjacent_lpmf(int y, real mu, vector thres) { int K = num_elements(thres); vector[K + 1] p = "
             "append_row(0, cumulative_sum(mu - thres)); return p[y] - log_sum_exp(p); }",
             "for (n in 1:4) target += adjacent_lpmf(y[n] | l, [0.5, theta]');"),
      counts("", "for (n in 1:4) y[n] ~ categorical_logit([0, l - 0.5, 2 * l - 0.5 - theta]');"));
  check_alike(counts("void given_lp(array[] int y, real rate) { y ~ poisson(rate); }", "given_lp(y, l);"),
              counts("", "y ~ poisson(l);"));
}

TEST_CASE("a density of the text that draws a vector and has a branch of parameters is simulated") {
  const auto text = [](const std::string& functions, const std::string& body) {
    return "functions { " + functions +
           " } data { vector[4] y; } parameters { real m; real<lower=0> s; } model { m ~ normal(0, 1); s ~ "
           "lognormal(0, 0.5); " +
           body + " }";
  };
  check_alike(text("real heavy_lpdf(vector y, vector mu, real s) { if (s > 1) return student_t_lpdf(y | 5, mu, s); "
                   "else return normal_lpdf(y | mu, s); }",
                   "target += heavy_lpdf(y | rep_vector(m, 4), s);"),
              text("", "if (s > 1) y ~ student_t(5, m, s); else y ~ normal(m, s);"));
  check_alike(
      text("real blocks_lpdf(vector y, vector mu, matrix L, array[] int begin, array[] int end) { int I = "
           "size(begin); vector[I] lp; for (i in 1:I) { int n = end[i] - begin[i] + 1; matrix[n, n] A = L[1:n, 1:n]; "
           "lp[i] = multi_normal_cholesky_lpdf(y[begin[i]:end[i]] | mu[begin[i]:end[i]], A); } return sum(lp); }",
           "target += blocks_lpdf(y | rep_vector(m, 4), s * [[1, 0, 0], [0.5, 1, 0], [0.2, 0.1, 1]], {1, 4}, {3, 4});"),
      text("", "y[1:3] ~ multi_normal_cholesky(rep_vector(m, 3), s * [[1, 0, 0], [0.5, 1, 0], [0.2, 0.1, 1]]); y[4] "
               "~ normal(m, s);"));
}

TEST_CASE("a density of the text without a distribution of its outcome stays what it is") {
  const auto model = compiled("functions { real own_lpdf(real y, real m) { return -abs(y - m); } } data { real y; } "
                              "parameters { real m; } model { m ~ normal(0, 1); y ~ own(m); }");
  CHECK_FALSE(model->facts().is_generative);
  CHECK(model->facts().has_density);
}
