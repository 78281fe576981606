// Simulation around a data set's posterior: what the compiler proves about it, which parameters a region gives, and
// samplers that are trained so.
#include "runtime/model/region.hpp"
#include "lang/errors.hpp"
#include "runtime/model/simulator.hpp"
#include "runtime/training/locate_region.hpp"
#include "runtime/training/train_sampler.hpp"
#include "tests/compiled.hpp"
#include "tests/tensors.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace sibyl;
using Catch::Contains;
using test::compiled;
using test::scalar;
using test::vector;

namespace {

DataSet normal_data(std::vector<double> values) {
  DataSet set;
  set.variables["N"] = scalar(static_cast<double>(values.size()), true);
  set.variables["y"] = vector(std::move(values));
  return set;
}

const std::string data_block = "data { int<lower=0> N; vector[N] y; }\n";

Region unit_region(DataSet data, double scale, double log_bound) {
  Region region;
  region.location = {0};
  region.factor = {scale};
  region.log_bound = log_bound;
  region.data = std::move(data);
  return region;
}

struct Moments {
  double mean, sd;
};
Moments moments_of(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, std::sqrt(squares / (n - 1))};
}

} // namespace

TEST_CASE("given the parameters, data are simulated where priors alone are lacking") {
  const char* simulated[] = {
      "parameters { real mu; real<lower=0> s; } model { y ~ normal(mu, s); }",
      "parameters { real mu; real<lower=0> s; } model { target += -log(s); y ~ normal(mu, s); }",
      "parameters { real mu; real<lower=0> s; } model { log(s) ~ normal(0, 1); target += -log(s); y ~ normal(mu, s); }",
      "parameters { real a; } transformed parameters { real b = 2 * a; } model { b ~ normal(0, 1); y ~ normal(b, 1); }",
      "parameters { real a; real b; } model { a ~ normal(b, 1); b ~ normal(a, 1); y ~ normal(a + b, 1); }",
      "parameters { real a; } model { a ~ normal(0, 1); a ~ normal(1, 1); y ~ normal(a, 1); }",
      "parameters { real a; } model { real s = exp(a); s ~ normal(0, 1); for (n in 1:N) y[n] ~ normal(a, s); }"};
  for (const char* text : simulated) {
    const auto model = compiled(data_block + text);
    CHECK_FALSE(model->facts().is_generative);
    CHECK(model->facts().simulates_data);
  }
}

TEST_CASE("what adds the data to the density without drawing them is no prior") {
  const char* refused[] = {
      "parameters { real mu; } model { y ~ normal(mu, 1); target += sum(y) * mu; }",
      "parameters { real mu; } model { y ~ normal(mu, 1); y - mu ~ normal(0, 1); }",
      "parameters { real mu; } model { real s = sum(y) * mu; y ~ normal(mu, 1); s ~ normal(0, 1); }",
      "parameters { real mu; } model { y ~ normal(mu, 1); for (n in 1:N) if (y[n] > 0) target += -mu; }",
      "parameters { real mu; } transformed parameters { real m = mu + y[1]; } "
      "model { y ~ normal(mu, 1); m ~ normal(0, 1); }",
      "parameters { real mu; } model { for (n in 1:N) target += log_mix(0.5, normal_lpdf(y[n] | mu, 1), 0); }",
      "parameters { real mu; } model { vector[N] e = (y - mu) / exp(mu); e ~ normal(0, 1); }"};
  for (const char* text : refused) {
    const auto model = compiled(data_block + text);
    CHECK_FALSE(model->facts().simulates_data);
    CHECK_FALSE(model->facts().no_data_simulation.text.empty());
  }
}

TEST_CASE("a bound that depends on the data leaves no region for other data") {
  const auto model = compiled(data_block + "parameters { real<upper=min(y)> mu; } model { y - mu ~ exponential(1); }");
  CHECK(model->facts().simulates_data);
  CHECK_THROWS_WITH(RegionDraws(model, unit_region(normal_data({0.2}), 3, 0)),
                    Catch::Contains("a bound of `mu` depends on data"));
}

TEST_CASE("the log prior is the density without what the data add") {
  for (const char* likelihood :
       {"y ~ normal(mu, s);", "y - mu ~ normal(0, s);", "vector[N] e = y - mu; e ~ normal(0, s);",
        "for (n in 1:N) target += normal_lpdf(y[n] - mu | 0, s);"}) {
    INFO(likelihood);
    const auto model = compiled(data_block +
                                "parameters { real mu; real<lower=0> s; } model { mu ~ normal(1, 2); "
                                "target += -log(s); " +
                                likelihood + " }");
    Region region;
    region.location = {0, 0};
    region.factor = {1, 0, 0, 1};
    region.data = normal_data({1, 2, 3});
    RegionDraws draws(model, region);
    // 1 / s is cancelled by the Jacobian of s = exp(u).
    const std::vector<double> at = draws.log_prior(std::vector<double>{0.3, -1, 4, 2.5});
    const auto expected = [](double mu) { return -0.5 * (mu - 1) * (mu - 1) / 4; };
    CHECK(at[0] - at[1] == Approx(expected(0.3) - expected(4)).epsilon(1e-12));
  }
}

TEST_CASE("with a bound that is high enough, a region's parameters are those of the prior") {
  const auto model = compiled(data_block + "parameters { real mu; } model { mu ~ normal(0.5, 1); y ~ normal(mu, 1); }");
  Region region = unit_region(normal_data({0.2}), 3, 0);
  {
    RegionDraws draws(model, region);
    const std::vector<double> ratios = draws.log_ratio(draws.draw_unbounded(2000, 3));
    region.log_bound = *std::ranges::max_element(ratios) + 0.1;
  }
  RegionDraws draws(model, region);
  const Moments moments = moments_of(draws.draw(0, 40000, 7));
  // Six standard errors: .005 and .0035.
  CHECK(std::abs(moments.mean - 0.5) < 0.03);
  CHECK(std::abs(moments.sd - 1) < 0.021);
}

TEST_CASE("from the text's own draws or the region's, the parameters have one distribution") {
  const auto model = compiled(data_block + "parameters { real mu; } model { mu ~ normal(0.5, 1); y ~ normal(mu, 1); }");
  REQUIRE(can_draw_from_prior(model->facts()));
  Region region = unit_region(normal_data({0.2}), 0.7, -1.2); // c q is below the prior away from 0
  const Moments of_region = moments_of(RegionDraws(model, region).draw(0, 40000, 7));
  region.from_prior = true;
  RegionDraws draws(model, region);
  const std::vector<double> mu = draws.draw(0, 40000, 8);
  const Moments of_prior = moments_of(mu);
  CHECK(of_region.sd < 0.95); // the bound matters
  // Six standard errors of differences: .0071 and .005.
  CHECK(std::abs(of_prior.mean - of_region.mean) < 0.043);
  CHECK(std::abs(of_prior.sd - of_region.sd) < 0.03);
  // A draw depends on the seed and its index.
  CHECK(draws.draw(103, 9, 8) == std::vector<double>(mu.begin() + 103, mu.begin() + 112));
  const double share = draws.acceptance(20000, 3);
  CHECK((share > 0.01 && share < 0.9));
}

TEST_CASE("whose own draws no region has for candidates") {
  const char* texts[] = {"parameters { real mu; } model { y ~ normal(mu, 1); }",
                         "design { N ~ discrete_range(2, 5); } parameters { real mu; } "
                         "model { mu ~ normal(0, 1); y ~ normal(mu, 1); }",
                         "parameters { real mu; } model { mu ~ normal(0, 1); for (n in 2:N) y[n] ~ normal(mu, 1); }"};
  for (const char* text : texts) {
    INFO(text);
    const auto model = compiled(data_block + text);
    CHECK_FALSE(can_draw_from_prior(model->facts()));
    Region region = unit_region(normal_data({0.2, 0.1}), 1, 0);
    region.from_prior = true;
    CHECK_THROWS_AS(RegionDraws(model, region), UserError);
  }
}

TEST_CASE("around a centered hierarchy, training draws from the text's priors and covers the posterior's neck") {
  const auto model =
      compiled("data { int J; vector[J] y; vector[J] sigma; } "
               "parameters { real mu; real<lower=0> tau; vector[J] theta; } "
               "model { mu ~ normal(0, 5); tau ~ cauchy(0, 5); theta ~ normal(mu, tau); y ~ normal(theta, sigma); }");
  DataSet schools;
  schools.variables["J"] = scalar(8, true);
  schools.variables["y"] = vector({28, 8, -3, 7, -1, 1, 18, 12});
  schools.variables["sigma"] = vector({15, 10, 16, 11, 9, 11, 10, 18});
  const LocatedRegion located = locate_region(model, schools, {.seed = 4});
  CHECK(located.region.from_prior);
  CHECK(located.region.covers_posterior());
}

TEST_CASE("a flat prior becomes flat where it is below the bound") {
  const auto model = compiled(data_block + "parameters { real mu; } model { y ~ normal(mu, 1); }");
  Region region = unit_region(normal_data({0.2}), 1, 0);
  RegionDraws widest(model, region);
  region.log_bound = widest.log_ratio(std::vector<double>{2.0}).front(); // flat between -2 and 2
  RegionDraws draws(model, region);
  const std::vector<double> mu = draws.draw(0, 40000, 5);
  const auto between = [&](double low, double high) {
    return static_cast<double>(std::ranges::count_if(mu, [&](double x) { return x > low && x < high; }));
  };
  const double left = between(-1.9, -0.95), middle = between(-0.475, 0.475), right = between(0.95, 1.9);
  CHECK(std::abs(left - middle) < 6 * std::sqrt(left + middle)); // counts of one probability: six standard errors
  CHECK(std::abs(right - middle) < 6 * std::sqrt(right + middle));
  CHECK(between(-10, -2) > 100);
}

TEST_CASE("a data set around another depends on the seed and its index alone, and has its design") {
  const auto model = compiled("data { int N; vector[N] x; vector[N] y; } parameters { real a; real<lower=0> s; } "
                              "model { y ~ normal(a * x, s); }");
  DataSet data = normal_data({1.1, 1.9, 3.2});
  data.variables["x"] = vector({1, 2, 3});
  SimulatorOptions options;
  options.region = locate_region(model, data, {.seed = 2}).region;
  options.keep_all = true;
  Simulator one(model, options);
  options.threads = 2;
  Simulator two(model, options);
  const SimulatedBatch all = one.simulate(0, 100, 11), part = two.simulate(40, 30, 11);
  const int x = model->facts().find("x"), y = model->facts().find("y"), s = model->facts().find("s");
  for (std::size_t i = 0; i < 30; ++i) {
    CHECK(all.unconstrained[(40 + i) * 2 + 1] == part.unconstrained[i * 2 + 1]);
    CHECK(all.data.variables[y].row(40 + i)[2] == part.data.variables[y].row(i)[2]);
    CHECK(part.data.variables[x].row(i)[1] == 2);
    CHECK(*part.data.variables[s].row(i) == Approx(std::exp(part.unconstrained[i * 2 + 1])));
  }
}

TEST_CASE("simulated data that violate their declared bounds are left out of inference") {
  const auto model = compiled("data { int N; vector<lower=0>[N] y; } parameters { real mu; } "
                              "model { mu ~ normal(1, 0.1); y ~ normal(mu, 1); } design { N ~ discrete_range(1, 1); }");
  SimulatorOptions options;
  options.only_finite = true;
  const SimulatedBatch batch = Simulator(model, options).simulate(0, 4000, 1);
  // P(y < 0) is Phi(-1 / 1.005) = .1599, four standard errors are .023.
  CHECK(std::abs(batch.left_out.share() - 0.16) < 0.024);
  CHECK_THAT(batch.left_out.first(), Contains("must be at least 0"));
  CHECK(batch.data.count + batch.left_out.count() == 4000);
}

TEST_CASE("where all simulations from the priors fail, none is accepted") {
  const auto model = compiled("data { int N; array[N] int y; } parameters { real rate; } "
                              "model { rate ~ uniform(40, 60); y ~ poisson_log(rate); }");
  DataSet data;
  data.variables["N"] = scalar(1, true);
  data.variables["y"] = scalar(3, true);
  data.variables["y"].extents = {1};
  Region region = unit_region(data, 1, 0);
  region.from_prior = true;
  RegionDraws draws(model, region);
  CHECK(draws.acceptance(64, 1) == 0);
}

TEST_CASE("regions that cannot be are refused with the reason") {
  const auto latent = compiled(data_block + "parameters { real mu; } model { mu ~ normal(0, 1); real z; "
                                            "z ~ normal(mu, 1); y ~ normal(z, 1); }");
  CHECK_THROWS_WITH(RegionDraws(latent, unit_region(normal_data({1}), 1, 0)), Contains("density"));
  const auto flat = compiled(data_block + "parameters { real mu; } model { y ~ normal(mu, 1); }");
  CHECK_THROWS_WITH(locate_region(flat, normal_data({1, std::nan("")}), {}), Contains("missing"));
  Region wrong = unit_region(normal_data({1}), 1, 0);
  wrong.location = {0, 0};
  wrong.factor = {1, 0, 0, 1};
  CHECK_THROWS_WITH(RegionDraws(flat, wrong), Contains("the region has 2 parameters, the model 1"));
}

// Flat priors of mean and log scale: mu is t with N - 1 degrees of freedom, s^2 a scaled inverse chi-square. What is
// allowed is the network's after a short training; the prior's or the region's own draws are far outside of it.
TEST_CASE("a text without priors is trained around data, and its draws are the exact posterior's") {
  const auto model = compiled(data_block + "parameters { real mu; real<lower=0> s; } "
                                           "model { target += -log(s); y ~ normal(mu, s); }");
  const std::vector<double> y = {996, 1001, 1003, 998, 1004, 1000, 1007, 999, 1001, 995, 1002, 1006};
  SamplerTrainingOptions options;
  options.around = normal_data(y);
  options.budget.steps = 300;
  options.batch_size = 128;
  options.setup.frame = FrameChoice::laplace;
  const TrainedSampler trained = train_sampler(model, options);
  REQUIRE(trained.file.setup.region);
  const PosteriorSampler sampler = make_sampler(model, trained.file);
  const Posterior posterior = sampler.sample(std::vector<DataSet>{normal_data(y)}, {.draws = 4000}).front();
  std::vector<double> mu, s;
  for (std::size_t row = 0; row < posterior.draws.row_count; ++row) {
    mu.push_back(posterior.draws.at(row, 0));
    s.push_back(posterior.draws.at(row, 1));
  }
  const auto n = static_cast<double>(y.size());
  const Moments sample = moments_of(y);
  const double exact_sd = sample.sd / std::sqrt(n) * std::sqrt((n - 1) / (n - 3));
  // E[1 / chi] of n - 1 degrees of freedom.
  const double mean_s =
      sample.sd * std::sqrt((n - 1) / 2) * std::exp(std::lgamma((n - 2) / 2) - std::lgamma((n - 1) / 2));
  CHECK(std::abs(moments_of(mu).mean - sample.mean) < 0.2 * exact_sd);
  CHECK(moments_of(mu).sd == Approx(exact_sd).epsilon(0.15));
  CHECK(moments_of(s).mean == Approx(mean_s).epsilon(0.05));
  // Its design is the data's.
  CHECK_THROWS_WITH(sampler.sample(std::vector<DataSet>{normal_data({1000, 1001})}, {.draws = 10}), Contains("`N`"));
}

// In the neck of a funnel the prior is far above any t distribution's multiple.
TEST_CASE("where the region bounds the prior within the posterior, no verdict is fine and weights are not trusted") {
  const auto model =
      compiled("data { int J; vector[J] y; vector[J] s; } parameters { real<lower=0> tau; vector[J] t; } "
               "model { target += -log1p(square(tau / 5)); t ~ normal(0, tau); y ~ normal(t, s); }");
  DataSet data;
  data.variables["J"] = scalar(6, true);
  data.variables["y"] = vector({28, 8, -3, 7, -1, 1});
  data.variables["s"] = vector({15, 10, 16, 11, 9, 11});
  SamplerTrainingOptions options;
  options.around = data;
  options.budget.steps = 60;
  options.batch_size = 64;
  options.setup.frame = FrameChoice::prior;
  const TrainedSampler trained = train_sampler(model, options);
  REQUIRE(trained.file.setup.region);
  CHECK_FALSE(trained.file.setup.region->covers_posterior());
  const PosteriorSampler sampler = make_sampler(model, trained.file);
  const std::vector<DataSet> sets = {data};
  const Verdict verdict = sampler.sample(sets, {.draws = 1000}).front().verdict;
  CHECK_FALSE(verdict.is_fine());
  REQUIRE(verdict.check);
  CHECK_FALSE(verdict.check->log_evidence);
  const Verdict exact = sampler.sample(sets, {.draws = 1000, .exact = true}).front().verdict;
  REQUIRE(exact.exact);
  CHECK(exact.exact->method == ExactMethod::hmc);
}

// Rows at 3950 .. 3969: intercept and slope are correlated to one part in a million, and short chains cross no more
// than a hundredth of the ridge.
TEST_CASE("a region is as wide as the posterior along a ridge") {
  const auto model =
      compiled("data { int N; vector[N] x; vector[N] y; } parameters { real a; real b; real<lower=0> s; } "
               "model { a ~ normal(0, 1000); target += -log(s); y ~ normal(a + b * x, s); }");
  std::vector<double> x, y;
  for (int i = 0; i < 20; ++i) {
    x.push_back(3950 + i);
    y.push_back(0.1 * i + (i % 3 == 0 ? 1.0 : i % 3 == 1 ? -0.5 : -0.3));
  }
  DataSet data;
  data.variables["N"] = scalar(20, true);
  data.variables["x"] = vector(x);
  data.variables["y"] = vector(y);
  const LocatedRegion located = locate_region(model, data, {.threads = 2});
  const Moments of_x = moments_of(x), of_y = moments_of(y);
  double products = 0;
  for (std::size_t i = 0; i < x.size(); ++i) products += (x[i] - of_x.mean) * (y[i] - of_y.mean);
  const double squares = 19 * of_x.sd * of_x.sd, slope = products / squares,
               residuals = 19 * of_y.sd * of_y.sd - slope * products;
  // The slope's posterior is t with 18 degrees of freedom.
  const double sd = std::sqrt(residuals / 18 / squares * 18 / 16);
  const std::vector<double>& factor = located.region.factor;
  CHECK(std::hypot(factor[3], factor[4]) == Approx(2 * sd).epsilon(0.25));
  CHECK(std::abs(located.region.location[1] - slope) < 0.3 * sd);
}
