// The verdict where there is no density, on posteriors in closed form: y[i] ~ normal(mu + 0.1 * i, 1) by way of
// latents, and "networks" that know the posterior and are wrong in ways of their own. Seeds are fixed. Of right draws
// one verdict in twenty finds a difference at most, and calls it one that matters more rarely still.
#include "runtime/criticism/near_test.hpp"
#include "runtime/criticism/verify.hpp"
#include "runtime/training/calibrate.hpp"
#include "runtime/training/prepare.hpp"
#include "tests/compiled.hpp"
#include "tests/tensors.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

using namespace sibyl;

namespace {

constexpr std::size_t size = 8;

// Mean and sd of the draws of mu, from the data.
using Belief = std::function<std::pair<double, double>(std::span<const float>)>;

// The exact posterior given the first `used` values: the prior is standard normal.
std::pair<double, double> posterior_of(std::span<const float> y, std::size_t used) {
  double sum = 0;
  for (std::size_t i = 0; i < used; ++i) sum += y[i] - 0.1 * static_cast<double>(i + 1);
  const double precision = 1 + static_cast<double>(used);
  return {sum / precision, 1 / std::sqrt(precision)};
}

class Networks final : public FramePosterior {
 public:
  Networks(const InferenceSetup& setup, Belief belief) : setup_(setup), belief_(std::move(belief)) {}
  std::size_t summary_size() const override { return size; }
  std::vector<float> summarize(const EncodedBatch& inputs) const override {
    std::vector<float> result(inputs.direct.size());
    const auto& columns = setup_.encoder.plan().direct;
    REQUIRE(columns.size() == size);
    for (std::size_t i = 0; i < result.size(); ++i) {
      const InputColumn& column = columns[i % size];
      result[i] = static_cast<float>(column.center + column.scale * std::sinh(inputs.direct[i]));
    }
    return result;
  }
  void sample(const float* summary, std::size_t count, std::uint64_t seed, double* z, double* density) const override {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    const auto [mean, sd] = belief_(std::span(summary, size));
    const FrameBatch frame = setup_.encoder.prior().repeat(1);
    for (std::size_t i = 0; i < count; ++i) {
      const double mu = mean + sd * normal(random);
      frame.to_frame(0, &mu, z + i);
    }
    if (density) std::fill_n(density, count, 0.0);
  }
  void log_density(const float*, std::size_t count, const double*, double* result) const override {
    std::fill_n(result, count, 0.0);
  }

 private:
  const InferenceSetup& setup_;
  Belief belief_;
};

// y, of a mu that the prior draws.
std::vector<double> data_set(unsigned seed);

struct Case {
  std::shared_ptr<CompiledModel> model = test::compiled(R"(
    data { vector[8] y; }
    parameters { real mu; }
    model {
      mu ~ normal(0, 1);
      for (i in 1:8) { real e; e ~ normal(0, 1); y[i] = mu + 0.1 * i + e; }
    }
  )");
  InferenceSetup setup;

  Case() {
    SetupOptions options;
    options.frame = FrameChoice::prior;
    options.pilot_count = 500;
    setup = prepare(model, options);
  }

  Verdict verdict(const Belief& belief, const std::vector<double>& y) const {
    const PosteriorSampler sampler(model, setup, std::make_shared<Networks>(setup, belief));
    const DataSet data{"1", {{"y", test::vector(y)}}};
    return Verifier(sampler).verify(std::span(&data, 1), {.draws = 1000}).front().verdict;
  }

  // Of right draws. `wide`: that of a test learned from the same number of simulations all over the prior.
  struct PValues {
    double near = 1, wide = 1;
    bool is_flagged = false;
  };
  PValues of_right_draws(unsigned seed, std::size_t simulations) const {
    const PosteriorSampler sampler(
        model, setup, std::make_shared<Networks>(setup, [](auto y) { return posterior_of(y, size); }));
    std::mt19937_64 random(1000 + seed);
    std::normal_distribution<double> normal;
    std::vector<double> prior(6000);
    for (double& one : prior) one = normal(random);
    const DataSet data{"1", {{"y", test::vector(data_set(500 + seed))}}};
    SampleOptions options{.draws = 1000, .seed = seed, .keep_unconstrained = true};
    const Posterior own = sampler.sample(std::span(&data, 1), options).front();
    const std::optional<LocalOutcome> near =
        test_near(sampler, data, own, prior, seed, options, {.simulations = simulations});
    REQUIRE(near);
    std::vector<LocalExample> examples;
    for (std::size_t i = 0; i < simulations; ++i) {
      const double mu = prior[i];
      std::vector<double> y(size);
      for (std::size_t k = 0; k < size; ++k) y[k] = mu + 0.1 * static_cast<double>(k + 1) + normal(random);
      const std::vector<float> summary(y.begin(), y.end());
      const auto [mean, sd] = posterior_of(summary, size);
      LocalExample example{summary, {}, {mu}, {}};
      for (std::size_t k = 0; k < LocalTest::least_draws; ++k) example.draws.push_back(mean + sd * normal(random));
      examples.push_back(std::move(example));
    }
    const std::optional<LocalOutcome> wide =
        LocalTest(examples, seed).judge(own.summary, {}, own.unconstrained, own.draws, 1);
    REQUIRE(wide);
    return {near->p_value, wide->p_value, !join(*near, *wide).is_good()};
  }
};

std::vector<double> data_set(unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  const double mu = normal(random);
  std::vector<double> y(size);
  for (std::size_t i = 0; i < size; ++i) y[i] = mu + 0.1 * static_cast<double>(i + 1) + normal(random);
  return y;
}

} // namespace

// The test all over the prior is the same for all eight data sets: what chance has it find in one is found in others.
TEST_CASE("right draws are rarely blamed") {
  const Case one;
  std::size_t blamed = 0;
  for (unsigned seed = 1; seed <= 8; ++seed) {
    const Verdict verdict = one.verdict([](auto y) { return posterior_of(y, size); }, data_set(seed));
    REQUIRE(verdict.verification->local);
    blamed += !verdict.verification->local->is_good();
  }
  CHECK(blamed <= 2);
}

// Each data set has simulations of its own, so that the p-values are independent. Of 120 uniform ones the
// Kolmogorov-Smirnov distance passes its limit once in a thousand runs; of 120 verdicts that flag one in twenty, more
// than 14 do in six runs of a thousand. The seeds are fixed.
TEST_CASE("p-values of the test near a data set are uniform for right draws, and verdicts of both tests flag 5%") {
  const Case one;
  constexpr unsigned runs = 120;
  std::vector<double> near;
  std::size_t flagged = 0;
  for (unsigned seed = 1; seed <= runs; ++seed) {
    const Case::PValues found = one.of_right_draws(seed, 300);
    near.push_back(found.near);
    flagged += found.is_flagged;
  }
  std::sort(near.begin(), near.end());
  double distance = 0;
  for (std::size_t i = 0; i < runs; ++i)
    distance =
        std::max({distance, static_cast<double>(i + 1) / runs - near[i], near[i] - static_cast<double>(i) / runs});
  CAPTURE(distance, flagged, near);
  CHECK(distance < 1.95 / std::sqrt(static_cast<double>(runs)));
  CHECK(flagged <= 14);
}

// Draws of the prior, whatever the data: right on average over all data sets, and typical for the summaries.
TEST_CASE("without a density the test that a sampler carries finds draws that learned nothing, and passes right ones") {
  const Case one;
  const auto verdict_of = [&](const Belief& belief, const std::vector<double>& y) {
    const auto networks = std::make_shared<Networks>(one.setup, belief);
    std::vector<TestExample> examples;
    calibrate(one.model, PosteriorSampler(one.model, one.setup, networks),
              {.simulations = 300, .draws = 200, .example = [&](TestExample example) {
                 examples.push_back(std::move(example));
               }});
    REQUIRE(examples.size() == 300);
    const TrainedTest learned(std::move(examples), 1);
    // As it is in a file.
    const TrainedTest test =
        TrainedTest::from_file(nlohmann::json::parse(learned.document().dump()), learned.weights());
    const DataSet data{"1", {{"y", test::vector(y)}}};
    return PosteriorSampler(one.model, one.setup, networks, {}, test)
        .sample(std::span(&data, 1), {.draws = 1000})
        .front()
        .verdict;
  };
  std::size_t blamed = 0;
  for (unsigned seed = 41; seed <= 48; ++seed) {
    blamed += !verdict_of([](auto y) { return posterior_of(y, size); }, data_set(seed)).is_fine();
    const Verdict verdict = verdict_of([](auto) { return std::pair(0.0, 1.0); }, data_set(seed));
    INFO(verdict.text());
    CHECK_FALSE(verdict.is_fine());
    CHECK_THAT(verdict.text(), Catch::StartsWith("approximate: "));
  }
  CHECK(blamed <= 2); // of eight at 5%: more in six runs of a thousand, were they independent
}

TEST_CASE("draws that are too wide, too narrow or beside the posterior are found near any data set") {
  const Case one;
  const Belief wrong[] = {
      [](auto y) { return std::pair(posterior_of(y, size).first, 1.4 * posterior_of(y, size).second); },
      [](auto y) { return std::pair(posterior_of(y, size).first, 0.7 * posterior_of(y, size).second); },
      [](auto y) {
        const auto [mean, sd] = posterior_of(y, size);
        return std::pair(mean + 0.4 * sd, sd);
      },
  };
  for (const Belief& belief : wrong)
    for (unsigned seed = 21; seed <= 23; ++seed) {
      const Verdict verdict = one.verdict(belief, data_set(seed));
      INFO(verdict.text());
      REQUIRE(verdict.verification->local);
      CHECK_FALSE(verdict.verification->local->is_good());
      CHECK_FALSE(verdict.is_fine());
    }
}

// The draws are right on average over all data sets whose first half is the same: only what the second half says tells.
TEST_CASE("what networks overlooked in this data set is found") {
  const Case one;
  std::vector<double> y = {0, 0.5, -0.5, 0.2, 1.6, 1.2, 2, 1.4};
  const Verdict verdict = one.verdict([](auto values) { return posterior_of(values, size / 2); }, y);
  INFO(verdict.text());
  REQUIRE(verdict.verification->local);
  CHECK_FALSE(verdict.verification->local->is_good());
}
