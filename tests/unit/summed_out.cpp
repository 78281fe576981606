// Latent ints that a density sums over: the same densities and gradients as the sums written by hand, and which latents
// are refused.
#include "compiler/interface/metadata.hpp"
#include "runtime/model/density.hpp"
#include "tests/compiled.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace sibyl;
using Catch::Contains;
using test::compiled;

namespace {

const std::string header = "data { int<lower=1> N; vector[N] y; array[N] int<lower=0, upper=9> c; } "
                           "design { N ~ discrete_range(3, 9); } "
                           "parameters { real<lower=0, upper=1> w; vector[3] mu; } "
                           "model { w ~ beta(2, 3); mu ~ normal(0, 2); ";
const std::string of_c = "for (n in 1:N) c[n] ~ binomial(9, 0.5); ";
const std::string of_y = "y ~ normal(0, 1); ";

DataSet data() {
  DataSet set;
  set.variables = {
      {"N", {true, {}, {4}}}, {"y", {false, {4}, {0.3, -1.2, 2.5, 0.1}}}, {"c", {true, {4}, {0, 3, 0, 1}}}};
  return set;
}

// The log density and its gradient.
std::vector<double> evaluate(const std::shared_ptr<CompiledModel>& model, const std::vector<double>& point) {
  Density density(model, 1);
  const std::vector<std::size_t> which{0};
  const DataSet set = data();
  density.bind(gather(model->facts(), std::span(&set, 1)), which);
  for (std::size_t i = 0; i < point.size(); ++i) density.points()[i] = point[i];
  density.evaluate(true);
  std::vector<double> values{density.value(0)};
  for (std::size_t i = 0; i < point.size(); ++i) values.push_back(density.gradient()[i]);
  return values;
}

} // namespace

TEST_CASE("a density sums over the values of a latent int as the sum written by hand does") {
  struct Case {
    std::string latent, by_hand;
  };
  const std::vector<Case> cases = {
      // Two components, by a branch and by a choice.
      {of_c +
           "for (n in 1:N) { int z; z ~ bernoulli(w); if (z == 1) y[n] ~ normal(mu[1], 1); else y[n] ~ normal(mu[2], "
           "2); }",
       of_c + "for (n in 1:N) target += log_mix(w, normal_lpdf(y[n] | mu[1], 1), normal_lpdf(y[n] | mu[2], 2));"},
      {of_c + "for (n in 1:N) { int z; z ~ bernoulli_logit(mu[3]); y[n] ~ normal(z ? mu[1] : mu[2], 1); }",
       of_c +
           "for (n in 1:N) target += log_mix(inv_logit(mu[3]), normal_lpdf(y[n] | mu[1], 1), normal_lpdf(y[n] | mu[2], "
           "1));"},
      // Three components, the labels in a list.
      {of_c + "vector[3] theta = [w / 2, w / 2, 1 - w]'; array[N] int z; for (n in 1:N) { z[n] ~ categorical(theta); "
              "y[n] ~ normal(mu[z[n]], z[n]); }",
       of_c + "vector[3] theta = [w / 2, w / 2, 1 - w]'; for (n in 1:N) { vector[3] lp = log(theta); for (k in 1:3) "
              "lp[k] += normal_lpdf(y[n] | mu[k], k); target += log_sum_exp(lp); }"},
      // A number that is set, or changed, behind the draw.
      {of_c +
           "for (n in 1:N) { real m; int z; z ~ bernoulli(w); if (z == 1) m = mu[1]; else m = mu[2]; y[n] ~ normal(m, "
           "1); }",
       of_c + "for (n in 1:N) target += log_mix(w, normal_lpdf(y[n] | mu[1], 1), normal_lpdf(y[n] | mu[2], 1));"},
      {of_c + "for (n in 1:N) { real m = mu[1]; int z; z ~ binomial(2, w); m += z * mu[2]; y[n] ~ normal(m, 1); }",
       of_c + "for (n in 1:N) { vector[3] lp; for (k in 0:2) lp[k + 1] = binomial_lpmf(k | 2, w) + normal_lpdf(y[n] | "
              "mu[1] + k * mu[2], 1); target += log_sum_exp(lp); }"},
      // Two latents, the second of a distribution that the first chooses.
      {of_c + "for (n in 1:N) { int a; int b; a ~ bernoulli(w); b ~ bernoulli(a ? 0.3 : 0.9); y[n] ~ normal(mu[a + b + "
              "1], 1); }",
       of_c + "for (n in 1:N) target += log_sum_exp([log(w) + log(0.7) + normal_lpdf(y[n] | mu[2], 1), log(w) + "
              "log(0.3) + "
              "normal_lpdf(y[n] | mu[3], 1), log1m(w) + log(0.1) + normal_lpdf(y[n] | mu[1], 1), log1m(w) + log(0.9) + "
              "normal_lpdf(y[n] | mu[2], 1)]');"},
      // Two whose statements interleave.
      {"for (n in 1:N) { int a; int b; a ~ bernoulli(w); b ~ bernoulli(0.4); y[n] ~ normal(mu[a + 1], 1); c[n] ~ "
       "binomial(9, b ? 0.2 : w); }",
       "for (n in 1:N) target += log_mix(w, normal_lpdf(y[n] | mu[2], 1), normal_lpdf(y[n] | mu[1], 1)) + log_mix(0.4, "
       "binomial_lpmf(c[n] | 9, 0.2), binomial_lpmf(c[n] | 9, w));"},
      // One for all data.
      {of_c + "int z; z ~ discrete_range(1, 3); y ~ normal(mu[z], 1);",
       of_c + "target += log_sum_exp([normal_lpdf(y | mu[1], 1), normal_lpdf(y | mu[2], 1), normal_lpdf(y | mu[3], "
              "1)]') - "
              "log(3);"},
      // Values without density drop out: zeros are of either kind.
      {of_y + "for (n in 1:N) { int z; z ~ bernoulli(w); if (z == 1) c[n] = 0; else c[n] ~ binomial(9, 0.3); }",
       of_y + "for (n in 1:N) if (c[n] == 0) target += log_mix(w, 0, binomial_lpmf(0 | 9, 0.3)); else target += "
              "log1m(w) + "
              "binomial_lpmf(c[n] | 9, 0.3);"},
  };
  for (const Case& one : cases) {
    INFO(one.latent);
    const auto latent = compiled(header + one.latent + "}"), by_hand = compiled(header + one.by_hand + "}");
    REQUIRE(latent->facts().has_density);
    CHECK(latent->facts().is_generative);
    for (const std::vector<double>& point : {std::vector<double>{0.2, 0.5, -1, 2}, {-3, 0, 4, 0.1}}) {
      const std::vector<double> ours = evaluate(latent, point), theirs = evaluate(by_hand, point);
      for (std::size_t i = 0; i < ours.size(); ++i) CHECK(ours[i] == Approx(theirs[i]).epsilon(1e-11).margin(1e-11));
    }
  }
}

TEST_CASE("a latent that chooses a prior is summed over there") {
  const std::string text =
      "data { int N; vector[N] y; array[N] int c; } parameters { real<lower=0, upper=1> w; vector[3] "
      "mu; } model { w ~ beta(2, 3); mu[2:3] ~ normal(0, 1); ";
  const auto latent = compiled(
      text + "int z; z ~ bernoulli(w); mu[1] ~ normal(0, z ? 1 : 0.1); y ~ normal(mu[1], 1); c ~ poisson(3); }");
  const auto by_hand = compiled(text + "target += log_mix(w, normal_lpdf(mu[1] | 0, 1), normal_lpdf(mu[1] | 0, 0.1)); "
                                    "y ~ normal(mu[1], 1); c ~ poisson(3); }");
  REQUIRE(latent->facts().has_density);
  for (const double at : {0.05, 1.3}) {
    const std::vector<double> ours = evaluate(latent, {0.4, at, 0, 0}), theirs = evaluate(by_hand, {0.4, at, 0, 0});
    for (std::size_t i = 0; i < ours.size(); ++i) CHECK(ours[i] == Approx(theirs[i]).epsilon(1e-11));
  }
}

TEST_CASE("which latents have no sum, and why") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"for (n in 1:N) { real z; z ~ normal(0, 1); y[n] ~ normal(z, 1); }", "`z` is drawn and integrated out"},
      {"for (n in 1:N) { int z; z ~ poisson(2); y[n] ~ normal(z, 1); }", "infinitely many values"},
      {"array[N] int z; for (n in 1:N) z[n] ~ bernoulli(w); for (n in 1:N) y[n] ~ normal(mu[z[n] + 1], 1);",
       "used elsewhere than behind its draw"},
      {"array[N] int z; z ~ bernoulli(w); for (n in 1:N) y[n] ~ normal(mu[z[n] + 1], 1);", "not by the element"},
      {"array[N] int z; for (n in 1:N) { z[n] ~ bernoulli(n == 1 ? w : mu[z[max(1, n - 1)] + 1]); y[n] ~ "
       "normal(mu[z[n] + "
       "1], 1); }",
       "used elsewhere"},
      {"real m = 0; for (n in 1:N) { int z; z ~ bernoulli(w); m += z; y[n] ~ normal(m, 1); }",
       "`m`, which is declared outside of where it is drawn, changes with it"},
      {"for (n in 1:N) { int z; z ~ bernoulli(w); if (z) break; y[n] ~ normal(0, 1); }", "this leaves the loop"},
  };
  for (const auto& [statements, reason] : cases) {
    INFO(statements);
    const Frontend frontend = compile_to_ir(Source("model.sib", header + of_c + statements + "}"));
    REQUIRE(frontend.model);
    const Facts& facts = frontend.model->facts;
    CHECK_FALSE(facts.has_density);
    CHECK_THAT(missing_function(facts, "log_density"), Contains(reason));
  }
}
