// Draws whose left side is an expression: lists, shifted and scaled parameters, functions of data, and effects that add
// up to zero. The joint distribution that is simulated must be the one that the density is of
// (tests/joint_discrepancy.hpp).
//
// A case has up to 8 means of 5,000 simulations; one that is right passes 5.5 standard errors with a chance of 4e-8,
// about 1e-5 for all cases together, heavier tails included. Seeds are fixed besides.
#include "tests/compiled.hpp"
#include "tests/joint_discrepancy.hpp"

using namespace sibyl;
using Catch::Contains;
using test::compiled;

namespace {

double discrepancy(const std::string& text, const std::string& of) {
  INFO(text);
  return test::discrepancy(compiled(text), compiled(of));
}
double discrepancy(const std::string& text) { return discrepancy(text, text); }

std::string refusal(const std::string& text) {
  INFO(text);
  const Facts facts = compiled(text)->facts();
  CHECK(facts.has_density);
  return facts.is_generative ? "generative" : facts.not_generative.text;
}

std::string two(const std::string& model) {
  return "data { array[3] real y; array[2] int<lower=0> k; } parameters { real a; real b; vector[2] u; real<lower=0, "
         "upper=1> p; } model { " +
         model + " }";
}
const std::string rest = " y ~ normal(a + b * u[1], 1); k ~ binomial(5, p);";

} // namespace

TEST_CASE("a list is drawn part by part") {
  const std::string plain =
      two("a ~ normal(0, 1); b ~ normal(1, 2); u ~ normal(0, 0.5); p ~ beta(2, 3);" + rest);
  for (const std::string& text :
       {two("[a, b] ~ normal([0, 1], [1, 2]); u ~ normal(0, 0.5); p ~ beta(2, 3);" + rest),
        two("{a, b} ~ normal({0, 1}, {1, 2}); u ~ normal(0, 0.5); p ~ beta(2, 3);" + rest),
        two("[a, b]' ~ normal([0, 1]', [1, 2]'); u ~ normal(0, 0.5); p ~ beta(2, 3);" + rest),
        two("target += normal_lpdf([a, b] | [0, 1], [1, 2]) + normal_lpdf(u | 0, 0.5) + beta_lpdf(p | 2, 3);" + rest),
        two("a ~ normal(0, 1); b ~ normal(1, 2); append_row(u[1:1], u[2:2]) ~ normal(0, 0.5); p ~ beta(2, 3); "
            "{y[1], y[2]} ~ normal(a + b * u[1], 1); y[3] ~ normal(a + b * u[1], 1); {k[1], k[2]} ~ binomial(5, p);")})
    CHECK(discrepancy(text, plain) < 5.5);
  const std::string same_scale = two("append_row(a, append_row(u, b)) ~ normal(0, 1); p ~ beta(2, 3);" + rest);
  CHECK(discrepancy(same_scale) < 5.5);
  CHECK(discrepancy(same_scale, plain) > 8);
}

TEST_CASE("a list is drawn together from a distribution of vectors") {
  const auto with = [](const std::string& draw) {
    return "data { array[3] real y; array[3] real x; } parameters { vector[3] a; vector[3] b; vector[2] m; "
           "real<lower=-1, upper=1> r; } model { matrix[2, 2] S = [[1, 0.4 * r], [0.4 * r, 0.5]]; m ~ normal(0, 1); " +
           draw + " for (n in 1:3) y[n] ~ normal(a[n] + b[n], 1); for (n in 1:3) x[n] ~ normal(a[n], 0.5); }";
  };
  const std::string copied =
      with("array[3] vector[2] ab; for (j in 1:3) ab[j] = [a[j], b[j]]'; ab ~ multi_normal(m, S);");
  CHECK(discrepancy(copied) < 5.5);
  CHECK(discrepancy(with("for (j in 1:3) [a[j], b[j]]' ~ multi_normal(m, S);"), copied) < 5.5);
  CHECK(discrepancy(with("for (j in 1:3) target += multi_normal_cholesky_lpdf([a[j], b[j]]' | m, "
                         "cholesky_decompose(S));"),
                    copied) < 5.5);
  CHECK(discrepancy(with("for (j in 1:3) [b[j], a[j]]' ~ multi_normal(m, S);"), copied) > 8);
  CHECK(discrepancy("data { array[4] real x; array[4] real y; } parameters { vector[2] m; real<lower=-1, upper=1> r; } "
                    "model { m ~ normal(0, 1); for (n in 1:4) [x[n], y[n]]' ~ multi_normal(m, [[1, r], [r, 2]]); }") <
        5.5);
}

TEST_CASE("a shifted or scaled parameter is drawn, where its scale is not random") {
  const auto with = [](const std::string& declaration, const std::string& draw) {
    return "data { int N; array[3] real y; real c; } design { N = 3; c = 2; } parameters { real<lower=0> s; " +
           declaration + " } model { s ~ lognormal(0, 0.3); " + draw + " y ~ normal(r, s); }";
  };
  const std::string correlation = "real<lower=-1, upper=1> r;";
  CHECK(discrepancy(with(correlation, "(r + 1) / 2 ~ beta(2, 3);")) < 5.5);
  CHECK(discrepancy(with(correlation, "0.5 * (1 - r) ~ beta(2, 3);")) < 5.5);
  CHECK(discrepancy(with(correlation, "0.5 * (1 - r) ~ beta(2, 3);"), with(correlation, "(r + 1) / 2 ~ beta(2, 3);")) >
        8);
  CHECK(discrepancy(with("real r;", "r - s ~ normal(0, s);")) < 5.5);
  CHECK(discrepancy(with("real r;", "c * r ~ normal(1, s);")) < 5.5);
  CHECK(discrepancy(with("real<lower=1> r;", "r - 1 ~ exponential(2);")) < 5.5);
  CHECK(discrepancy("data { vector[3] y; } parameters { vector<lower=-1, upper=1>[3] r; } model { (r + 1) / 2 ~ "
                    "beta([2, 3, 4]', 3); y ~ normal(r, 1); }") < 5.5);
  const std::string expression = "the left side of `~` is an expression";
  CHECK_THAT(refusal(with("real r;", "r / s ~ normal(0, 1);")), Contains(expression));        // a density of s, too
  CHECK_THAT(refusal(with("real<lower=0> r;", "r - s ~ normal(0, 1);")), Contains(expression)); // cut off anywhere
  CHECK_THAT(refusal(with(correlation, "(r + 1) / 2 ~ normal(0.5, 1);")), Contains(expression));
  CHECK_THAT(refusal(with("real<lower=0> r;", "log(r) ~ normal(0, 1);")), Contains(expression));
}

TEST_CASE("data are drawn on the scale that the text gives a distribution") {
  const auto with = [](const std::string& draw) {
    return "data { vector<lower=0, upper=1>[3] y; } parameters { real m; real<lower=0> s; } model { m ~ normal(0, "
           "0.5); s ~ lognormal(-1, 0.3); " +
           draw + " }";
  };
  for (const std::string& draw :
       {std::string("logit(y) ~ normal(m, s);"), std::string("for (n in 1:3) logit(y[n]) ~ normal(m, s);"),
        std::string("target += normal_lpdf(logit(y) | m, s);"),
        std::string("1 - y ~ beta_proportion(inv_logit(m), 4);"), std::string("3 * logit(y) ~ normal(m, s);"),
        std::string("logit(y) - m ~ normal(0, s);")})
    CHECK(discrepancy(with(draw)) < 5.5);
  CHECK(discrepancy("data { array[3] real<lower=0> y; } parameters { real m; real<lower=0> s; } model { m ~ normal(0, "
                    "0.5); s ~ lognormal(-1, 0.3); log(y) ~ normal(m, s); }") < 5.5);
  CHECK(discrepancy(with("logit(y) ~ normal(m, 2 * s);"), with("logit(y) ~ normal(m, s);")) > 8);
  // Counted from zero.
  const auto graded = [](const std::string& functions, const std::string& draw) {
    return functions + "data { array[4] int<lower=0, upper=2> y; } parameters { simplex[3] p; } model { p ~ "
                       "dirichlet([2, 3, 4]'); for (n in 1:4) " +
           draw + " }";
  };
  CHECK(discrepancy(graded("", "y[n] + 1 ~ categorical(p);")) < 5.5);
  CHECK(discrepancy(graded("", "target += categorical_lpmf(y[n] + 1 | p);")) < 5.5);
  CHECK(discrepancy(graded("functions { real graded(int y, vector p) { return categorical_lpmf(y + 1 | p); } } ",
                           "target += graded(y[n], p);")) < 5.5);
}

TEST_CASE("effects that add up to zero are drawn together") {
  const auto with = [](const std::string& transformed, const std::string& draw) {
    return "data { int I; vector[4] y; } design { I = 4; } parameters { vector[I - 1] free; real<lower=0> s; } "
           "transformed parameters { vector[I] b; " +
           transformed + " } model { " + draw + " s ~ lognormal(0, 0.3); y ~ normal(b, s); }";
  };
  const std::string by_parts = "b[1:(I - 1)] = free; b[I] = -1 * sum(free);";
  for (const std::string& text :
       {with(by_parts, "target += normal_lpdf(b | 0, 3);"), with(by_parts, "b ~ normal(1, 0.5);"),
        with("b = append_row(free, -sum(free));", "b ~ std_normal();"),
        with("b = append_row(free, rep_vector(-1 * sum(free), 1));", "b ~ normal(0, 2);")})
    CHECK(discrepancy(text) < 5.5);
  // Scores are blind to a scale around zero; the moments are those of normals less their mean.
  const SimulatedBatch batch = Simulator(compiled(with(by_parts, "b ~ normal(7, 2);")), {}).simulate(0, 20000, 3);
  test::Mean variance, covariance;
  for (std::size_t i = 0; i < 20000; ++i) {
    const double* free = batch.unconstrained.data() + i * batch.parameter_count;
    variance.add(free[0] * free[0] - 4 * 0.75);
    covariance.add(free[0] * free[2] + 4 * 0.25);
  }
  CHECK(variance.in_standard_errors() < 5.5);
  CHECK(covariance.in_standard_errors() < 5.5);
  const std::string computed = "is computed and then given a distribution";
  // Of independent normals given their sum, the scale would have another density.
  CHECK_THAT(refusal(with(by_parts, "b ~ normal(0, s);")), Contains(computed));
  CHECK_THAT(refusal(with("b[1:(I - 1)] = free; b[I] = sum(free);", "b ~ normal(0, 1);")), Contains(computed));
  CHECK_THAT(refusal(with(by_parts, "b ~ student_t(4, 0, 1);")), Contains(computed));
}
