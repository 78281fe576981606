// Draws, densities, verdicts and calibration, with a posterior network that is the frame's own normal distribution: for
// the mean of the hand-written model that is the exact posterior.
#include "lang/errors.hpp"
#include "runtime/model/simulator.hpp"
#include "runtime/posterior/posterior_sampler.hpp"
#include "runtime/training/calibrate.hpp"
#include "runtime/training/prepare.hpp"
#include "runtime/training/training_source.hpp"
#include "runtime/trust/beside_limit.hpp"
#include "tests/unit/hand_written_model.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <atomic>
#include <cmath>
#include <random>

using namespace sibyl;
using Catch::Contains;

namespace {

constexpr double noise = 0.5;

// z is standard normal times `spread`, whatever the data.
class NormalPosterior final : public FramePosterior {
 public:
  NormalPosterior(const InferenceSetup& setup, double spread, bool has_cheap_density = true)
      : dimension_(setup.parameter_count), width_(setup.encoder.direct_width()), spread_(spread),
        has_cheap_density_(has_cheap_density) {}
  std::size_t summary_size() const override { return width_; }
  std::vector<float> summarize(const EncodedBatch& inputs) const override { return inputs.direct; }
  void sample(const float*, std::size_t count, std::uint64_t seed, double* z, double* density) const override {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal(0, spread_);
    for (std::size_t i = 0; i < count * dimension_; ++i) z[i] = normal(random);
    if (density) log_density(nullptr, count, z, density);
  }
  bool has_cheap_density() const override { return has_cheap_density_; }
  void log_density(const float*, std::size_t count, const double* z, double* result) const override {
    for (std::size_t i = 0; i < count; ++i) {
      result[i] = -static_cast<double>(dimension_) * (0.5 * std::log(2 * M_PI) + std::log(spread_));
      for (std::size_t p = 0; p < dimension_; ++p) result[i] -= 0.5 * std::pow(z[i * dimension_ + p] / spread_, 2);
    }
  }

 private:
  std::size_t dimension_, width_;
  double spread_;
  bool has_cheap_density_;
};

struct Fixture {
  std::shared_ptr<CompiledModel> model = hand_written::make();
  InferenceSetup setup;

  explicit Fixture(bool allows_missing = false) {
    SetupOptions options;
    options.plan.allows_missing = allows_missing;
    options.missing_share = allows_missing ? 0.1 : 0;
    if (allows_missing) options.frame = FrameChoice::prior;
    options.design = hand_written::design(noise);
    options.pilot_count = 500;
    setup = prepare(model, options);
  }
  PosteriorSampler sampler(double spread = 1, TypicalSet typical = {}) const {
    return {model, setup, std::make_shared<NormalPosterior>(setup, spread), std::move(typical)};
  }
  PosteriorSampler sampler_of_costly_densities(double spread) const {
    return {model, setup, std::make_shared<NormalPosterior>(setup, spread, false), {}};
  }
};

// Mean and sd of the exact posterior of mu.
std::pair<double, double> exact(const DataSet& set) {
  double precision = 0.25, weighted = 0.25;
  for (const double y : set.variables.at("y").values) precision += 1 / (noise * noise), weighted += y / (noise * noise);
  return {weighted / precision, 1 / std::sqrt(precision)};
}

double normal_density(double x, double mean, double sd) {
  return -0.5 * std::pow((x - mean) / sd, 2) - std::log(sd) - 0.5 * std::log(2 * M_PI);
}

} // namespace

TEST_CASE("draws have the exact posterior's mean and sd, and do not depend on threads") {
  const Fixture fixture;
  std::vector<DataSet> sets = {hand_written::data_set({1, 2, 1.5}, noise),
                               hand_written::data_set({-3, -2.5, -2, -2}, noise)};
  sets[0].label = "ann";
  const auto posteriors = fixture.sampler().sample(sets, {.draws = 4000, .seed = 3});
  REQUIRE(posteriors.size() == 2);
  CHECK(posteriors[0].draws.label == "ann");
  CHECK(posteriors[0].draws.columns == std::vector<std::string>{"mu", "tau", "both.1", "both.2", "u"});
  for (std::size_t i = 0; i < 2; ++i) {
    const auto [mean, sd] = exact(sets[i]);
    const ColumnSummary mu = summarize(posteriors[i].draws)[0];
    // 5 standard errors: a false alarm in 10^6 runs, and the seed is fixed.
    CHECK(std::abs(mu.mean - mean) < 5 * sd / std::sqrt(4000.0));
    CHECK(mu.sd == Approx(sd).epsilon(5 / std::sqrt(8000.0)));
  }
  const auto threaded = fixture.sampler().sample(sets, {.draws = 4000, .seed = 3, .threads = 2});
  for (std::size_t i = 0; i < 2; ++i) CHECK(threaded[i].draws.values == posteriors[i].draws.values);
  CHECK(posteriors[0].draws.at(0, 4) != posteriors[1].draws.at(0, 4)); // generated quantities differ between data sets
}

TEST_CASE("log_density__ is the density in the model's own space, the same for draws and at given parameters") {
  const Fixture fixture;
  const std::vector<DataSet> sets = {hand_written::data_set({1, 2, 1.5}, noise)};
  const PosteriorSampler sampler = fixture.sampler();
  const Draws draws = sampler.sample(sets, {.draws = 50, .with_density = true})[0].draws;
  REQUIRE(draws.columns.back() == "log_density__");
  const auto [mean, sd] = exact(sets[0]);
  for (std::size_t row = 0; row < draws.row_count; ++row) {
    const double mu = draws.at(row, 0), tau = draws.at(row, 1), logit = std::log(tau / (10 - tau));
    const double jacobian = std::log(tau * (10 - tau) / 10);
    const double expected = normal_density(mu, mean, sd) + normal_density(logit, 0, std::sqrt(2.0)) - jacobian;
    CHECK(draws.at(row, draws.columns.size() - 1) == Approx(expected).margin(1e-5));
    DataSet point;
    point.variables["mu"] = {false, {}, {mu}};
    point.variables["tau"] = {false, {}, {tau}};
    CHECK(sampler.density_at(sets, std::vector<DataSet>{point})[0] == Approx(expected).margin(1e-5));
  }
}

TEST_CASE("given parameters are matched to data sets by the column that tells them apart") {
  const Facts facts = hand_written::make()->facts();
  std::vector<DataSet> sets(2);
  sets[0].label = "b";
  sets[1].label = "a";
  const Table table = parse_csv("set,mu,tau\na,1,2\nb,3,4\n", "truth.csv");
  const auto points = read_parameters(table, facts, sets, "set");
  CHECK(points[0].variables.at("mu").values == std::vector<double>{3});
  CHECK(points[1].variables.at("tau").values == std::vector<double>{2});
  CHECK(read_parameters(table, facts, sets, "")[0].variables.at("mu").values == std::vector<double>{1});
  sets[1].label = "c";
  CHECK_THROWS_WITH(read_parameters(table, facts, sets, "set"), Contains("no row for the data set with set = c"));
  sets.pop_back();
  CHECK_THROWS_WITH(read_parameters(table, facts, sets, ""), Contains("2 rows for 1 data sets"));
  CHECK_THROWS_WITH(read_parameters(parse_csv("mu\n1\n", "t.csv"), facts, sets, ""), Contains("no column for `tau`"));
}

TEST_CASE("parameters out of their bounds are refused with the model's message") {
  const Fixture fixture;
  const std::vector<DataSet> sets = {hand_written::data_set({1}, noise)};
  DataSet point;
  point.variables["mu"] = {false, {}, {0}};
  point.variables["tau"] = {false, {}, {-1}};
  CHECK_THROWS_WITH(fixture.sampler().density_at(sets, std::vector<DataSet>{point}), Contains("tau is -1, outside"));
}

TEST_CASE("calibration passes for the exact posterior and fails for one that is too narrow") {
  const Fixture fixture;
  const Calibration good = calibrate(fixture.model, fixture.sampler(), {.simulations = 600, .draws = 200});
  CHECK(good.parameters[0].name == "mu");
  // The band has a false-alarm rate of 1%; the seed is fixed.
  CHECK(good.parameters[0].inside_band);
  CHECK(good.parameters[0].recovery > 0.98);
  CHECK(good.parameters[0].contraction > 0.95);
  CHECK(good.parameters[0].coverage_90 == Approx(0.9).margin(0.04));
  CHECK(good.parameters[1].contraction < 0.3); // the data tell nothing of tau; the normal is narrower than the logistic
  CHECK_THAT(describe(good), Contains("mean log posterior density of the true parameters"));

  const Calibration narrow = calibrate(fixture.model, fixture.sampler(0.4), {.simulations = 600, .draws = 200});
  CHECK_FALSE(narrow.parameters[0].inside_band);
  CHECK(narrow.parameters[0].coverage_90 < 0.7);
  CHECK(narrow.log_density < good.log_density - 0.5);
  CHECK(nlohmann::json(narrow)["parameters"].size() == 2);
}

TEST_CASE("calibration and what is typical keep to their time, and end where they are interrupted") {
  const Fixture fixture;
  const PosteriorSampler sampler = fixture.sampler();
  std::vector<std::size_t> told;
  CalibrationOptions hurried{.simulations = 600, .draws = 20, .seconds = 1e-9, .fewest = 100};
  hurried.told = [&](std::size_t count) { told.push_back(count); };
  const Calibration calibration = calibrate(fixture.model, sampler, hurried);
  CHECK(calibration.left_out.tried() == 100);
  CHECK(calibration.simulations + calibration.left_out.count() == 100);
  REQUIRE(told.size() > 1);
  CHECK(told.back() == calibration.simulations);
  // The first of the simulations that there would have been with more time.
  CalibrationOptions whole = hurried;
  whole.seconds = 0;
  whole.simulations = 100;
  CHECK(calibrate(fixture.model, sampler, whole).log_density == calibration.log_density);
  CHECK_FALSE(measure_typical_set(fixture.model, sampler, hurried).empty());

  std::atomic<std::int32_t> interrupted = 0;
  CalibrationOptions stopped{.simulations = 600, .draws = 20, .interrupted = &interrupted};
  stopped.told = [&](std::size_t) { interrupted = 1; };
  CHECK_THROWS_WITH(calibrate(fixture.model, sampler, stopped), "interrupted");
  CHECK_THROWS_WITH(measure_typical_set(fixture.model, sampler, stopped), "interrupted");
  stopped.interrupts_before = 1; // it has ended training, and must not end this
  stopped.told = {};
  stopped.simulations = 100;
  CHECK_NOTHROW(calibrate(fixture.model, sampler, stopped));
}

TEST_CASE("preparing ends where it is interrupted") {
  const Fixture fixture;
  std::atomic<std::int32_t> interrupted = 1;
  const PriorFrame& prior = fixture.setup.encoder.prior();
  Simulator simulator(fixture.model, {.design = hand_written::design(noise)});
  const SimulatedBatch some = simulator.simulate(0, 8, 1);
  LaplaceFrames frames(fixture.model, prior, {}, {.interrupted = &interrupted});
  CHECK_THROWS_WITH(frames.find(some.data), "interrupted");
  interrupted = 0;
  CHECK(frames.find(some.data).count == some.data.count);
  interrupted = 1;
  const auto setup = std::make_shared<const InferenceSetup>(fixture.setup);
  CHECK_THROWS_WITH(make_examples(fixture.model, setup, 1, 0, 300, 2, &interrupted), "interrupted");
  interrupted = 0;
  const ExampleSet made = make_examples(fixture.model, setup, 1, 0, 300, 2, &interrupted);
  ExampleMaker maker(fixture.model, setup, 1);
  const Examples expected = maker.make(0, 300);
  CHECK(made.batch.z == expected.z);
  CHECK(made.log_determinant == expected.log_determinant);
}

TEST_CASE("verdicts: simulations are typical, data of another kind are not") {
  const Fixture fixture;
  const PosteriorSampler measuring = fixture.sampler();
  const PosteriorSampler sampler =
      fixture.sampler(1, measure_typical_set(fixture.model, measuring, {.simulations = 1000}));
  Simulator simulator(fixture.model, {.design = hand_written::design(noise)});
  const SimulatedBatch fresh = simulator.simulate(1000000, 200, 77);
  std::vector<DataSet> sets;
  for (std::size_t i = 0; i < fresh.data.count; ++i) sets.push_back(extract(fixture.model->facts(), fresh.data, i));
  std::size_t unusual = 0;
  for (const Posterior& posterior : sampler.sample(sets, {.draws = 10, .check_density = false}))
    unusual += !posterior.verdict.is_fine();
  CHECK(unusual <= 10); // 2 expected at the level of 1%; more than 10 has probability 1e-5
  sets = {hand_written::data_set({60, -70, 80, 900}, noise)};
  const Verdict verdict = sampler.sample(sets, {.draws = 10})[0].verdict;
  CHECK(verdict.outside);
  CHECK_THAT(verdict.text(), Catch::StartsWith("outside of the simulations; `y` reaches 900, outside of -7.") &&
                                 Catch::EndsWith(", the range in training"));
}

TEST_CASE("a typical set survives JSON, and p values are uniform on simulations") {
  std::mt19937_64 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> summaries(3 * 4000);
  for (float& value : summaries) value = normal(random);
  const TypicalSet set(summaries, 3);
  const TypicalSet back = nlohmann::json::parse(nlohmann::json(set).dump()).get<TypicalSet>();
  std::size_t small = 0;
  for (int i = 0; i < 2000; ++i) {
    const float x[3] = {normal(random), normal(random), normal(random)};
    small += set.p_value(set.distance(x)) < 0.1;
    REQUIRE(back.p_value(back.distance(x)) == Approx(set.p_value(set.distance(x))));
  }
  // 200 expected, 5 standard deviations of the count and of the estimated quantile: 100.
  CHECK(small > 100);
  CHECK(small < 300);
  const float far[3] = {30, 0, 0};
  CHECK(set.is_outside(set.distance(far)));
}

TEST_CASE("training batches are the same whatever the number of threads, and where training resumes") {
  const Fixture fixture;
  const auto setup = std::make_shared<InferenceSetup>(fixture.setup);
  TrainingSource one(fixture.model, setup, {.batch_size = 64, .seed = 5});
  TrainingSource three(fixture.model, setup, {.batch_size = 64, .seed = 5, .threads = 3});
  TrainingSource later(fixture.model, setup, {.batch_size = 64, .seed = 5, .first_batch = 4});
  for (int batch = 0; batch < 8; ++batch) {
    const Examples a = one.next(), b = three.next();
    REQUIRE(a.count() + a.left_out.count() == 64);
    CHECK(a.z == b.z);
    CHECK(a.inputs.direct == b.inputs.direct);
    REQUIRE(a.inputs.sources.size() == 1);
    CHECK(a.inputs.sources[0].rows == b.inputs.sources[0].rows);
    if (batch >= 4) CHECK(later.next().z == a.z);
  }
}

TEST_CASE("in the Laplace frame the truth is standard normal where the posterior is normal") {
  const Fixture fixture;
  ExampleMaker maker(fixture.model, std::make_shared<InferenceSetup>(fixture.setup), 1);
  const Examples examples = maker.make(0, 4000);
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < examples.count(); ++i) {
    sum += examples.z[2 * i];
    squares += examples.z[2 * i] * examples.z[2 * i];
  }
  const double n = static_cast<double>(examples.count());
  CHECK(std::abs(sum / n) < 5 / std::sqrt(n));
  CHECK(squares / n == Approx(1).margin(5 * std::sqrt(2 / n)));
}

TEST_CASE("numbers beside a limit are rounded to its own side") {
  CHECK(significant_beside(0.004, 2, 0.01) == "0.004");
  CHECK(significant_beside(3.0 / 301, 2, 0.01) == "0.00997"); // and not 0.01, which is not below 0.01
  CHECK(significant_beside(0.01, 2, 0.01) == "0.01");
  CHECK(significant_beside(0.0104, 2, 0.01) == "0.0104");
  CHECK(significant_beside(0.5, 2, 0.01) == "0.5");
  CHECK(fixed_beside(0.7004, 2, 0.7) == "0.7004");
  CHECK(fixed_beside(0.31, 2, 0.7) == "0.31");
  CHECK(fixed_beside(99.7, 0, 100) == "99.7");
  CHECK(fixed_beside(INFINITY, 2, 0.7) == "inf");
  CHECK(fixed_beside(NAN, 2, 0.7) == "nan");
}

TEST_CASE("what a verdict prints agrees with what it judges") {
  CHECK(Verdict{.p_value = 3.0 / 301}.text() == "unusual (p = 0.00997)");
  Verdict verdict;
  verdict.check = DensityCheck{.k_hat = 0.7031, .effective_size = 2500, .draws = 4000};
  CHECK(verdict.text() == "approximate: k-hat 0.703");
  verdict.check = DensityCheck{.k_hat = 0.1, .effective_size = 99.7, .draws = 4000};
  CHECK(verdict.text() == "approximate: effective sample size 99.7");
  verdict.check.reset();
  verdict.exact = ExactOutcome{.method = ExactMethod::hmc, .r_hat = 1.0512, .steps = 3000};
  CHECK(verdict.text() == "NOT exact: nested R-hat 1.051 after 3000 steps of HMC");
  verdict.exact.reset();
  verdict.verification.emplace();
  verdict.verification->data = {.p_value = 3.0 / 301, .worst = "the sd of y is 2, predicted 1 (sd 0.1)"};
  verdict.verification->local = LocalOutcome{.p_value = 0.0496, .simulations = 1000, .c2st = 0.603};
  CHECK(
      verdict.text() ==
      "approximate: draws UNLIKE the posterior's (local classifier test on 1000 simulations: C2ST 0.603, p = 0.0496); "
      "data UNLIKE the model's (p = 0.00997): the sd of y is 2, predicted 1 (sd 0.1)");
}

TEST_CASE("verdicts in words") {
  CHECK(Verdict{}.text() == "typical");
  CHECK(Verdict{.p_value = 0.004}.text() == "unusual (p = 0.004)");
  CHECK(Verdict{.frame_converged = false}.text() == "typical; its frame did not converge");
  CHECK_FALSE(Verdict{.frame_converged = false}.is_fine());
  const Verdict without{.p_value = 0.004, .unchecked = "the model has no density: line 3"};
  CHECK(without.text() == "unusual (p = 0.004); NOT checked: the draws, without a density");
  CHECK(Verdict{.unchecked = without.unchecked}.text() == "typical; NOT checked: the draws, without a density");
}

TEST_CASE("verdicts in words where the density was compared with the draws") {
  Verdict verdict;
  verdict.check = DensityCheck{.k_hat = 0.31, .effective_size = 2500, .draws = 4000};
  CHECK(verdict.text() == "typical");
  CHECK(verdict.is_fine());
  verdict.check->disagreement = {.parameter = "tau", .shift = -0.63, .sd_ratio = 1.1};
  CHECK(verdict.text() == "approximate: the mean of tau is 0.63 sd off");
  verdict.check->disagreement = {.parameter = "tau", .shift = 0.1, .sd_ratio = 3.5};
  CHECK(verdict.text() == "approximate: the sd of tau is 3.5 times the exact one");
  CHECK_FALSE(verdict.is_fine());
  verdict.check->k_hat = 0.92;
  CHECK(verdict.text() == "approximate: k-hat 0.92");
  verdict.check->missed = "48% of the posterior, about mu = 8.97";
  CHECK(verdict.text() == "approximate: the draws miss 48% of the posterior, about mu = 8.97");
  CHECK_FALSE(verdict.is_fine());
  verdict.check->missed.clear();
  verdict.p_value = 0.004;
  CHECK(verdict.text() == "approximate: k-hat 0.92; unusual (p = 0.004)");
  CHECK_FALSE(verdict.is_fine());
}

TEST_CASE("draws that are too narrow or too wide are never typical") {
  const Fixture fixture;
  const std::vector<DataSet> sets = {hand_written::data_set({1, 2, 1.5}, noise)};
  const auto verdict = [&](double spread) { return fixture.sampler(spread).sample(sets, {.seed = 3})[0].verdict; };
  // tau's logistic density has heavier tails than its frame's normal, but not by much.
  REQUIRE(verdict(1).check);
  CHECK(verdict(1).check->k_hat < largest_good_k_hat);
  CHECK(verdict(1).is_fine());
  CHECK(verdict(0.3).check->k_hat > largest_good_k_hat);
  CHECK_THAT(verdict(0.3).text(), Contains("approximate: k-hat"));
  CHECK(verdict(2.5).check->k_hat < largest_good_k_hat);
  CHECK_THAT(verdict(2.5).text(), Contains("approximate: the sd of mu is 2.5 times the exact one"));
}

TEST_CASE("draws whose densities cost much are checked too, by some of them, and are the same as without the check") {
  const Fixture fixture;
  const std::vector<DataSet> sets = {hand_written::data_set({1, 2, 1.5}, noise)};
  const auto sample = [&](double spread, bool is_checked) {
    return fixture.sampler_of_costly_densities(spread).sample(sets, {.seed = 3, .check_density = is_checked})[0];
  };
  const Posterior good = sample(1, true);
  REQUIRE(good.verdict.check);
  CHECK(good.verdict.check->draws < good.draws.row_count);
  CHECK(good.verdict.text() == "typical");
  CHECK(good.draws.values == sample(1, false).draws.values);
  CHECK_THAT(sample(0.3, true).verdict.text(), Contains("approximate: "));
  CHECK_THAT(sample(2.5, true).verdict.text(), Contains("approximate: the sd of"));
}

TEST_CASE("of few weighted draws a smaller k-hat is asked for") {
  CHECK(largest_good_k_hat_of(4000) == largest_good_k_hat);
  CHECK(largest_good_k_hat_of(500) == Approx(1 - 1 / std::log10(500.0)));
  const DensityCheck check{.k_hat = 0.68, .effective_size = 200, .draws = 500};
  CHECK(check.complaint() == "k-hat 0.68");
  CHECK(DensityCheck{.k_hat = 0.68, .effective_size = 200, .draws = 4000}.is_good());
}

TEST_CASE("draws are checked with enough of them, and are the same as without the check") {
  const Fixture fixture;
  const std::vector<DataSet> sets = {hand_written::data_set({1, 2, 1.5}, noise)};
  const Posterior few = fixture.sampler().sample(sets, {.draws = 20, .seed = 3})[0];
  CHECK(few.verdict.check->draws >= 2000);
  CHECK(few.draws.row_count == 20);
  const Posterior without = fixture.sampler().sample(sets, {.draws = 20, .seed = 3, .check_density = false})[0];
  CHECK_FALSE(without.verdict.check);
  CHECK(without.draws.values == few.draws.values);
}

TEST_CASE("of a data set with missing values the verdict says that k-hat is not known") {
  const Fixture fixture(true);
  const std::vector<DataSet> sets = {hand_written::data_set({1, NAN, 1.5}, noise)};
  const Verdict verdict = fixture.sampler().sample(sets, {.draws = 50})[0].verdict;
  CHECK_FALSE(verdict.check);
  CHECK_THAT(verdict.text(), Contains("has missing values, so k-hat is not known"));
}

// 4,000 draws of systematic resampling or of chains: 6 standard errors of independent ones.
TEST_CASE("exact draws have the posterior's mean and sd, however far off the networks are") {
  const Fixture fixture;
  const std::vector<DataSet> sets = {hand_written::data_set({1, 2, 1.5}, noise)};
  const auto [mean, sd] = exact(sets[0]);
  for (const double spread : {0.3, 1.0, 2.5}) {
    INFO(spread);
    const SampleOptions options{.seed = 4, .with_density = true, .exact = true};
    const Posterior posterior = fixture.sampler(spread).sample(sets, options)[0];
    REQUIRE(posterior.verdict.exact);
    CHECK(posterior.verdict.exact->is_exact);
    CHECK(posterior.verdict.is_fine());
    CHECK_THAT(posterior.verdict.text(), Catch::StartsWith("exact: "));
    // Draws that are too narrow: those around the mode have good weights, as the posterior is nearly normal.
    if (spread < 1)
      CHECK_THAT(posterior.verdict.text(),
                 Contains("around the networks' draws and a mode and along each parameter, k-hat"));
    if (spread > 1) CHECK_THAT(posterior.verdict.text(), Contains("importance sampling, k-hat"));
    REQUIRE(posterior.draws.row_count == 4000);
    const ColumnSummary mu = summarize(posterior.draws)[0], tau = summarize(posterior.draws)[1];
    CHECK(std::abs(mu.mean - mean) < 6 * sd / std::sqrt(4000.0));
    CHECK(mu.sd == Approx(sd).epsilon(6 / std::sqrt(8000.0)));
    // Uniform on (0, 10): the data tell nothing of it.
    CHECK(tau.mean == Approx(5).margin(6 * 2.887 / std::sqrt(4000.0)));
    CHECK(tau.sd == Approx(2.887).epsilon(0.05));
    // The density beside each draw is the networks' own.
    DataSet point;
    point.variables["mu"] = {false, {}, {posterior.draws.at(7, 0)}};
    point.variables["tau"] = {false, {}, {posterior.draws.at(7, 1)}};
    CHECK(fixture.sampler(spread).density_at(sets, std::vector<DataSet>{point})[0] ==
          Approx(posterior.draws.at(7, posterior.draws.columns.size() - 1)).margin(1e-4));
    const Posterior again = fixture.sampler(spread).sample(sets, options)[0];
    CHECK(again.draws.values == posterior.draws.values);
  }
}

TEST_CASE("of a data set with missing values there are no exact draws, and the verdict says so") {
  const Fixture fixture(true);
  const std::vector<DataSet> sets = {hand_written::data_set({1, NAN, 1.5}, noise)};
  const Posterior posterior = fixture.sampler().sample(sets, {.draws = 50, .exact = true})[0];
  CHECK_THAT(posterior.verdict.text(), Contains("NOT exact: the data set has missing values"));
  CHECK_FALSE(posterior.verdict.is_fine());
  CHECK(posterior.draws.row_count == 50);
}

// Of 9 values that are dropped with a probability of 0.1 each, 5 are missing once in 1,100 data sets, and 4 in a row
// once in 1,800.
TEST_CASE("values that are missing as training seldom dropped them are told") {
  const Fixture fixture(true);
  const auto text = [&](const std::vector<double>& y) {
    const std::vector<DataSet> sets = {hand_written::data_set(y, noise)};
    return fixture.sampler().sample(sets, {.draws = 50})[0].verdict.text();
  };
  CHECK_THAT(text({1, NAN, 1, 1, 2, 1, 1, NAN, NAN}), !Contains("misses"));
  CHECK_THAT(text({NAN, NAN, 1, NAN, 1, NAN, 1, NAN, 2}),
             Contains("`y` misses 5 of 9 values, and training dropped 10% at random"));
  CHECK_THAT(text({1, NAN, NAN, NAN, NAN, 1, 1, 1, 2}),
             Contains("`y` misses 4 values in a row, and training dropped 10% at random"));
}

TEST_CASE("exact draws in words") {
  Verdict verdict{.outside = true, .frame_converged = false};
  verdict.exact = ExactOutcome{.method = ExactMethod::importance_sampling, .is_exact = true, .k_hat = 0.31};
  CHECK(verdict.text() == "exact: importance sampling, k-hat 0.31");
  verdict.exact = ExactOutcome{.method = ExactMethod::hmc, .is_exact = true, .r_hat = 1.0042, .steps = 640};
  CHECK(verdict.text() == "exact: HMC, nested R-hat 1.004, 640 steps");
  CHECK(verdict.is_fine());
  verdict.exact->heavy_tail = HeavyTail{"K", 0.8004};
  CHECK(verdict.text() == "exact: HMC, nested R-hat 1.004, 640 steps; the sd of K is not known, its tail is too heavy "
                          "(k-hat 0.8004)");
  verdict.exact = ExactOutcome{.method = ExactMethod::importance_sampling, .is_exact = true, .k_hat = 0.04, .modes = 2,
                               .has_profiles = true};
  CHECK(verdict.text() == "exact: importance sampling around the networks' draws and 2 modes and along each parameter, "
                          "k-hat 0.04");
  const Verdict late{.exact = ExactOutcome{
                         .method = ExactMethod::hmc, .r_hat = 1.3, .steps = 12, .seconds = 30, .is_out_of_time = true}};
  CHECK(late.text() == "NOT exact: nested R-hat 1.30 after 12 steps of HMC, for which there were 30 s");
  CHECK_FALSE(late.is_fine());
  const Verdict later{.exact = ExactOutcome{.method = ExactMethod::hmc, .seconds = 0.5, .is_out_of_time = true}};
  CHECK(later.text() == "NOT exact: 0.5 s were too short for the warm-up of HMC");
  verdict.exact = ExactOutcome{.method = ExactMethod::hmc, .r_hat = 1.3, .steps = 3000};
  CHECK(verdict.text() ==
        "NOT exact: nested R-hat 1.30 after 3000 steps of HMC; outside of the simulations; its frame did not converge");
  CHECK_FALSE(verdict.is_fine());
}
