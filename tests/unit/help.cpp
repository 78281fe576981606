// Help: every name of the standard library says what it is, from its own file.
#include "lang/help.hpp"
#include "lang/check/primitives.hpp"
#include "lang/check/solvers.hpp"
#include "lang/errors.hpp"
#include "lang/library.hpp"

#include <catch2/catch.hpp>

using namespace sibyl;
using Catch::Contains;

TEST_CASE("every distribution, function and transform has its lines") {
  for (const HelpEntry& one : help_entries()) {
    INFO(one.name + " in stdlib/" + one.file);
    CHECK_FALSE(one.meaning.empty());
    CHECK_FALSE(one.signatures.empty());
    CHECK_THAT(help_text(one.name), Contains(one.name));
    CHECK_THAT(help_index(), Contains(one.name));
  }
  for (const auto* names : {&library_function_names(), &library_distribution_names()})
    for (const std::string& name : *names) {
      INFO(name);
      CHECK(find_help(name));
    }
  std::vector<std::string> own = checking::primitive_names();
  for (const std::string& name : checking::solver_names()) own.push_back(name);
  for (const std::string& name : own) {
    INFO(name + ": a function that the compiler implements needs its lines in stdlib/functions/primitives.sib");
    CHECK(find_help(name));
  }
}

TEST_CASE("help on a distribution is what its file says") {
  CHECK(help_text("normal") == R"(normal, a distribution (stdlib/distributions/normal.sib)
  Normal distribution with mean mu and standard deviation sigma.

  y ~ normal(real mu, real sigma)
  real normal_lpdf(real y | real mu, real sigma)
  real normal_lcdf, normal_lccdf, normal_cdf, likewise
  real normal_rng(real mu, real sigma)

support  real
requires is_finite(mu)
requires sigma > 0
requires is_finite(sigma) to draw

  real log_density(real y) {
    // A reciprocal of what all elements share is taken once; a quotient would be taken for each.
    real z = (y - mu) * (1 / sigma);
    return -0.5 * z * z - log(sigma) - 0.91893853320467274178;
  }
)");
  CHECK(help_text("normal_rng") == help_text("normal"));
  CHECK_THAT(help_text("poisson_lpmf"),
             Contains("real poisson_lpmf(int y | real lambda)") && Contains("support  int<lower=0>"));
  CHECK_THAT(help_text("lkj_corr"), Contains("matrix") && Contains("lkj_corr_rng(int K, real eta)"));
  CHECK_THAT(help_text("poisson_log_glm"), Contains("_lpmf(") && Contains("means    poisson_log(alpha + x * beta)"));
  CHECK_THAT(help_text("simplex"), Contains("constrained    vector<lower=0, upper=1>[K]") &&
                                       Contains("unconstrained  K - 1 numbers") && Contains("log_jacobian(vector u)"));
  CHECK_THAT(help_text("log_sum_exp"),
             Contains("real log_sum_exp(vector x)") && Contains("elementwise real log_sum_exp(real x, real y)"));
  CHECK_THAT(help_text("beta"), Contains("beta, a distribution") && Contains("beta, a function"));
  CHECK_THAT(help_text("exp"), Contains("real exp(real x)"));
}

TEST_CASE("a near miss is told") {
  CHECK_THROWS_WITH(help_text("lognormla"), Contains("did you mean `lognormal`?"));
  CHECK_THROWS_WITH(help_text("quite_another"), !Contains("did you mean") && Contains("there is no"));
}
