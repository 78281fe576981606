// Which texts are simulated in floats, and why others are not.
#include "compiler/compile.hpp"
#include "lang/diagnostic.hpp"
#include "runtime/model/simulator.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace sibyl;
using Catch::Contains;

namespace {

struct Case {
  std::string text;
  std::string reason; // empty: floats do
};

const std::string regression =
    "data { int<lower=1> N; vector[N] x; vector[N] y; } design { N ~ discrete_range(5, 30); x ~ normal(0, 1); } "
    "parameters { real a; real b; real<lower=0> s; } model { a ~ normal(0, 2); b ~ normal(0, 1); s ~ exponential(1); ";

const std::vector<Case> cases = {
    {regression + "y ~ normal(a + b * x, s); }", ""},
    {regression + "for (n in 1:N) y[n] ~ normal(a + b * x[n], s); }", ""},
    {regression + "y ~ student_t(4, a + b * (x - mean(x)) / 2, s); }", ""},
    {regression + "vector[N] mu; for (n in 1:N) { mu[n] = a + b * x[n]; y[n] ~ normal(mu[n], s); } }", ""},
    {regression + "y ~ normal(1e6 * a, s); }", "large beside its scale"},
    {regression + "y ~ normal(a, 1e-9); }", "large beside its scale"},
    {regression + "y ~ normal(exp(10 * a), s); }", "large beside its scale"},
    {regression + "y ~ normal(a / b, s); }", "quotient"},
    {regression + "real t = 0; for (n in 1:N) { t = 0.9 * t + x[n]; y[n] ~ normal(a + b * t, s); } }", "carries `t`"},
    {regression + "y[1] ~ normal(a, s); for (n in 2:N) y[n] ~ normal(b * y[n - 1], s); }", "carries `y`"},
    {regression + "real t = 0; while (t < 1) { real e; e ~ normal(0, 1); t += e; } y ~ normal(t, s); }", "`while`"},
    // A solver, where nothing else needs more digits.
    {"functions { vector rate(real t, vector y) { return -y; } "
     "real last(real a) { return ode_rk45(rate, [a]', 0, {1.0})[1, 1]; } } " +
         regression + "y ~ normal(inv_logit(last(a)), s); }",
     "a solver of `rate`"},
    // Data in unknown units.
    {"data { int N; vector[N] x; vector[N] y; } parameters { real a; } model { a ~ normal(0, 1); y ~ normal(a * x, 1); "
     "}",
     "`x` comes from a data file"},
    {"data { int N; vector<lower=0, upper=1>[N] x; vector[N] y; } parameters { real a; } model { a ~ normal(0, 1); "
     "y ~ normal(a * x, 1); }",
     ""},
    // Counts.
    {"data { int N; array[N] int y; } parameters { real<lower=0> r; } model { r ~ gamma(3, 1); y ~ poisson(r); }", ""},
    {"data { int N; array[N] int y; } parameters { real<lower=0> r; } model { r ~ gamma(3, 0.0001); y ~ poisson(r); }",
     "counts of `poisson` may be large"},
    {"data { int N; array[N] int y; } parameters { real r; } model { r ~ normal(0, 10); y ~ poisson_log(r); }",
     "counts of `poisson_log` may be large"},
    {"data { int N; array[N] int<lower=0> K; array[N] int y; } parameters { real<lower=0, upper=1> p; } model { "
     "y ~ binomial(K, p); }",
     "`K` comes from a data file"},
    {"data { int N; array[N] int y; } parameters { real<lower=0, upper=1> p; } model { y ~ bernoulli(p); }", ""},
    // Sums over as many values as the data have.
    {"data { int N; vector<lower=0, upper=1>[N] x; real y; } parameters { real a; } model { a ~ normal(0, 1); "
     "y ~ normal(a * sum(x), 1); }",
     "sums over many values"},
    {"data { vector<lower=0, upper=1>[20] x; real y; } parameters { real a; } model { a ~ normal(0, 1); "
     "y ~ normal(a * sum(x), 1); }",
     ""},
    // Values next to zero and one.
    {"data { int N; vector[N] y; } parameters { real<lower=0> r; } model { r ~ gamma(0.01, 0.01); y ~ normal(0, r); }",
     "a shape of `gamma`"},
    {"data { int N; array[N] int y; } parameters { real<lower=0, upper=1> p; } model { p ~ beta(0.5, 0.5); "
     "y ~ bernoulli(p); }",
     "a shape of `beta`"},
    {"functions { real f(real x) { return 1e9 * x; } } data { real y; } parameters { real a; } model { "
     "a ~ normal(0, 1); y ~ normal(f(a), 1); }",
     "`f`"},
};

Facts facts_of(const std::string& text) {
  const Source source("model.sib", text);
  const Frontend frontend = compile_to_ir(source);
  INFO(text + "\n" + render(frontend.diagnostics, {&source}, RenderStyle::plain));
  REQUIRE(frontend.model);
  return frontend.model->facts;
}

} // namespace

TEST_CASE("a text is simulated in floats where it bounds what is computed, and in doubles with a reason otherwise") {
  for (const Case& one : cases) {
    const Facts facts = facts_of(one.text);
    REQUIRE(facts.is_generative);
    INFO(one.text + "\n" + facts.needs_double.text);
    CHECK(facts.allows_single_precision == one.reason.empty());
    CHECK_THAT(facts.needs_double.text, Contains(one.reason));
    CHECK(facts.needs_double.text.empty() == one.reason.empty());
    if (!one.reason.empty()) CHECK(facts.needs_double.span.end > facts.needs_double.span.begin);
  }
}

TEST_CASE("counts with a large mean keep their last digit") {
  const CompileResult result =
      compile(Source("model.sib", "data { int<lower=1> N; array[N] int y; } design { N ~ discrete_range(50, 50); } "
                                  "parameters { real<lower=0> r; } model { r ~ gamma(3, 1e-7); y ~ poisson(r); }"));
  REQUIRE(result.model);
  Simulator simulator(result.model, {});
  const SimulatedBatch batch = simulator.simulate(0, 40, 1);
  // At a mean of 3e7 floats are even numbers.
  int odd = 0, count = 0;
  for (std::size_t i = 0; i < batch.data.count; ++i) {
    const DataSet set = extract(result.model->facts(), batch.data, i);
    for (const double value : set.variables.at("y").values) {
      odd += std::fmod(value, 2) != 0;
      ++count;
    }
  }
  CHECK(count == 2000);
  // Half of them; six standard deviations are 134.
  CHECK(std::abs(odd - 1000) < 134);
}
