// The verdict where there is no density, on posteriors in closed form: y[i] ~ normal(mu + 0.1 * i, 1) by way of
// latents, and "networks" that know the posterior and are wrong in ways of their own. Seeds are fixed. Of right draws
// one verdict in a hundred finds a difference at most, and calls it one that matters more rarely still.
#include "runtime/criticism/verify.hpp"
#include "runtime/training/prepare.hpp"
#include "tests/compiled.hpp"
#include "tests/tensors.hpp"

#include <catch2/catch.hpp>

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

TEST_CASE("right draws are not blamed") {
  const Case one;
  for (unsigned seed = 1; seed <= 8; ++seed) {
    const Verdict verdict = one.verdict([](auto y) { return posterior_of(y, size); }, data_set(seed));
    INFO(verdict.text());
    REQUIRE(verdict.verification->local);
    CHECK(verdict.verification->local->is_near);
    CHECK(verdict.verification->local->is_good());
  }
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
