// The mass that priors have within declared bounds, against the integral of the compiled density over the unconstrained
// parameters: what is told of a data set's evidence divides by it.
#include "compiler/compile.hpp"
#include "runtime/model/density.hpp"
#include "runtime/model/parameters.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace sibyl;

namespace {

struct Prior {
  std::shared_ptr<CompiledModel> model;
  DataBatch batch;

  explicit Prior(const std::string& text) {
    const CompileResult result = compile(Source("model.sib", text));
    REQUIRE(result.model);
    model = result.model;
    const DataSet nothing;
    batch = gather(model->facts(), std::span(&nothing, 1));
  }

  // At one or more points.
  std::vector<double> log_mass(const std::vector<double>& points) const {
    ParameterTransform transform(model);
    transform.bind(batch, 0);
    const auto mass = transform.log_prior_mass(points);
    REQUIRE(mass.has_value());
    return *mass;
  }

  // By the trapezoidal rule, which is exact to rounding for densities that are smooth and fall off at both ends.
  double log_integral(double reach, double step) const {
    Density density(model);
    density.bind(batch, std::vector<std::size_t>(static_cast<std::size_t>(density.lanes()), 0));
    const std::size_t dimension = density.parameter_count();
    REQUIRE(dimension <= 2);
    const auto width = static_cast<std::size_t>(density.lanes());
    const auto steps = static_cast<std::size_t>(2 * reach / step) + 1;
    const std::size_t count = dimension == 1 ? steps : steps * steps;
    double sum = 0;
    for (std::size_t first = 0; first < count; first += width) {
      for (std::size_t lane = 0; lane < width; ++lane)
        for (std::size_t p = 0; p < dimension; ++p) {
          const std::size_t at = p == 0 ? (first + lane) % steps : (first + lane) / steps;
          density.points()[p * width + lane] = -reach + step * static_cast<double>(at);
        }
      density.evaluate(false);
      for (std::size_t lane = 0; lane < width && first + lane < count; ++lane)
        sum += std::exp(density.value(static_cast<int>(lane)));
    }
    return std::log(sum) + static_cast<double>(dimension) * std::log(step);
  }
};

} // namespace

TEST_CASE("the priors' mass within their bounds is the integral of the density") {
  struct Case {
    const char *declaration, *prior;
  };
  const Case one[] = {
      {"real x;", "x ~ normal(1, 3);"},
      {"real<lower=0> x;", "x ~ normal(1, 3);"},
      {"real<upper=0.5> x;", "x ~ normal(1, 3);"},
      {"real<lower=-1, upper=2> x;", "x ~ normal(1, 3);"},
      {"real<lower=0> x;", "x ~ cauchy(0, 5);"},
      {"real<lower=0> x;", "x ~ student_t(3, 0, 2.5);"},
      {"real<lower=0> x;", "x ~ exponential(2);"},
      {"real<lower=1> x;", "x ~ lognormal(0, 1);"},
      {"real<lower=0, upper=1> x;", "x ~ beta(2, 3);"},
      {"real<lower=2, upper=5> x;", ""},
      {"real<lower=2, upper=5> x;", "x ~ uniform(0, 10);"},
      {"real<lower=0> x;", "target += normal_lpdf(x | 1, 3);"},
      {"real<lower=0> x;", "target += normal_lpdf(x | 1, 3) - 1 * normal_lccdf(0 | 1, 3) + 0.25;"},
      {"real<lower=0> x;", "x ~ normal(1, 3) T[, 4];"},
      {"array[1] real<lower=0> x;", "for (i in 1:1) x[i] ~ normal(i, 3);"},
      {"real<lower=-pi(), upper=pi()> x;", "x ~ von_mises(1, 2);"},
      {"vector<lower=0>[1] x;", "x ~ normal([2]', 3);"},
  };
  for (const Case& prior : one) {
    INFO(prior.declaration << " " << prior.prior);
    const Prior text(std::string("parameters { ") + prior.declaration + " } model { " + prior.prior + " }");
    // Where the density is cut off the rule errs by up to half a step.
    const bool is_cut = std::string(prior.prior).find("T[") != std::string::npos;
    CHECK(text.log_mass({0.3})[0] == Approx(text.log_integral(60, 0.002)).margin(is_cut ? 1e-3 : 2e-5));
  }
  const Case two[] = {
      {"vector<lower=0>[2] x;", "x ~ normal(1, 3);"},
      {"simplex[3] x;", ""},
      {"simplex[3] x;", "x ~ dirichlet([1, 2, 3]');"},
      {"ordered[2] x;", "x ~ normal(1, 3);"},
      {"positive_ordered[2] x;", "x ~ normal(1, 3);"},
      {"unit_vector[2] x;", ""},
      {"real mu; real<lower=0> x;", "mu ~ normal(0, 1); x ~ normal(0, exp(mu));"},
  };
  for (const Case& prior : two) {
    INFO(prior.declaration << " " << prior.prior);
    const Prior text(std::string("parameters { ") + prior.declaration + " } model { " + prior.prior + " }");
    CHECK(text.log_mass({0.3, -0.2})[0] == Approx(text.log_integral(30, 0.05)).margin(1e-5));
  }
}

TEST_CASE("a mass that is not known is no number, and one that depends on parameters shows it") {
  const Prior unknown("parameters { sum_to_zero_vector[3] x; } model { x ~ normal(0, 2); }");
  CHECK(std::isnan(unknown.log_mass({0.3, 0.1})[0]));
  const Prior depends("parameters { real mu; real<lower=0> x; } model { mu ~ normal(0, 1); x ~ normal(mu, 1); }");
  const std::vector<double> masses = depends.log_mass({0, 0.1, 1, 0.1});
  CHECK(masses[0] == Approx(std::log(0.5)));
  CHECK(masses[1] == Approx(std::log(0.841344746068543)));
}

TEST_CASE("a density that the text defines may lack its constant, so that the mass is not known") {
  const Prior unknown(
      "functions { real bell_lpdf(real x, real m) { return -0.5 * square(x - m); } real bell_rng(real m) "
      "{ return normal_rng(m, 1); } } parameters { real x; } model { x ~ bell(2); }");
  CHECK(std::isnan(unknown.log_mass({0.3})[0]));
}

TEST_CASE("the chance of an order among elements of several distributions is not known") {
  const Prior unknown("parameters { ordered[2] x; } model { x[1] ~ normal(0, 1); x[2] ~ normal(2, 1); }");
  CHECK(std::isnan(unknown.log_mass({0.3, 0.1})[0]));
}

TEST_CASE("the mass of parameters whose copies are drawn is the integral of the density") {
  const Prior copies("parameters { simplex[2] w; real a; } transformed parameters { vector[2] v = w; array[1] real b; "
                     "b[1] = a; } model { v ~ dirichlet([2, 3]'); b ~ normal(0.5, 2); }");
  CHECK(copies.log_mass({0.3, 0.1})[0] == Approx(copies.log_integral(25, 0.1)).margin(1e-9));
}

TEST_CASE("a text that cannot be simulated has no such function") {
  const CompileResult result = compile(Source("model.sib", "parameters { real mu; } model { target += -mu^2; }"));
  REQUIRE(result.model);
  ParameterTransform transform(result.model);
  const DataSet nothing;
  transform.bind(gather(result.model->facts(), std::span(&nothing, 1)), 0);
  CHECK_FALSE(transform.log_prior_mass(std::vector<double>{0.0}).has_value());
}
