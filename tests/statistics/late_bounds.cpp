// Bounds of parameters that depend on data which are drawn given them: the joint distribution that is simulated must be
// the one that the density is of (tests/joint_discrepancy.hpp).
//
// A case has up to 6 means of up to 5,000 simulations; one that is right passes 5.5 standard errors with a chance of
// 4e-8.
#include "tests/compiled.hpp"
#include "tests/joint_discrepancy.hpp"

using namespace sibyl;
using Catch::Contains;
using test::compiled;

namespace {

std::string shifted(const std::string& shift, const std::string& model) {
  const std::string boundary = model.find("up[n]") == model.npos ? "" : "array[5] int<lower=0, upper=1> up; ";
  return "data { vector[5] y; " + boundary + "} transformed data { real low = min(y); } parameters { real m; " + shift +
         " shift; } model { m ~ normal(0, 1); " + model + " }";
}

double discrepancy(const std::string& text, double left_out = 0) {
  const auto model = compiled(text);
  INFO(text);
  return test::discrepancy(model, model, left_out);
}

Facts facts_of(const std::string& text) { return compiled(text)->facts(); }

} // namespace

TEST_CASE("a bound that the likelihood keeps is no part of the simulation") {
  const std::string bounded = "real<lower=0, upper=min(y)>", lognormal = "y - shift ~ lognormal(m, 0.5);";
  CHECK(discrepancy(shifted(bounded, "shift ~ exponential(2); " + lognormal)) < 5.5);
  CHECK(discrepancy(shifted("real<upper=low>", "shift ~ normal(0, 1); " + lognormal)) < 5.5);
  // The bound that is known before the data truncates the prior.
  CHECK(discrepancy(shifted("real<lower=0.2, upper=low>", "shift ~ normal(0, 1); " + lognormal)) < 5.5);
  CHECK(discrepancy(shifted(bounded, "shift ~ gamma(2, 2); for (n in 1:5) target += exponential_lpdf(y[n] - shift | "
                                     "exp(m));")) < 5.5);
  CHECK(discrepancy(shifted(bounded,
                            "shift ~ gamma(2, 4); for (n in 1:5) if (up[n] == 1) y[n] ~ wiener(1.5, shift, 0.4, m); "
                            "else y[n] ~ wiener(1.5, shift, 0.6, -m);")) < 5.5);
  // From below, and both in a vector with a bound for each.
  CHECK(discrepancy(shifted("real<lower=max(y)>", "shift ~ normal(0, 1); shift - y ~ lognormal(m, 0.5);")) < 5.5);
  CHECK(discrepancy(
            "data { array[2] vector[3] y; } transformed data { vector[2] low; for (k in 1:2) low[k] = min(y[k]); } "
            "parameters { vector<lower=-1, upper=low>[2] shift; } model { shift ~ normal(0, 1); "
            "for (k in 1:2) for (j in 1:3) y[k, j] - shift[k] ~ exponential(2); }") < 5.5);
}

TEST_CASE("a bound that the likelihood does not keep leaves simulations out") {
  CHECK(discrepancy(shifted("real<upper=min(y)>", "shift ~ normal(0, 1); y ~ normal(shift + 1, 1 + 0.1 * abs(m));"),
                    0.9) < 5.5);
  CHECK(discrepancy(
            "data { real x; real y; } parameters { real<lower=x> a; } model { x ~ normal(0, 1); a ~ normal(0, 1); "
            "y ~ normal(a, 1); }",
            0.7) < 5.5);
}

TEST_CASE("what a late bound leaves without a simulation is named") {
  const Facts flat = facts_of(shifted("real<lower=0, upper=min(y)>", "y - shift ~ lognormal(m, 0.5);"));
  CHECK(flat.has_density);
  CHECK_FALSE(flat.is_generative);
  CHECK_THAT(flat.not_generative.text, Contains("`shift` has no prior"));
  REQUIRE(flat.with_late_bound());
  CHECK(flat.with_late_bound()->name == "shift");
  // A prior of which the data decide the scale is none.
  const Facts circular =
      facts_of(shifted("real<lower=0, upper=low>", "shift ~ uniform(0, low); y - shift ~ lognormal(m, 1);"));
  CHECK(circular.has_density);
  CHECK_THAT(circular.not_generative.text, Contains("the prior of `shift` depends on `low`"));
  const Facts underlying = facts_of(
      "data { vector[3] y; } transformed data { vector[3] z = log(y); } parameters { real<upper=min(y)> a; } model "
      "{ a ~ normal(0, 1); z ~ normal(a, 1); }");
  CHECK(underlying.has_density);
  CHECK_THAT(underlying.not_generative.text, Contains("`z` is computed from `y`, which the model uses elsewhere"));
  // A bound on design is known before the data.
  CHECK_FALSE(
      facts_of("data { real x; real y; } parameters { real<lower=x> a; } model { a ~ normal(0, 1); y ~ normal(a, 1); }")
          .with_late_bound());
}
