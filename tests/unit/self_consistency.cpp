// Self-consistency of compiled models: the density in the frames of data sets, what is refused, and what the term does
// where there are few simulations.
#include "lang/errors.hpp"
#include "runtime/training/prepare.hpp"
#include "runtime/training/train_sampler.hpp"
#include "runtime/training/unlabelled_data.hpp"
#include "tests/compiled.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numbers>
#include <random>

using namespace sibyl;
using Catch::Contains;
using test::compiled;

[[maybe_unused]] static const bool environment_is_set = (set_training_environment(), true);

namespace {

// The posterior is normal, so the Laplace frame is the posterior itself.
constexpr const char* conjugate = R"(
data { int<lower=1> N; vector[N] y; }
design { N ~ discrete_range(1, 9); }
parameters { real a; real b; }
model {
  a ~ normal(1, 2);
  b ~ normal(a, 3);
  y ~ normal(a - 0.5 * b, 0.7);
}
)";

constexpr const char* location_and_scale = R"(
data { int<lower=1> N; vector[N] y; }
design { N ~ discrete_range(3, 8); }
parameters { real mu; real<lower=0> sigma; }
model {
  mu ~ normal(0, 2);
  sigma ~ exponential(1);
  y ~ normal(mu, sigma);
}
)";

DataSet data_set(const std::string& label, std::vector<double> y) {
  DataSet set{label, {}};
  const auto count = static_cast<std::int64_t>(y.size());
  set.variables["N"] = {true, {}, {static_cast<double>(count)}};
  set.variables["y"] = {false, {count}, std::move(y)};
  return set;
}

SamplerTrainingOptions few_simulations() {
  SamplerTrainingOptions options;
  options.simulations = 512;
  options.budget.steps = 250;
  options.setup.frame = FrameChoice::prior;
  options.setup.threads = 2;
  options.setup.seed = 4;
  return options;
}

} // namespace

TEST_CASE(
    "in the frame of an exact posterior the log density is that of standard normals, whatever the data set's size") {
  const auto model = compiled(conjugate);
  SetupOptions options;
  options.frame = FrameChoice::laplace;
  options.pilot_count = 200;
  const SimulatedBatch pilot = simulate_usable(model, options, first_pilot_index, options.pilot_count);
  UnlabelledData data(model, prepare(model, options, &pilot), pilot.data, 2);
  constexpr std::size_t sets = 7, draws = 11, n = 2;
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < sets; ++i) which.push_back(3 * i + 1);
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  std::vector<double> z(sets * draws * n), values(sets * draws), gradients(z.size());
  for (double& one : z) one = normal(random);
  data.evaluate(which, z, values, gradients);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double evidence = values[i] + 0.5 * (z[n * i] * z[n * i] + z[n * i + 1] * z[n * i + 1]);
    const std::size_t first = i / draws * draws;
    CHECK(
        evidence ==
        Approx(values[first] + 0.5 * (z[n * first] * z[n * first] + z[n * first + 1] * z[n * first + 1])).margin(1e-6));
    for (std::size_t p = 0; p < n; ++p) CHECK(gradients[n * i + p] == Approx(-z[n * i + p]).margin(1e-5));
  }
  const UnlabelledBatch batch = data.select(which);
  CHECK(batch.inputs.count == sets);
  CHECK(batch.which == which);
}

TEST_CASE("what cannot be learned from by self-consistency is refused in one sentence") {
  SamplerTrainingOptions options = few_simulations();
  options.self_consistency = 0.1;
  CHECK_THROWS_WITH(train_sampler(compiled(R"(data { real y; }
parameters { real a; }
model { a ~ normal(0, 1); real latent; latent ~ normal(a, 1); y = latent ^ 3; }
)"),
                                  options),
                    Contains("self-consistency needs the model's density"));
  const auto model = compiled(location_and_scale);
  options.family = "flow_matching";
  CHECK_THROWS_WITH(train_sampler(model, options), Contains("flow_matching"));
  options = few_simulations();
  options.real = {data_set("7", {1, NAN, 2})};
  CHECK_THROWS_WITH(train_sampler(model, options), Contains("the real data set 7 has missing values"));
  options.self_consistency = 0;
  CHECK_THROWS_WITH(train_sampler(model, options), Contains("whose weight is 0"));
  options.self_consistency = -1;
  CHECK_THROWS_WITH(train_sampler(model, options), Contains("must be 0 or more"));
}

TEST_CASE("without a wish and without real data there is no self-consistency, however few the simulations") {
  SamplerTrainingOptions options = few_simulations();
  options.budget.steps = 5;
  const auto model = compiled(location_and_scale);
  CHECK(train_sampler(model, options).training.self_consistency.draws == 0);
  options.self_consistency = 0.1;
  CHECK(train_sampler(model, options).training.self_consistency.draws > 0);
}

TEST_CASE("real data that are unlike all of few simulations are learned from by self-consistency") {
  const auto model = compiled(location_and_scale);
  // Seven prior sds from the prior's mean: no simulation is like these.
  const std::vector<DataSet> real{data_set("1", {13.2, 14.9, 14.1, 15.3, 13.8}),
                                  data_set("2", {14.8, 15.6, 13.1, 14.0, 14.4, 15.2, 14.6})};
  struct Found {
    double real; // mean effective size of 4,000 draws
    TrainedSampler trained;
  };
  const auto train = [&](bool with_real) {
    SamplerTrainingOptions options = few_simulations();
    options.self_consistency = with_real ? 0.1 : 0;
    if (with_real) options.real = real;
    Found found{0, train_sampler(model, options)};
    for (const Posterior& one : make_sampler(model, found.trained.file).sample(real, {.seed = 2}))
      found.real += one.verdict.check->effective_size / static_cast<double>(real.size());
    return found;
  };
  const Found without = train(false), with_real = train(true);
  INFO("effective sizes " << without.real << ", " << with_real.real);
  CHECK(with_real.real > 2 * without.real);
  const SelfConsistencyResult& term = with_real.trained.training.self_consistency;
  CHECK(term.trained < 0.5 * term.untrained);
  CHECK(term.draws > 0);
  CHECK(term.dropped == 0);
  CHECK(without.trained.training.self_consistency.draws == 0);
}
