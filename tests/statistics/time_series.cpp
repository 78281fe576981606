// Texts whose statements need each other position by position, and texts that give residuals a distribution: the joint
// distribution that is simulated must be the one that the density is of (tests/joint_discrepancy.hpp).
//
// A case has up to 6 means of 5,000 simulations; one that is right passes 5.5 standard errors with a chance of 4e-8,
// about 5e-6 for all cases together, heavier tails included. Seeds are fixed besides.
#include "tests/compiled.hpp"
#include "tests/joint_discrepancy.hpp"

using namespace sibyl;
using Catch::Contains;
using test::compiled;

namespace {

std::string text(const std::string& transformed, const std::string& model) {
  return "data { vector[6] y; } parameters { real<lower=-1, upper=1> a; real<lower=0> s; } transformed parameters { " +
         transformed + " } model { s ~ lognormal(0, 0.3); " + model + " }";
}

double discrepancy(const std::string& transformed, const std::string& model) {
  const auto compiled_text = compiled(text(transformed, model));
  INFO(text(transformed, model));
  return test::discrepancy(compiled_text, compiled_text);
}

std::string refusal(const std::string& transformed, const std::string& model) {
  const Facts facts = compiled(text(transformed, model))->facts();
  CHECK(facts.has_density);
  return facts.is_generative ? "generative" : facts.not_generative.text;
}

} // namespace

TEST_CASE("a loop and a draw that need each other are simulated position by position") {
  // A volatility that depends on the last shock and the last volatility.
  const std::string volatility =
      "vector[6] v; v[1] = s; for (t in 2:6) v[t] = sqrt(0.3 + a^2 * y[t - 1]^2 + 0.2 * v[t - 1]^2); ";
  CHECK(discrepancy(volatility, "y ~ normal(a, v);") < 5.5);
  CHECK(discrepancy("", volatility + "target += student_t_lpdf(y | 4, a, 2 * v);") < 5.5);
  CHECK(discrepancy(volatility, "for (t in 1:6) y[t] ~ normal(a, v[t]);") < 5.5);
  // The next one at the end of a loop over all but the last; one that another container is computed from.
  CHECK(discrepancy("vector[6] v; v[1] = s; for (t in 1:5) v[t + 1] = 0.5 + 0.5 * abs(a * y[t]);",
                    "y ~ normal(0, v);") < 5.5);
  CHECK(discrepancy(volatility + "vector[6] twice = 2 * v;", "y ~ normal(a + sqrt(v), twice);") < 5.5);
  // Moving averages, whose errors are computed.
  CHECK(discrepancy("vector[6] e; e[1] = y[1] - a; e[2] = y[2] - a - 0.5 * e[1]; "
                    "for (t in 3:6) e[t] = y[t] - a - 0.5 * e[t - 1] + a * e[t - 2];",
                    "y[1] ~ normal(a, s); y[2] ~ normal(a + 0.5 * e[1], s); "
                    "for (t in 3:6) y[t] ~ normal(a + 0.5 * e[t - 1] - a * e[t - 2], s);") < 5.5);
  CHECK(discrepancy("", "vector[6] m; vector[6] e; for (t in 1:6) { e[t] = y[t] - a; for (q in 1:min(t - 1, 2)) "
                        "e[t] = e[t] - a / q * e[t - q]; } for (t in 1:6) { m[t] = a; for (q in 1:min(t - 1, 2)) "
                        "m[t] = m[t] + a / q * e[t - q]; } y ~ normal(m, s);") < 5.5);
  // Values of a position's own, and slices.
  CHECK(discrepancy("",
                    "vector[6] v; v[1] = s; for (t in 2:6) { real last = y[t - 1]; real square = last * last; "
                    "v[t] = 0.5 + abs(a) * square; } y[1] ~ normal(0, 1); y[2:6] ~ normal(a * y[1:5], v[2:6]);") < 5.5);
  // A simulator for other data of the same form.
  const auto one = compiled(text(volatility, "y ~ normal(a, v);"));
  const auto other = compiled(text("vector[6] v = rep_vector(2 * s, 6);", "y ~ normal(a, v);"));
  CHECK(test::discrepancy(other, one) > 8);
}

namespace {

// Three rows of four trials, each of which may depend on those before it.
std::string rows(const std::string& transformed_data, const std::string& transformed, const std::string& model) {
  return "data { int J; int T; array[J, T] int<lower=0, upper=1> y; } design { J = 3; T = 4; } transformed data { " +
         transformed_data +
         " } parameters { real<lower=0, upper=1> p; real<lower=0, upper=1> c; vector[J] z; } transformed parameters { "
         "vector[J] shift = 0.5 * z; " +
         transformed + " } model { p ~ beta(3, 4); c ~ beta(4, 3); z ~ std_normal(); " + model + " }";
}
double row_discrepancy(const std::string& transformed_data, const std::string& transformed, const std::string& model) {
  const std::string whole = rows(transformed_data, transformed, model);
  INFO(whole);
  const auto compiled_text = compiled(whole);
  return test::discrepancy(compiled_text, compiled_text);
}

} // namespace

TEST_CASE("rows whose statements need each other are simulated position by position within each") {
  const std::string counts = "matrix[J, T] yes; matrix[J, T] no; for (j in 1:J) { yes[j, 1] = 0; no[j, 1] = 0; for (t "
                             "in 2:T) { yes[j, t] = yes[j, t - 1] + y[j, t - 1]; no[j, t] = no[j, t - 1] + 1 - "
                             "y[j, t - 1]; } } ";
  const std::string draws = "for (i in 1:J) for (t in 1:T) y[i, t] ~ bernoulli_logit(shift[i] + p * yes[i, t] - c * "
                            "no[i, t]);";
  // Counts of what came before among the transformed parameters, the transformed data and the model's own.
  CHECK(row_discrepancy("", counts, draws) < 5.5);
  CHECK(row_discrepancy(counts, "", draws) < 5.5);
  CHECK(row_discrepancy("", "", counts + draws) < 5.5);
  CHECK(row_discrepancy("", counts + "matrix[J, T] eta; for (j in 1:J) for (t in 1:T) eta[j, t] = p * yes[j, t];",
                        "for (j in 1:J) y[j] ~ bernoulli_logit(eta[j]);") < 5.5);
  CHECK(row_discrepancy("", "matrix[J, T] q; for (j in 1:J) { real seen = 0; for (t in 1:T) { q[j, t] = inv_logit("
                            "shift[j] + p * seen); seen += y[j, t] - c; } }",
                        "for (j in 1:J) for (t in 1:T) y[j, t] ~ bernoulli(q[j, t]);") < 5.5);
  // Rows of an array of vectors, and a column that is filled for all rows at once.
  CHECK(row_discrepancy("", "array[J] vector[T] q; for (j in 1:J) { q[j, 1] = p; for (t in 2:T) q[j, t] = y[j, t - 1] "
                            "== 1 ? c : p; }",
                        "for (j in 1:J) y[j] ~ bernoulli(q[j]);") < 5.5);
  CHECK(row_discrepancy("", "matrix[J, T] eta; eta[:, 1] = 1 - shift; for (j in 1:J) for (t in 2:T) eta[j, t] = "
                            "shift[j] + c * y[j, t - 1];",
                        "for (j in 1:J) target += bernoulli_logit_lpmf(y[j] | eta[j]);") < 5.5);
  // Rows that may be absent, their first trial after the last one of the row before.
  CHECK(row_discrepancy("", "array[J] vector[T] q; for (j in 1:J) { q[j, 1] = p; for (t in 2:T) q[j, t] = y[j, t - 1] "
                            "== 1 ? c : 0.4; }",
                        "for (j in 1:J) { if (sum(y[j]) > 0) target += bernoulli_lpmf(1 | p) + bernoulli_lpmf(y[j] | "
                        "q[j]); else target += log_sum_exp(bernoulli_lpmf(1 | p) + bernoulli_lpmf(y[j] | q[j]), "
                        "bernoulli_lpmf(0 | p)); }") < 5.5);
  CHECK(row_discrepancy("", "matrix[J, T] q; q[1, 1] = p; for (j in 2:J) q[j, 1] = y[j - 1, T] == 1 ? c : p; for (j in "
                            "1:J) for (t in 2:T) q[j, t] = y[j, t - 1] == 1 ? p : c;",
                        "for (j in 1:J) for (t in 1:T) y[j, t] ~ bernoulli(q[j, t]);") < 5.5);
  // A simulator for other data of the same form.
  const auto one = compiled(rows("", counts, draws));
  const auto other = compiled(rows("", counts, "for (i in 1:J) for (t in 1:T) y[i, t] ~ bernoulli_logit(shift[i]);"));
  CHECK(test::discrepancy(other, one) > 8);
  // What needs the future of its own row has no order.
  const Facts facts = compiled(rows("", "matrix[J, T] q; for (j in 1:J) for (t in 1:T) q[j, t] = y[j, T] == 1 ? c : p;",
                                    "for (j in 1:J) y[j] ~ bernoulli(q[j]);"))
                          ->facts();
  CHECK_THAT(facts.not_generative.text, Contains("no order to simulate in"));
}

TEST_CASE("residuals that are given a distribution draw their data") {
  const std::string errors = "vector[6] m; vector[6] e; m[1] = a; e[1] = y[1] - m[1]; for (t in 2:6) { "
                             "m[t] = 0.2 + a * y[t - 1] + 0.4 * e[t - 1]; e[t] = y[t] - m[t]; } ";
  CHECK(discrepancy(errors, "e ~ normal(0, s);") < 5.5);
  CHECK(discrepancy("", errors + "target += normal_lpdf(e | 0, s);") < 5.5);
  CHECK(discrepancy("", "vector[6] e = y - a; e ~ normal(0, s);") < 5.5);
  CHECK(discrepancy("", "vector[6] e; e = a + rep_vector(1, 6) - y; e ~ gumbel(0, s);") < 5.5);
  CHECK(discrepancy("", "y - a * linspaced_vector(6, 1, 6) ~ student_t(4, 0, s);") < 5.5);
  CHECK(discrepancy("", "y[1] ~ normal(a, s); for (t in 2:6) y[t] - y[t - 1] ~ normal(a, s);") < 5.5);
  CHECK(discrepancy(
            "", "y[1] ~ normal(0, 1); for (t in 2:6) { real change = y[t] - y[t - 1]; change ~ gumbel(a, s); }") < 5.5);
  CHECK(discrepancy("", "y[1] ~ normal(a, 1); y[2:6] - y[1:5] ~ normal(0, s);") < 5.5);
}

TEST_CASE("what no order of positions simulates says so") {
  const std::string circular = "no order to simulate in", expression = "the left side of `~` is an expression",
                    computed = "is computed and then given a distribution";
  CHECK_THAT(refusal("vector[6] v; for (t in 1:5) v[t] = exp(a * y[t + 1]); v[6] = 1;", "y ~ normal(0, v);"),
             Contains(circular));
  CHECK_THAT(refusal("vector[6] v; for (t in 1:6) v[t] = exp(a * mean(y));", "y ~ normal(0, v);"), Contains(circular));
  CHECK_THAT(refusal("vector[6] v; for (t in 1:6) v[t] = exp(a * y[7 - t]);", "y ~ normal(0, v);"), Contains(circular));
  CHECK_THAT(refusal("", "y - mean(y) ~ normal(a, s);"), Contains(expression));
  CHECK_THAT(refusal("", "(y - a) / s ~ std_normal();"), Contains(expression));
  CHECK_THAT(refusal("", "for (t in 1:5) y[t] - y[t + 1] ~ normal(a, s); y[6] ~ normal(0, 1);"), Contains(expression));
  CHECK_THAT(refusal("vector[6] e = y - a; ", "e ~ normal(0, s); e ~ normal(0, 2);"), Contains(computed));
  CHECK_THAT(refusal("vector[6] e; e[1] = a; e[2:6] = y[2:6] - a;", "e ~ normal(0, s);"), Contains(computed));
}
