// Densities that sum something out, and the simulators that are read from them: the joint distribution that is
// simulated must be the one that the density is of (tests/joint_discrepancy.hpp).
//
// A case has up to 8 such means of 5,000 simulations; one that is right passes 5.5 standard errors with a chance of
// 4e-8, about 2e-5 for all cases together, heavier tails included. Seeds are fixed besides.
#include "lang/errors.hpp"
#include "tests/compiled.hpp"
#include "tests/joint_discrepancy.hpp"

#include <catch2/catch.hpp>

using namespace sibyl;
using Catch::Contains;
using test::compiled;

namespace {

// The most that a mean which should be zero is away from it, in standard errors.
double discrepancy(const std::string& simulated, const std::string& of) {
  return test::discrepancy(compiled(simulated), compiled(of));
}

std::string not_generative(const std::string& text) {
  const Facts facts = compiled(text)->facts();
  CHECK(facts.has_density);
  return facts.is_generative ? "generative" : facts.not_generative.text;
}

const std::string mixture_data = "data { array[4] real y; } ";
std::string mixture(const std::string& body) {
  return mixture_data +
         "parameters { simplex[3] theta; vector[3] mu; vector<lower=0>[3] s; } model { theta ~ "
         "dirichlet([3, 2, 4]'); mu ~ normal([-1, 0, 2]', 0.5); s ~ lognormal(0, 0.3); " +
         body + " }";
}
std::string counts(const std::string& body) {
  return "data { array[4] int<lower=0> y; } parameters { real<lower=0, upper=1> theta; real<lower=0> l; } "
         "model { theta ~ beta(3, 4); l ~ gamma(4, 2); for (n in 1:4) { " +
         body + " } }";
}
std::string censored(const std::string& data, const std::string& body) {
  return "data { array[4] real y; " + data +
         " } parameters { real m; real<lower=0> s; } model { m ~ normal(0, 0.5); s ~ lognormal(0, 0.3); "
         "for (n in 1:4) { " +
         body + " } }";
}

const std::string three_parts = "for (n in 1:4) { vector[3] lps = log(theta); for (k in 1:3) lps[k] += "
                                "normal_lpdf(y[n] | mu[k], s[k]); target += log_sum_exp(lps); }";
const std::string zero_inflated =
    "if (y[n] == 0) target += log_sum_exp(bernoulli_lpmf(1 | theta), bernoulli_lpmf(0 | theta) + "
    "poisson_lpmf(y[n] | l)); else target += bernoulli_lpmf(0 | theta) + poisson_lpmf(y[n] | l);";
const std::string hurdle =
    "if (y[n] == 0) 1 ~ bernoulli(theta); else { 0 ~ bernoulli(theta); y[n] ~ poisson(l) T[1, ]; }";

} // namespace

TEST_CASE("mixtures are simulated from the part that is chosen") {
  for (const std::string& text :
       {mixture(three_parts),
        mixture("array[3] real ps; for (n in 1:4) { for (k in 1:3) { ps[k] = log(theta[k]) + "
                "normal_lpdf(y[n] | mu[k], s[k]); } target += log_sum_exp(ps); }"),
        mixture("for (n in 1:4) { vector[3] lps; for (k in 1:3) lps[k] = normal_lpdf(y[n] | mu[k], s[k]); "
                "target += log_mix(theta, lps); }"),
        mixture("for (n in 1:4) target += log_mix(theta, {normal_lpdf(y[n] | mu[1], s[1]), normal_lpdf(y[n] | mu[2], "
                "s[2]), student_t_lpdf(y[n] | 3, mu[3], s[3])});"),
        mixture("for (n in 1:4) { vector[3] lps; lps[1] = log(theta[1]) + normal_lpdf(y[n] | mu[1], s[1]); "
                "lps[2] = log(theta[2]) + cauchy_lpdf(y[n] | mu[2], s[2]); lps[3] = log(theta[3]) + "
                "normal_lpdf(y[n] | mu[3], s[3]); target += log_sum_exp(lps); }"),
        mixture("for (n in 1:4) { real a = log(theta[1]); a += normal_lpdf(y[n] | mu[1], s[1]); "
                "target += log_sum_exp(log_sum_exp(a, log(theta[2]) + normal_lpdf(y[n] | mu[2], s[2])), "
                "log(theta[3]) + normal_lpdf(y[n] | mu[3], s[3])); }"),
        mixture("for (n in 1:4) target += log_mix(theta[1], log_sum_exp(log(0.3) + normal_lpdf(y[n] | mu[1], s[1]), "
                "log(0.7) + normal_lpdf(y[n] | mu[2], s[2])), normal_lpdf(y[n] | mu[3], s[3]));"),
        // On the scale of chances.
        mixture("for (n in 1:4) target += log(theta[1] * exp(normal_lpdf(y[n] | mu[1], s[1])) + theta[2] * "
                "exp(normal_lpdf(y[n] | mu[2], s[2])) + theta[3] * exp(normal_lpdf(y[n] | mu[3], s[3])));"),
        mixture("for (n in 1:4) { real other = exp(normal_lpdf(y[n] | mu[2], 1)) / 3; target += "
                "log(exp(normal_lpdf(y[n] | mu[1], 1)) * 2 / 3 + other); }"),
        // One part for all values together, and vectors of them.
        mixture("vector[3] lps = log(theta); for (k in 1:3) for (n in 1:4) lps[k] += normal_lpdf(y[n] | mu[k], s[k]); "
                "target += log_sum_exp(lps);"),
        mixture("vector[3] lps; for (k in 1:3) lps[k] = categorical_lpmf(k | theta) + normal_lpdf(y | mu[k], s[k]); "
                "target += log_sum_exp(lps);"),
        // Two states, the first until a part of the data that is summed over.
        mixture(
            "vector[4] lps = rep_vector(-log(4), 4); for (k in 1:4) for (n in 1:4) lps[k] += normal_lpdf(y[n] | n < "
            "k ? mu[1] : mu[2], 1); target += log_sum_exp(lps);"),
        // Weights of the design that add up to anything.
        mixture("for (n in 1:4) target += log_sum_exp(normal_lpdf(y[n] | mu[1], 1), log(2) + "
                "normal_lpdf(y[n] | mu[2], 1));"),
        // Sums of log densities in a variable.
        mixture("vector[4] ll; for (n in 1:4) { vector[3] lps = log(theta); for (k in 1:3) lps[k] += "
                "normal_lpdf(y[n] | mu[k], s[k]); ll[n] = log_sum_exp(lps); } target += sum(ll);"),
        mixture("array[4] real ll; for (n in 1:4) ll[n] = normal_lpdf(y[n] | mu[1], s[1]); target += ll;")}) {
    INFO(text);
    CHECK(discrepancy(text, text) < 5.5);
  }
  const std::string in_transformed =
      mixture_data + "parameters { real<lower=0, upper=1> p; real m; } transformed parameters { vector[4] ll; "
                     "for (n in 1:4) ll[n] = log_mix(p, normal_lpdf(y[n] | m, 1), normal_lpdf(y[n] | -m, 0.5)); } "
                     "model { m ~ normal(1, 1); p ~ beta(2, 2); target += sum(ll); }";
  CHECK(discrepancy(in_transformed, in_transformed) < 5.5);
}

TEST_CASE("the element of a simplex that a datum names is the chance of that datum") {
  const auto words = [](const std::string& body) {
    return "data { array[5] int<lower=1, upper=3> w; } parameters { simplex[2] theta; array[2] simplex[3] phi; } model "
           "{ "
           "theta ~ dirichlet([2, 3]'); phi[1] ~ dirichlet([4, 1, 1]'); phi[2] ~ dirichlet([1, 2, 3]'); " +
           body + " }";
  };
  const std::string topics = words("for (n in 1:5) { array[2] real topic; for (k in 1:2) topic[k] = log(theta[k]) + "
                                   "log(phi[k, w[n]]); target += log_sum_exp(topic); }");
  const std::string steps =
      words("w[1] ~ categorical(phi[1]); for (n in 2:5) target += log(phi[1 + w[n - 1] % 2][w[n]]);");
  const std::string logits =
      words("vector[3] p = theta[1] * log(phi[1]); for (n in 1:5) target += p[w[n]] - log_sum_exp(p);");
  for (const std::string& text : {topics, steps, logits}) {
    INFO(text);
    CHECK(discrepancy(text, text) < 5.5);
  }
  CHECK(discrepancy(words("w ~ categorical(phi[1]);"), topics) > 8);
}

TEST_CASE("zero inflation and hurdles are simulated by the branch") {
  for (const std::string& body :
       {zero_inflated, hurdle,
        std::string("if (y[n] > 0) target += log1m(theta) + poisson_lpmf(y[n] | l); else target += log_mix(theta, 0, "
                    "poisson_lpmf(0 | l));"),
        std::string("if (y[n] == 0) target += log_sum_exp(log(theta), log1m(theta) + poisson_lpmf(0 | l)); else target "
                    "+= log1m(theta) + poisson_lpmf(y[n] | l);"),
        std::string("if (y[n] != 0) { target += log1m(theta) + poisson_lpmf(y[n] | l) - poisson_lccdf(0 | l); } "
                    "else { target += log(theta); }"),
        std::string("if (y[n] == 0) target += log(theta); else target += log1m(theta) + neg_binomial_2_lpmf(y[n] | l, "
                    "3) - log1m_exp(neg_binomial_2_lpmf(0 | l, 3));"),
        std::string("if (y[n] == 0) target += log(theta); else target += log1m(theta) + poisson_lpmf(y[n] | l) - "
                    "log1m_exp(-l);"),
        std::string("if (y[n] == 0) target += log(theta); else target += log1m(theta) + neg_binomial_2_lpmf(y[n] | l, "
                    "3) - log1m((3 / (l + 3))^3);"),
        std::string("if (y[n] == 0) target += log(theta); else target += log1m(theta) + poisson_log_lpmf(y[n] | l) - "
                    "log(1 - exp(-exp(l)));"),
        // What the distribution has at zero, in a closed form and on the scale of chances.
        std::string("if (y[n] == 0) target += log(theta + (1 - theta) * exp(poisson_lpmf(0 | l))); else target += "
                    "log1m(theta) + poisson_lpmf(y[n] | l);"),
        std::string("if (y[n] == 0) target += log(theta + (1 - theta) * exp(-l)); else target += log1m(theta) + "
                    "poisson_lpmf(y[n] | l);"),
        std::string("if (y[n] == 0) target += log_sum_exp(log(theta), log1m(theta) - l); else target += log1m(theta) + "
                    "poisson_lpmf(y[n] | l);"),
        std::string("if (y[n] == 0) target += log(theta + (1 - theta) * (3 / (l + 3))^3); else target += log(1 - "
                    "theta) + neg_binomial_2_lpmf(y[n] | l, 3);"),
        std::string("if (y[n] == 0) target += log_mix(theta, 0, -exp(l / 4)); else target += log1m(theta) + "
                    "poisson_log_lpmf(y[n] | l / 4);"),
        std::string("if (y[n] == 0) target += bernoulli_logit_lpmf(1 | l - 1); else { 0 ~ bernoulli_logit(l - 1); "
                    "y[n] ~ binomial(5, theta) T[1, ]; }")}) {
    INFO(body);
    CHECK(discrepancy(counts(body), counts(body)) < 5.5);
  }
  // Masses beside a density: nothing is left for the distribution to avoid.
  const std::string shares =
      "data { array[4] real<lower=0, upper=1> y; } parameters { simplex[3] p; real<lower=0> a; } model { "
      "a ~ gamma(8, 4); for (n in 1:4) { if (y[n] == 0) target += log(p[1]); else if (y[n] == 1) target += log(p[2]); "
      "else { target += log(p[3]); y[n] ~ beta(a, 2); } } }";
  CHECK(discrepancy(shares, shares) < 5.5);
  // A closed form that is another distribution's is told, and is no other.
  const auto twice = compiled(counts("if (y[n] == 0) target += log(theta + (1 - theta) * exp(-2 * l)); else target += "
                                     "log1m(theta) + poisson_lpmf(y[n] | l);"));
  CHECK_THROWS_WITH(Simulator(twice, {}).simulate(0, 50, 1),
                    Contains("the logarithm of the chance that `poisson` has there is"));
  // What the test sees: another simulator for the same data.
  CHECK(discrepancy(counts(hurdle), counts(zero_inflated)) > 8);
}

TEST_CASE("values beyond a declared limit are simulated as censored") {
  const std::string limit = "array[4] int<lower=0, upper=1> cens; ";
  for (const auto& [data, body] : std::vector<std::pair<std::string, std::string>>{
           {"", "if (y[n] == 0.4) target += normal_lccdf(0.4 | m, s); else y[n] ~ normal(m, s);"},
           {"", "if (y[n] < 0.4) y[n] ~ normal(m, s); else target += normal_lccdf(y[n] | m, s);"},
           {"", "if (y[n] <= -0.5) target += normal_lcdf(-0.5 | m, s); else target += normal_lpdf(y[n] | m, s);"},
           {"", "if (y[n] == -0.5) target += normal_lcdf(-0.5 | m, s); else if (y[n] == 1) target += normal_lccdf(1 | "
                "m, s); else y[n] ~ normal(m, s);"},
           {limit, "if (cens[n]) target += normal_lccdf(0.4 | m, s); else y[n] ~ normal(m, s);"},
           {limit, "if (cens[n] == 0) y[n] ~ normal(m, s); else target += normal_lccdf(0.1 * n | m, s);"},
           {limit, "if (!cens[n]) { y[n] ~ normal(m, s); } else { target += normal_lcdf(0.2 | m, s); }"},
           {"array[4] int<lower=-1, upper=1> cens; ",
            "if (cens[n] == 0) y[n] ~ normal(m, s); else if (cens[n] == 1) target += normal_lccdf(0.7 | m, s); else if "
            "(cens[n] == -1) target += normal_lcdf(-0.7 | m, s); else target += 0;"}}) {
    INFO(data + body);
    if (body.ends_with("target += 0;")) {
      CHECK(not_generative(censored(data, body)) != "generative");
      continue;
    }
    CHECK(discrepancy(censored(data, body), censored(data, body)) < 5.5);
  }
  const std::string of_counts =
      counts("if (y[n] == 3) target += poisson_lccdf(2 | l); else y[n] ~ poisson(l); target += 0 * theta;");
  CHECK_THAT(not_generative(of_counts), Contains("not a distribution of one variable"));
  const std::string plain_counts = "data { array[4] int y; } parameters { real<lower=0> l; } model { l ~ gamma(4, 2); "
                                   "for (n in 1:4) if (y[n] == 3) target += poisson_lccdf(2 | l); else y[n] ~ "
                                   "poisson(l); }";
  CHECK(discrepancy(plain_counts, plain_counts) < 5.5);
}

TEST_CASE("the censored values are those beyond the limit") {
  const auto model = compiled(censored("array[4] int<lower=0, upper=1> cens; vector[4] U; ",
                                       "U[n] ~ uniform(-1, 1); if (cens[n] == 1) target += normal_lccdf(U[n] | m, s); "
                                       "else y[n] ~ normal(m, s);"));
  const Facts& facts = model->facts();
  CHECK(facts.variables[static_cast<std::size_t>(facts.find("cens"))].role == Role::observed);
  const SimulatedBatch batch = Simulator(model, {}).simulate(0, 500, 3);
  int beyond = 0;
  for (std::size_t i = 0; i < batch.data.count; ++i) {
    const DataSet set = extract(facts, batch.data, i);
    for (std::size_t n = 0; n < 4; ++n) {
      const double y = set.variables.at("y").values[n], limit = set.variables.at("U").values[n];
      const bool is_censored = set.variables.at("cens").values[n] == 1;
      beyond += is_censored;
      CHECK((is_censored ? y == limit : y <= limit));
    }
  }
  CHECK(beyond > 500);
  CHECK(beyond < 1500);
}

TEST_CASE("chains of hidden states that the forward algorithm sums out are drawn") {
  const auto chain = [](const std::string& transformed, const std::string& body) {
    return "data { array[5] real y; vector[5] x; } parameters { simplex[2] p; array[2] simplex[2] A; vector[2] mu; } "
           "transformed parameters { " +
           transformed +
           " } model { p ~ dirichlet([3, 2]'); A[1] ~ dirichlet([5, 1]'); A[2] ~ dirichlet([2, 4]'); "
           "mu ~ normal([-1, 1]', 0.7); x ~ normal(0, 1); " +
           body + " }";
  };
  const std::string filled =
      "for (k in 1:2) g[1, k] = log(p[k]) + normal_lpdf(y[1] | mu[k], 0.7); for (t in 2:5) for (k in "
      "1:2) { for (j in 1:2) acc[j] = g[t - 1, j] + log(A[j, k]) + normal_lpdf(y[t] | mu[k], 0.7); "
      "g[t, k] = log_sum_exp(acc); } ";
  const std::string held = "vector[2] lp; vector[2] next; for (k in 1:2) lp[k] = log(p[k]) + normal_lpdf(y[1] | mu[k], "
                           "0.7); for (t in 2:5) { for (k in 1:2) next[k] = ";
  const std::string moved = "; lp = next; } target += log_sum_exp(lp);";
  const std::vector<std::string> texts = {
      chain("", "array[2] real acc; array[5, 2] real g; " + filled + "target += log_sum_exp(g[5]);"),
      chain("array[5] vector[2] g; { array[2] real acc; " + filled + "}", "target += log_sum_exp(g[5]);"),
      chain("", held + "log_sum_exp(to_vector(log(A[, k])) + lp) + normal_lpdf(y[t] | mu[k], 0.7)" + moved),
      // Emissions added in a statement of their own; chances of a first state that draws nothing.
      chain("", "vector[2] lp; vector[2] next; for (k in 1:2) lp[k] = log(p[k]) + normal_lpdf(y[1] | mu[k], 0.7); for "
                "(t in 2:5) { for (k in 1:2) { next[k] = log_sum_exp(to_vector(log(A[, k])) + lp); next[k] += "
                "normal_lpdf(y[t] | mu[k], 0.7); } lp = next; } target += log_sum_exp(lp);"),
      chain("", "matrix[2, 2] step = log([A[1]', A[2]']); vector[2] lp = log(p); vector[2] next; for (t in 1:5) { for "
                "(k in 1:2) { next[k] = log_sum_exp(step[, k] + lp); next[k] += normal_lpdf(y[t] | mu[k], 0.7); } lp = "
                "next; } target += log_sum_exp(lp);"),
      chain("", "vector[2] lp; lp = rep_vector(-log(2), 2); for (t in 1:5) { vector[2] next; for (k in 1:2) next[k] = "
                "log_sum_exp(to_vector(log(A[, k])) + lp) + normal_lpdf(y[t] | mu[k], 0.7); lp = next; } target += "
                "log_sum_exp(lp);"),
      // Transitions that depend on time, a uniform first state.
      chain("",
            "array[2] real acc; array[5, 2] real g; for (k in 1:2) g[1, k] = normal_lpdf(y[1] | mu[k], 0.7); "
            "for (t in 2:5) for (k in 1:2) { for (j in 1:2) acc[j] = g[t - 1, j] + (j == k ? log_inv_logit(x[t] + "
            "mu[j]) : log1m_inv_logit(x[t] + mu[j])); g[t, k] = log_sum_exp(acc) + normal_lpdf(y[t] | mu[k], 0.7); } "
            "target += log_sum_exp(g[5]);")};
  for (const std::string& text : texts) {
    INFO(text);
    CHECK(discrepancy(text, text) < 5.5);
  }
  CHECK(discrepancy(texts.back(), texts[0]) > 8);
  // Chances that depend on the data that they are of.
  CHECK_THAT(not_generative(chain("", held +
                                          "log_sum_exp(to_vector(log(A[, k])) + lp) + y[t] * normal_lpdf(y[t] | mu[k], "
                                          "0.7)" +
                                          moved)),
             Contains("cannot be simulated"));
}

// `width` is that of the text's own function that draws; the density's is s.
std::string own_draws(const std::string& width) {
  return "functions {"
         "  real bell_lpdf(real y, real m, real s) { return -0.5 * square((y - m) / s) - log(s); }"
         "  real bell_rng(real m, real s) { return m + " +
         width +
         " * normal_rng(0, 1); }"
         "  real trials_lpmf(int y, real p) { return log(p) + y * log1m(p); }"
         "  int trials_rng(real p) { int n = 0; while (bernoulli_rng(p) == 0) n += 1; return n; }"
         "  real pair_lpdf(vector y, real m, real s) { return -0.5 * dot_self((y - m) / s) - 2 * log(s); }"
         "  vector pair_rng(real m, real s) { return [normal_rng(m, s), normal_rng(m, s)]'; }"
         "} data { vector[4] y; array[3] int<lower=0> k; array[2] vector[2] z; vector[5] w; }"
         "parameters { real m; real<lower=0> s; real<lower=0, upper=1> p; } model {"
         "  m ~ bell(1, 0.5); s ~ lognormal(0, 0.3); p ~ beta(3, 4);"
         "  for (n in 1:4) y[n] ~ bell(m, s);"
         "  for (n in 1:3) target += trials_lpmf(k[n] | p);"
         "  for (n in 1:2) z[n] ~ pair(m, s);"
         "  w[1] ~ normal(m, 1); for (t in 2:5) w[t] ~ bell(0.7 * w[t - 1], s); }";
}

TEST_CASE("densities that the text defines are drawn by what it defines to draw them") {
  CHECK(discrepancy(own_draws("s"), own_draws("s")) < 5.5);
  CHECK(discrepancy(own_draws("1.5 * s"), own_draws("1.5 * s")) > 5.5); // the text's own mistake is seen
}

TEST_CASE("densities that the text defines have no simulator where nothing that draws them fits") {
  const auto text = [](const std::string& draws, const std::string& parameter) {
    return "functions { real bell_lpdf(real y, real m) { return -0.5 * square(y - m); } " + draws +
           " } data { real y; } parameters { " + parameter + " m; } model { m ~ bell(0); y ~ bell(m); }";
  };
  CHECK(not_generative(text("real bell_rng(real m) { return normal_rng(m, 1); }", "real")) == "generative");
  CHECK_THAT(not_generative(text("", "real")), Contains("define `real bell_rng(real)` too"));
  CHECK_THAT(not_generative(text("real bell_rng(real m, real s) { return normal_rng(m, s); }", "real")),
             Contains("define `real bell_rng(real)` too"));
  CHECK_THAT(not_generative(text("vector bell_rng(real m) { return [normal_rng(m, 1)]'; }", "real")),
             Contains("define `real bell_rng(real)` too"));
  // What would keep its draws within the bound is not known.
  CHECK(not_generative(text("real bell_rng(real m) { return normal_rng(m, 1); }", "real<lower=0>")) != "generative");
}

std::string copied(const std::string& copies, const std::string& draws) {
  return "data { int I; array[2, 2] int y; vector[3] z; } transformed data { int J = 3; } parameters { simplex[3] "
         "theta1; simplex[3] theta2; vector[3] a; vector[3] b; vector[3] c; vector[2] m; real<lower=0> s; } "
         "transformed parameters { array[2] vector[3] theta; array[3] vector[2] xi; vector[3] d; " +
         copies + " } model { m ~ normal(0, 0.5); s ~ lognormal(0, 0.2); " + draws +
         " for (k in 1:2) y[k] ~ categorical(theta[k]); for (j in 1:3) z[j] ~ normal(xi[j, 1] + exp(xi[j, 2]) + d[j], "
         "s); }";
}

TEST_CASE("parameters are drawn where a copy of them has the distribution") {
  const std::string copies = "theta[1] = theta1; theta[2] = theta2; for (j in 1:3) { xi[j, 1] = a[j]; xi[j, 2] = b[J "
                             "- j + 1]; } for (j in 1:J) { d[j] = c[j]; }";
  const std::string straight = "theta[1] = theta1; theta[2] = theta2; for (j in 1:3) { xi[j, 1] = a[j]; xi[j, 2] = "
                               "b[j]; } for (j in 1:J) { d[j] = c[j]; }";
  const std::string whole = "theta = {theta1, theta2}; xi[, 1] = to_array_1d(a); xi[, 2] = to_array_1d(b); d = c;";
  const std::string draws = "for (k in 1:2) theta[k] ~ dirichlet([2, 3, 1]' + k); for (j in 1:3) xi[j] ~ "
                            "multi_normal_cholesky(m, [[0.5, 0], [0.2, 0.4]]); target += normal_lpdf(d | m[1], 0.7);";
  const std::string simulated = copied(straight, draws);
  const auto fixed = [](std::string text) { // no size from a data file
    text.replace(text.find("int I; "), 7, "");
    return text;
  };
  CHECK(discrepancy(fixed(simulated), fixed(simulated)) < 5.5);
  // Not copies of each parameter once: what such a statement is the density of is not known.
  CHECK(not_generative(fixed(copied(copies, draws))) != "generative");
  CHECK(not_generative(fixed(copied(whole, draws))) != "generative");
  const auto one = [](const std::string& parameters, const std::string& computed, const std::string& draws) {
    return not_generative("data { real y; } parameters { " + parameters + " } transformed parameters { " + computed +
                          " } model { " + draws + " y ~ normal(d[1], 1); }");
  };
  CHECK(one("real a;", "vector[1] d; d[1] = a;", "d[1] ~ normal(0, 1);") == "generative");
  CHECK(one("real a;", "vector[1] d; d[1] = a;", "a ~ normal(0, 1); d[1] ~ normal(0, 1);") != "generative");
  CHECK(one("real a;", "vector[2] d; d[1] = a; d[2] = a;", "d ~ normal(0, 1);") != "generative");
  CHECK(one("real a;", "vector[2] d; for (k in 1:2) d[k] = a;", "d ~ normal(0, 1);") != "generative");
  CHECK(one("real a;", "vector[1] d; d[1] = 2 * a;", "d[1] ~ normal(0, 1);") != "generative");
  CHECK(one("real<lower=0> a;", "vector[1] d; d[1] = a;", "d[1] ~ normal(0, 1);") != "generative");
  CHECK(one("vector[1] a;", "vector[1] d; d = a;", "d ~ normal(d[1], 1);") != "generative");
  CHECK(one("ordered[2] a;", "vector[2] d = a;", "d ~ normal(0, 1);") != "generative");
}

std::string in_order(const std::string& type, const std::string& draws) {
  return "data { vector[3] y; real x; } transformed data { vector[3] center = [0, 0.3, 0.5]'; real early = x; } "
         "parameters { " +
         type + "[3] mu; real<lower=0> s; } model { s ~ lognormal(0, 0.2); x ~ normal(0, 1); y ~ normal(mu, s); " +
         draws + " }";
}

TEST_CASE("elements of an ordered parameter are drawn from their own distributions until they are in order") {
  for (const auto& [type, draws] : std::vector<std::pair<std::string, std::string>>{
           {"ordered", "mu[1] ~ normal(0, 1); mu[2] ~ normal(0.5, 1); target += normal_lpdf(mu[3] | 1, 2);"},
           {"ordered", "for (k in 1:3) mu[k] ~ student_t(5, center[k], k);"},
           {"ordered", "mu ~ normal(center, 0.7);"},
           {"positive_ordered", "mu[3] ~ normal(1, 1); mu[1] ~ normal(-0.5, 1); mu[2] ~ gamma(2, 3);"}}) {
    INFO(draws);
    CHECK(discrepancy(in_order(type, draws), in_order(type, draws)) < 5.5);
  }
  // What leaves out more than a constant, or an element.
  for (const char* draws : {"mu[1] ~ normal(0, 1); mu[2] ~ normal(0.5, s); mu[3] ~ normal(1, 2);",
                            "mu[1] ~ normal(0, 1);", "mu[1] ~ normal(0, 1); mu[3] ~ normal(0, 1);",
                            "mu[1] ~ normal(x, 1); mu[2] ~ normal(0, 1); mu[3] ~ normal(0, 1);",
                            "for (k in 1:3) mu[k] ~ normal(early, k);", "for (k in 1:2) mu[k + 1] ~ normal(0, k);",
                            "mu[1] ~ normal(0, 1); mu[2] ~ normal(mu[1], 1); mu[3] ~ normal(mu[2], 1);"}) {
    INFO(draws);
    CHECK(not_generative(in_order("ordered", draws)) != "generative");
  }
}

TEST_CASE("what has no simulator says why") {
  CHECK_THAT(not_generative(counts("if (y[n] == 0) target += log(theta); else target += log1m(theta) + "
                                   "poisson_lpmf(y[n] | l);")),
             Contains("is not truncated there"));
  CHECK_THAT(
      not_generative(censored("array[4] int cens;", "if (cens[n] == 1) target += normal_lccdf(y[n] | m, s); else "
                                                    "y[n] ~ normal(m, s);")),
      Contains("give that limit in data of its own"));
  CHECK_THAT(not_generative(censored("int K;", "y[n] ~ normal(m, s); target += K * normal_lccdf(2 | m, s);")),
             Contains("Let one variable hold all values"));
  CHECK_THAT(not_generative(censored("", "if (y[n] == 1) target += normal_lccdf(2 | m, s); else y[n] ~ normal(m, s);")),
             Contains("not those that the tail is of"));
  CHECK_THAT(not_generative(censored("", "if (y[n] == 1) target += normal_lccdf(1 | m, 1); else y[n] ~ normal(m, s);")),
             Contains("not the tail of the distribution"));
  CHECK_THAT(
      not_generative(mixture("for (n in 1:4) target += log_sum_exp(log(theta[1]) + normal_lpdf(y[n] | mu[1], 1), "
                             "log(theta[2]));")),
      Contains("the parts of this mixture draw different variables"));
  CHECK_THAT(
      not_generative(mixture("vector[3] lps = log(theta); for (k in 1:3) lps[k] += normal_lpdf(y[k] | mu[k], 1); "
                             "target += log_sum_exp(lps); y[4] ~ normal(0, 1);")),
      Contains("the parts of this mixture draw different variables"));
  CHECK_THAT(not_generative(mixture("vector[3] lps = log(theta); for (k in 1:3) lps[k] += normal_lpdf(y | mu[k], 1) * "
                                    "y[1]; target += log_sum_exp(lps);")),
             Contains("takes more of a log density"));
  CHECK_THAT(
      not_generative(mixture("for (n in 1:4) target += log_sum_exp(-square(y[n]) + normal_lpdf(y[n] | mu[1], 1), "
                             "normal_lpdf(y[n] | mu[2], 1));")),
      Contains("depends on `y`"));
  CHECK_THAT(not_generative(mixture("for (n in 1:4) if (y[n] > 0) y[n] ~ normal(mu[1], 1); else y[n] ~ normal(0, 1);")),
             Contains("depends on its value"));
}

TEST_CASE("chances that do not add up to one are told while it simulates") {
  const auto model =
      compiled(mixture("for (n in 1:4) target += log_sum_exp(log(theta[1]) + normal_lpdf(y[n] | mu[1], 1), "
                       "log(theta[2]) + normal_lpdf(y[n] | mu[2], 1));"));
  CHECK_THROWS_WITH(Simulator(model, {}).simulate(0, 10, 1), Contains("the chances of this mixture's parts add up to"));
  const auto truncated = compiled(counts("if (y[n] == 0) target += log(theta); else target += log1m(theta) + "
                                         "poisson_lpmf(y[n] | l) - log1m_exp(-2 * l);"));
  const SimulatedBatch batch = Simulator(truncated, {}).simulate(0, 50, 1); // where some y is not 0
  CHECK(batch.left_out.count() > 25);
  // Of constants alone any sum will do, but not within another mixture.
  const auto nested =
      compiled(mixture("for (n in 1:4) target += log_mix(theta[1], log_sum_exp(normal_lpdf(y[n] | mu[1], "
                       "1), normal_lpdf(y[n] | mu[2], 1)), normal_lpdf(y[n] | mu[3], 1));"));
  CHECK_THROWS_WITH(Simulator(nested, {}).simulate(0, 10, 1), Contains("add up to 2,"));
}

TEST_CASE("a diffusion's boundary is drawn together with when it is reached") {
  const auto diffusion = [](const std::string& data, const std::string& body) {
    return "data { " + data +
           " array[4] real y; } parameters { real<lower=0> a; real<lower=0, upper=1> b; real d; } "
           "model { a ~ lognormal(0, 0.2); b ~ beta(8, 6); d ~ normal(0.4, 0.6); for (n in 1:4) { " +
           body + " } }";
  };
  const std::string reached = "array[4] int<lower=0, upper=1> upper; ";
  for (const auto& [data, body] : std::vector<std::pair<std::string, std::string>>{
           {reached, "if (upper[n] == 1) y[n] ~ wiener(a, 0.2, b, d); else y[n] ~ wiener(a, 0.2, 1 - b, -d);"},
           {reached,
            "if (upper[n]) { y[n] ~ wiener(a, 0.2, b, d); } else { target += wiener_lpdf(y[n] | a, 0.2, 1 - b, -d); }"},
           {reached, "if (upper[n] == 0) y[n] ~ wiener(a, 0.2, 1 - b, -d); else y[n] ~ wiener(a, 0.2, b, d);"},
           {"array[4] int<lower=1, upper=2> upper; ",
            "if (upper[n] == 2) y[n] ~ wiener(a, 0.2, b, d); else y[n] ~ wiener(a, 0.2, 1 - b, -d);"}}) {
    INFO(data + body);
    CHECK(discrepancy(diffusion(data, body), diffusion(data, body)) < 5.5);
  }
  // With what differs from one passage to the next.
  const std::string differing = diffusion(
      reached, "if (upper[n] == 1) y[n] ~ wiener(a, 0.2, b, d, 0.8); else y[n] ~ wiener(a, 0.2, 1 - b, -d, 0.8);");
  CHECK(discrepancy(differing, differing) < 5.5);
  const std::string all =
      diffusion(reached, "if (upper[n] == 1) y[n] ~ wiener(a, 0.2, 0.5 + 0.2 * b, d, a, 0.4, 0.1 * a); "
                         "else y[n] ~ wiener(a, 0.2, 1 - (0.5 + 0.2 * b), -d, a, 0.4, 0.1 * a);");
  CHECK(discrepancy(all, all) < 5.5);
  // Which boundary it is tells of the drift: half the time each is another joint distribution.
  const std::string either =
      diffusion(reached, "if (upper[n] == 1) y[n] ~ wiener(a, 0.2, b, d); else y[n] ~ wiener(a, 0.2, 1 - b, -d);");
  CHECK(discrepancy(
            diffusion(reached,
                      "upper[n] ~ bernoulli(0.5); y[n] ~ wiener(a, 0.2, upper[n] ? b : 1 - b, upper[n] ? d : -d);"),
            either) > 8);
}

TEST_CASE("what is counted only where a state is present is drawn with the state") {
  const auto occupancy = [](const std::string& computed, const std::string& body) {
    return "data { array[5, 3] int<lower=0> y; } transformed data { " + computed +
           " } parameters { real<lower=0, upper=1> psi; real<lower=0, upper=1> p; } model { psi ~ beta(3, 2); "
           "p ~ beta(2, 3); for (i in 1:5) { " +
           body + " } }";
  };
  const std::string seen = "array[5] int seen; for (i in 1:5) { seen[i] = sum(y[i]); } ";
  for (const auto& [computed, body] : std::vector<std::pair<std::string, std::string>>{
           {seen, "if (seen[i]) { target += bernoulli_lpmf(1 | psi) + bernoulli_lpmf(y[i] | p); } else { target += "
                  "log_sum_exp(bernoulli_lpmf(1 | psi) + bernoulli_lpmf(y[i] | p), bernoulli_lpmf(0 | psi)); }"},
           {"", "if (sum(y[i]) > 0) { 1 ~ bernoulli(psi); y[i] ~ bernoulli(p); } else target += "
                "log_sum_exp(log1m(psi), log(psi) + bernoulli_lpmf(y[i] | p));"},
           {seen, "if (0 == seen[i]) target += log_mix(psi, binomial_lpmf(y[i] | 4, p), 0); else { target += log(psi); "
                  "target += binomial_lpmf(y[i] | 4, p); }"},
           {"array[5] int seen; for (i in 1:5) seen[i] = sum(y[i, 1:2]);",
            "row_vector[2] q = [p, 0.3]; y[i, 3] ~ poisson(1); if (seen[i]) { target += log(psi) + bernoulli_lpmf(y[i, "
            "1:2] | "
            "q); } else { target += log_sum_exp(log(psi) + bernoulli_lpmf(0 | q), log1m(psi)); }"},
           {"array[5] int seen; for (i in 1:5) seen[i] = sum(y[i]) > 0;",
            "real lp = 0; for (t in 1:3) { lp += bernoulli_lpmf(y[i, t] | p^t); } if (seen[i]) { target += log(psi) + "
            "lp; } "
            "else { target += log_sum_exp(log(psi) + lp, log1m(psi)); }"},
           {"", "real lp; lp = 0; lp += binomial_lpmf(y[i] | 3, p); if (sum(y[i]) == 0) target += "
                "log_sum_exp(bernoulli_lpmf(0 | psi), bernoulli_lpmf(1 | psi) + lp); else target += bernoulli_lpmf(1 | "
                "psi) + lp;"},
           {seen, "array[2] real lp; if (seen[i] > 0) target += log(psi) + bernoulli_lpmf(y[i] | p); else { lp[1] = "
                  "log(psi) + bernoulli_lpmf(y[i] | p); lp[2] = log1m(psi); target += log_sum_exp(lp); }"},
           {"array[5] int most; for (k in 1:5) most[k] = max(y[k]);",
            "vector[3] q = [p, p^2, 0.1]'; if (most[i] >= 1) { target += bernoulli_logit_lpmf(1 | psi) + "
            "bernoulli_lpmf(y[i] | q); } else { target += log_sum_exp(bernoulli_logit_lpmf(1 | psi) + "
            "bernoulli_lpmf(y[i] | "
            "q), bernoulli_logit_lpmf(0 | psi)); }"}}) {
    INFO(computed + body);
    CHECK(discrepancy(occupancy(computed, body), occupancy(computed, body)) < 5.5);
  }
  // What does not say that nothing was counted, or is no mixture of that.
  const std::string absent = "log_sum_exp(log(psi) + bernoulli_lpmf(y[i] | p), log1m(psi));";
  for (const auto& [computed, body] : std::vector<std::pair<std::string, std::string>>{
           {"", "if (sum(y[i]) > 1) target += log(psi) + bernoulli_lpmf(y[i] | p); else target += " + absent},
           {"", "if (sum(y[i]) > 0) target += log(psi) + bernoulli_lpmf(y[i] | p^2); else target += " + absent},
           {"", "if (sum(y[i]) > 0) target += log(psi^2) + bernoulli_lpmf(y[i] | p); else target += " + absent},
           {"",
            "if (sum(y[i]) > 0) target += log(psi) + bernoulli_lpmf(y[i] | p); else target += log_sum_exp(log(psi) + "
            "bernoulli_lpmf(0 | p), log1m(psi));"},
           {"", "real lp = 0; for (t in 1:2) lp += bernoulli_lpmf(y[i, t] | p); if (sum(y[i]) > 0) target += log(psi) "
                "+ lp; else "
                "target += log_sum_exp(log(psi) + lp, log1m(psi));"},
           {"", "if (sum(y[6 - i]) > 0) target += log(psi) + bernoulli_lpmf(y[i] | p); else target += " + absent},
           {"array[5] int seen; for (i in 1:5) if (i > 1) seen[i] = sum(y[i]); else seen[i] = 0;",
            "if (seen[i]) target += log(psi) + bernoulli_lpmf(y[i] | p); else target += " + absent}}) {
    INFO(computed + body);
    CHECK(not_generative(occupancy(computed, body)) != "generative");
  }
}

TEST_CASE("members of groups are drawn by the part of their group") {
  const auto grouped = [](const std::string& declared, const std::string& body) {
    return "data { int M; array[6] int<lower=1, upper=3> w; array[6] int<lower=1> doc; vector[6] x; } transformed data "
           "{ int S = "
           "3; array[6] int d = {1, 3, 2, 1, 3, 3}; } design { M ~ discrete_range(1, 2); for (n in 1:6) doc[n] ~ "
           "discrete_range(1, 2); x ~ normal(0, 1); } parameters { simplex[2] theta; array[2] simplex[3] phi; } model "
           "{ theta ~ "
           "dirichlet([8, 3]'); phi[1] ~ dirichlet([8, 1, 1]'); phi[2] ~ dirichlet([1, 1, 8]'); " +
           declared + body + " }";
  };
  const std::string sums = "for (m in 1:S) target += log_sum_exp(gamma[m]);";
  const std::string of_array =
      "array[S, 2] real gamma; for (m in 1:S) for (k in 1:2) gamma[m, k] = categorical_lpmf(k | theta); ";
  const std::string members =
      "for (n in 1:6) for (k in 1:2) gamma[d[n], k] = gamma[d[n], k] + categorical_lpmf(w[n] | phi[k]); ";
  for (const auto& [declared, body] : std::vector<std::pair<std::string, std::string>>{
           {of_array, members + sums},
           {"array[S] vector[2] gamma = rep_array(log(theta), S);",
            "for (k in 1:2) { for (n in 1:6) { gamma[d[n], k] += log(phi[k, w[n]]); } } " + sums},
           {"matrix[S, 2] gamma; for (m in 1:S) gamma[m] = log(theta)';",
            members + "for (m in 1:S) { target += log_sum_exp(gamma[m]); }"}}) {
    INFO(declared + body);
    CHECK(discrepancy(grouped(declared, body), grouped(declared, body)) < 5.5);
  }
  // The labels of three groups are other ones than those of six words.
  CHECK(discrepancy(grouped("", "for (n in 1:6) target += log_sum_exp(log(theta[1]) + categorical_lpmf(w[n] | phi[1]), "
                                "log(theta[2]) + categorical_lpmf(w[n] | phi[2]));"),
                    grouped(of_array, members + sums)) > 5.5);
  for (const auto& [declared, body] : std::vector<std::pair<std::string, std::string>>{
           {of_array, members + "for (m in 2:S) target += log_sum_exp(gamma[m]);"},
           {of_array, "for (n in 1:6) for (k in 1:1) gamma[d[n], k] += categorical_lpmf(w[n] | phi[k]); " + sums},
           {of_array, "for (n in 1:6) for (k in 1:2) gamma[w[n], k] += categorical_lpmf(w[n] | phi[k]); " + sums},
           {"array[S, 2] real gamma; for (m in 1:S) for (k in 1:1) gamma[m, k] = log(theta[k]); ", members + sums},
           {of_array, members + members + sums}}) {
    INFO(declared + body);
    CHECK_FALSE(not_generative(grouped(declared, body)).empty());
  }
}

TEST_CASE("numbers of which some are counted are drawn, and left out where the sum has no term for them") {
  const auto counted = [](const std::string& transformed, const std::string& body) {
    return "data { int K; array[3, 2] int<lower=0> y; } transformed data { " + transformed +
           " } parameters { real<lower=0> l; real<lower=0, upper=1> p; } model { l ~ gamma(8, 4); p ~ beta(4, 4); for "
           "(i in "
           "1:3) { " +
           body + " } }";
  };
  const auto fixed = [](std::string text) { // K is 25, beyond what happens, or 4, where much is left out
    return [text](const std::string& limit) {
      std::string result = text;
      result.replace(result.find("int K; "), 7, "");
      for (std::size_t at = 0; (at = result.find('K', at)) != std::string::npos; at += limit.size())
        result.replace(at, 1, limit);
      return result;
    };
  };
  const std::string largest = "array[3] int<lower=0> most; for (i in 1:3) most[i] = max(y[i]);";
  for (const std::string& text :
       {counted(largest,
                "vector[K + 1] lp; for (n in most[i]:K) lp[n + 1] = poisson_lpmf(n | l) + binomial_lpmf(y[i] | n, p); "
                "target += log_sum_exp(lp[(most[i] + 1):(K + 1)]);"),
        counted(
            largest,
            "vector[K - most[i] + 1] lp; for (j in 1:(K - most[i] + 1)) lp[j] = neg_binomial_2_lpmf(most[i] + j - 1 "
            "| l, 3) + binomial_lpmf(y[i] | most[i] + j - 1, p); target += log_sum_exp(lp);"),
        counted("", "array[K + 1] real lp; for (n in 0:K) { lp[n + 1] = poisson_log_lpmf(n | log(l)); for (t in 1:2) "
                    "lp[n + 1] += "
                    "binomial_logit_lpmf(y[i, t] | n, logit(p)); } target += log_sum_exp(lp);")}) {
    INFO(text);
    for (const char* limit : {"25", "4"}) {
      const auto model = compiled(fixed(text)(limit));
      CHECK(test::discrepancy(model, model, std::string(limit) == "4" ? 0.6 : 0) < 5.5);
    }
  }
  // The sum leaves terms out that the loop fills: what is summed is something else.
  CHECK(not_generative(counted(
            "", "vector[K + 1] lp; for (n in 0:K) lp[n + 1] = poisson_lpmf(n | l) + binomial_lpmf(y[i] | n, p); "
                "target += log_sum_exp(lp[2:(K + 1)]);")) != "generative");
}
