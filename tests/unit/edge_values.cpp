// Values at the edge, from the model text to the verdict: simulations that are not finite, draws that fail, data sets
// unlike what was fixed in training, calibrations that do not come to their end.
#include "lang/errors.hpp"
#include "runtime/data/draws.hpp"
#include "runtime/model/finite.hpp"
#include "runtime/model/simulator.hpp"
#include "runtime/training/calibrate.hpp"
#include "runtime/training/prepare.hpp"
#include "runtime/training/training_plan.hpp"
#include "runtime/training/training_source.hpp"
#include "tests/compiled.hpp"
#include "tests/tensors.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <atomic>
#include <cmath>
#include <limits>
#include <random>

using namespace sibyl;
using Catch::Contains;
using test::compiled;
using test::scalar;
using test::vector;

// Many threads of OpenMP that wait by spinning would take all of a busy machine.
[[maybe_unused]] static const bool environment_is_set = (set_training_environment(), true);

namespace {

// The frame's own normal distribution.
class FrameNormal final : public FramePosterior {
 public:
  explicit FrameNormal(const InferenceSetup& setup)
      : dimension_(setup.parameter_count), width_(setup.encoder.direct_width()) {}
  std::size_t summary_size() const override { return width_; }
  std::vector<float> summarize(const EncodedBatch& inputs) const override { return inputs.direct; }
  void sample(const float*, std::size_t count, std::uint64_t seed, double* z, double* density) const override {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    for (std::size_t i = 0; i < count * dimension_; ++i) z[i] = normal(random);
    if (density) log_density(nullptr, count, z, density);
  }
  void log_density(const float*, std::size_t count, const double* z, double* result) const override {
    for (std::size_t i = 0; i < count; ++i) {
      result[i] = -0.5 * static_cast<double>(dimension_) * std::log(2 * M_PI);
      for (std::size_t p = 0; p < dimension_; ++p) result[i] -= 0.5 * z[i * dimension_ + p] * z[i * dimension_ + p];
    }
  }

 private:
  std::size_t dimension_, width_;
};

SetupOptions prior_frame(std::optional<DataSet> design = std::nullopt) {
  SetupOptions options;
  options.frame = FrameChoice::prior;
  options.pilot_count = 600;
  options.design = std::move(design);
  return options;
}

PosteriorSampler untrained(std::shared_ptr<const CompiledModel> model, const InferenceSetup& setup) {
  return {model, setup, std::make_shared<FrameNormal>(setup)};
}

// Where a is above 0.71 (in float: 0.09), exp(1000 a) overflows.
constexpr char overflowing[] = R"(data {
  vector[3] y;
}
parameters {
  real a;
}
model {
  a ~ normal(0, 1);
  for (n in 1:3)
    y[n] = exp(1000 * a);
}
)";

// z is drawn where a is positive, and refused elsewhere.
constexpr char failing[] = R"(data {
  vector[3] y;
}
parameters {
  real a;
}
model {
  a ~ normal(0, 1);
  y ~ normal(a, 1);
}
generated quantities {
  real z = normal_rng(0, a);
  int k = poisson_rng(2);
}
)";

constexpr char given_scale[] = R"(data {
  int<lower=1> N;
  real<lower=0> prior_sd;
  int<lower=0> M;
  vector[M] x_new;
  vector[N] y;
}
design {
  N ~ discrete_range(5, 30);
}
parameters {
  real mu;
}
model {
  mu ~ normal(0, prior_sd);
  y ~ normal(mu, 1);
}
generated quantities {
  vector[M] predicted = mu + x_new;
}
)";

DataSet given_scale_data(double prior_sd, std::size_t n, std::vector<double> x_new) {
  DataSet set;
  set.label = "1";
  set.variables["N"] = scalar(static_cast<double>(n), true);
  set.variables["prior_sd"] = scalar(prior_sd);
  set.variables["M"] = scalar(static_cast<double>(x_new.size()), true);
  set.variables["x_new"] = vector(std::move(x_new));
  set.variables["y"] = vector(std::vector<double>(n, 0.5));
  return set;
}

DataSet given_scale_design(double prior_sd) {
  DataSet design = given_scale_data(prior_sd, 1, {1});
  design.variables.erase("N");
  design.variables.erase("y");
  return design;
}

bool is_finite(const DataBatch& batch) {
  for (const VariableBatch& variable : batch.variables)
    if (variable.present)
      for (const double value : variable.values)
        if (!std::isfinite(value)) return false;
  return true;
}

} // namespace

TEST_CASE("simulations that are not finite are left out where they are learned from, with the statement") {
  const auto model = compiled(overflowing);
  const SimulatedBatch all = Simulator(model).simulate(0, 2000, 1);
  CHECK(all.data.count == 2000);
  CHECK_FALSE(is_finite(all.data));
  const SimulatedBatch usable = Simulator(model, {.only_finite = true}).simulate(0, 2000, 1);
  CHECK(is_finite(usable.data));
  CHECK(usable.data.count == usable.indices.size());
  CHECK(usable.unconstrained.size() == usable.data.count * usable.parameter_count);
  CHECK(usable.left_out.tried() == 2000);
  CHECK(usable.left_out.count() == 2000 - usable.data.count);
  CHECK(usable.left_out.share() > 0.2);
  CHECK(usable.left_out.share() < 0.6);
  CHECK(usable.left_out.first() == "model.sib:10:5: `y[1]` is inf");
  // The kept ones are those of the same indices.
  for (std::size_t i = 0; i < usable.indices.size(); ++i)
    REQUIRE(usable.unconstrained[i] == all.unconstrained[usable.indices[i]]);
}

TEST_CASE("pilot, training batches and calibration have one gate") {
  const auto model = compiled(overflowing);
  const InferenceSetup setup = prepare(model, prior_frame());
  REQUIRE_FALSE(setup.notes.empty());
  CHECK_THAT(setup.notes.front(), Contains("simulations") && Contains("are left out: model.sib:10:5: `y[1]` is inf"));
  ExampleMaker maker(model, std::make_shared<InferenceSetup>(setup), 1);
  for (const std::uint64_t first : {first_training_index, first_validation_index}) {
    const Examples examples = maker.make(first, 256);
    CHECK(examples.left_out.count() > 0);
    CHECK(examples.count() == 256 - examples.left_out.count());
    for (const float value : examples.inputs.direct) REQUIRE(std::isfinite(value));
    for (const float value : examples.z) REQUIRE(std::isfinite(value));
  }
  const Calibration calibration =
      calibrate(model, untrained(model, setup), {.simulations = 300, .draws = 20});
  CHECK(calibration.left_out.count() > 0);
  CHECK(calibration.simulations == 300 - calibration.left_out.count());
  CHECK_THAT(describe(calibration), Contains("are left out: model.sib:10:5"));
}

TEST_CASE("only where nearly all simulations are left out is it an error") {
  const auto model = compiled(R"(data { real y; }
parameters { real a; }
model {
  a ~ normal(0, 1);
  y = a > 2.6 ? a : exp(1000.0);
}
)");
  CHECK_THROWS_WITH(prepare(model, prior_frame()),
                    Contains("too few simulations") && Contains("model.sib:5:3: `y` is inf"));
}

TEST_CASE("what is left out is told above one in a hundred, by the statement that decides most often") {
  LeftOut left_out;
  left_out.count_tries(1000);
  for (int i = 0; i < 10; ++i) left_out.add(i < 3 ? 1 : 2, [&] { return i < 3 ? "one" : "two"; });
  CHECK_FALSE(left_out.is_noteworthy());
  LeftOut more;
  more.count_tries(0);
  more.add(2, [] { return "never asked for"; });
  left_out.add(more);
  CHECK(left_out.is_noteworthy());
  CHECK(left_out.first() == "one");
  CHECK(left_out.describe("tries") == "11 of 1000 tries (1.1%) are left out, 8 of them for two");
}

TEST_CASE("a parameter on its bound is named") {
  Facts facts;
  for (const char* name : {"mu", "tau"}) {
    VariableFact fact;
    fact.name = name;
    fact.role = Role::parameter;
    facts.variables.push_back(fact);
  }
  facts.variables[0].dimensions.resize(1);
  DataBatch batch;
  batch.count = 1;
  batch.variables.resize(2);
  const std::vector<double> point = {1, 2, -std::numeric_limits<double>::infinity()};
  const ParameterSpace space = {{"mu", "identity", "", {2}, {2}, 0, 2}, {"tau", "identity", "", {}, {}, 2, 1}};
  const auto found = find_not_finite(facts, batch, 0, space, point);
  REQUIRE(found);
  CHECK(found->variable == 1);
  CHECK(found->text == "`tau` on the unconstrained scale is -inf");
  CHECK_FALSE(find_not_finite(facts, batch, 0, space, std::vector<double>{1, 2, 3}));
}

TEST_CASE("a draw whose generated quantities fail keeps its parameters and misses the rest") {
  const auto model = compiled(failing);
  const InferenceSetup setup = prepare(model, prior_frame());
  DataSet data;
  data.label = "1";
  data.variables["y"] = vector({0.1, -0.2, 0.3});
  const PosteriorSampler sampler = untrained(model, setup);
  const Posterior posterior = sampler.sample({&data, 1}, {.draws = 1001, .with_density = true})[0];
  const Draws& draws = posterior.draws;
  REQUIRE(draws.columns == std::vector<std::string>{"a", "z", "k", "log_density__"});
  REQUIRE(draws.row_count == 1001);
  std::size_t failed = 0;
  double sum = 0;
  for (std::size_t row = 0; row < draws.row_count; ++row) {
    const bool fails = draws.at(row, 0) < 0;
    failed += fails;
    sum += draws.at(row, 0);
    REQUIRE(std::isfinite(draws.at(row, 0)));
    REQUIRE(std::isfinite(draws.at(row, 3)));
    REQUIRE(std::isnan(draws.at(row, 1)) == fails);
    REQUIRE(std::isnan(draws.at(row, 2)) == fails);
  }
  CHECK(failed > 300); // half of them
  CHECK(posterior.verdict.failed_draws.count() == failed);
  CHECK(posterior.verdict.failed_draws.tried() == 1001);
  CHECK_FALSE(posterior.verdict.is_fine());
  CHECK_THAT(posterior.verdict.text(), Contains(std::to_string(failed) + " of 1001 draws failed: model.sib") &&
                                           Contains("must be"));
  // Summaries are of what is there; the parameter's of all draws.
  const std::vector<ColumnSummary> summaries = summarize(draws);
  CHECK(summaries[0].mean == Approx(sum / 1001));
  CHECK(std::isfinite(summaries[1].sd));
  // Integers cannot say that they are missing.
  CHECK_FALSE(variable_draws(draws, draws.variables[2]).is_integer);
  CHECK_NOTHROW(summary_json(draws));
}

TEST_CASE("where all draws fail, the summaries are missing and nothing ends") {
  const auto model = compiled(R"(data { real y; }
parameters { real a; }
model { a ~ normal(0, 1); y ~ normal(a, 1); }
generated quantities { real z; reject("no z for ", a); }
)");
  const InferenceSetup setup = prepare(model, prior_frame());
  DataSet data;
  data.variables["y"] = scalar(0);
  const Posterior posterior = untrained(model, setup).sample({&data, 1}, {.draws = 100})[0];
  CHECK(posterior.verdict.failed_draws.count() == 100);
  const std::vector<ColumnSummary> summaries = summarize(posterior.draws);
  CHECK(std::isfinite(summaries[0].mean));
  CHECK(std::isnan(summaries[1].median));
}

TEST_CASE("calibration is about parameters: generated quantities that fail take no part") {
  const auto model = compiled(failing);
  const InferenceSetup setup = prepare(model, prior_frame());
  const Calibration calibration = calibrate(model, untrained(model, setup), {.simulations = 400, .draws = 100});
  CHECK(calibration.simulations == 400);
  // The prior is the posterior here, as far as ranks go: coverage is right, over positive and negative values.
  CHECK(calibration.parameters[0].coverage_90 == Approx(0.9).margin(0.06));
}

TEST_CASE("a design value that was fixed in training is compared, and both are named") {
  const auto model = compiled(given_scale);
  const InferenceSetup made = prepare(model, prior_frame(given_scale_design(1)));
  const InferenceSetup setup = nlohmann::json::parse(nlohmann::json(made).dump()).get<InferenceSetup>();
  const PosteriorSampler sampler = untrained(model, setup);
  const auto sample = [&](const DataSet& data) { return sampler.sample({&data, 1}, {.draws = 10})[0]; };
  CHECK(sample(given_scale_data(1, 8, {1})).verdict.warnings.empty());
  CHECK_THROWS_WITH(sample(given_scale_data(10, 8, {1})),
                    Contains("`prior_sd` is 10") && Contains("trained with 1"));
  CHECK_THROWS_AS(sample(given_scale_data(10, 8, {1})), UserError);
  DataSet point;
  point.variables["mu"] = scalar(0);
  const DataSet other = given_scale_data(10, 8, {1});
  CHECK_THROWS_WITH(sampler.density_at(std::span(&other, 1), std::span(&point, 1)), Contains("`prior_sd` is 10"));
  // Of several data sets, the one that differs is named.
  std::vector<DataSet> both = {given_scale_data(1, 8, {1}), given_scale_data(2, 8, {1})};
  both[1].label = "ann";
  CHECK_THROWS_WITH(sampler.sample(both, {.draws = 10}), Contains("data set ann: `prior_sd` is 2"));
}

TEST_CASE("what only generated quantities read may differ from training") {
  const auto model = compiled(given_scale);
  const Facts& facts = model->facts();
  const auto only_generated = [&](const char* name) {
    return facts.variables[static_cast<std::size_t>(facts.find(name))].only_generated;
  };
  CHECK(only_generated("x_new"));
  CHECK(only_generated("M"));
  CHECK_FALSE(only_generated("prior_sd"));
  CHECK_FALSE(only_generated("N"));
  const InferenceSetup setup = prepare(model, prior_frame(given_scale_design(1)));
  const DataSet data = given_scale_data(1, 8, {4, 5, 6});
  const Posterior posterior = untrained(model, setup).sample({&data, 1}, {.draws = 10})[0];
  CHECK(posterior.draws.columns.size() == 4);
  CHECK(posterior.verdict.warnings.empty());
}

TEST_CASE("a size outside of those in training is told in the verdict") {
  const auto model = compiled(given_scale);
  const InferenceSetup setup = prepare(model, prior_frame(given_scale_design(1)));
  const auto verdict_of = [&](std::size_t n) {
    const DataSet data = given_scale_data(1, n, {1});
    return untrained(model, setup).sample({&data, 1}, {.draws = 10, .check_density = false})[0].verdict;
  };
  CHECK(verdict_of(5).is_fine());
  CHECK(verdict_of(30).is_fine());
  const Verdict verdict = verdict_of(100);
  CHECK_FALSE(verdict.is_fine());
  CHECK_THAT(verdict.text(), Contains("`N` is 100, outside of 5 to 30, the range in training"));
}

TEST_CASE("exact draws need a density, and where there is none that is said") {
  const auto model = compiled(R"(
    data { real y; }
    parameters { real mu; }
    model { mu ~ normal(0, 1); real a; a ~ exponential(1); y = mu + a; }
  )");
  const InferenceSetup setup = prepare(model, prior_frame());
  DataSet data;
  data.variables["y"] = {false, {}, {0.5}};
  CHECK_THROWS_WITH(untrained(model, setup).sample({&data, 1}, {.draws = 10, .exact = true}),
                    Contains("exact draws need the model's density") && Contains("integrated out"));
  const Posterior posterior = untrained(model, setup).sample({&data, 1}, {.draws = 10})[0];
  CHECK_FALSE(posterior.verdict.check);
  CHECK_THAT(posterior.verdict.unchecked, Contains("the model has no density"));
  CHECK(posterior.verdict.text() == "typical; NOT checked: the draws, without a density");
}

TEST_CASE("a given infinite bound survives the sampler file") {
  DataSet set;
  set.variables["U"] = {false, {2}, {std::numeric_limits<double>::infinity(), -0.1}};
  const DataSet back = data_set_from_json(nlohmann::json::parse(data_set_to_json(set).dump()));
  CHECK(back.variables.at("U").values == set.variables.at("U").values);
}

TEST_CASE("parameters whose sizes differ between data sets are refused, whatever lanes they are in") {
  const auto model = compiled(R"(data { int<lower=1> J; vector[J] y; }
design { J ~ discrete_range(4, 5); }
transformed data { int K = J + 1; }
parameters { real mu; vector[K] theta; }
model { mu ~ normal(0, 1); theta ~ normal(0, 1); y ~ normal(mu + theta[1], 1); }
)");
  const Facts& facts = model->facts();
  CHECK(facts.variables[static_cast<std::size_t>(facts.find("theta"))].varies_with == "J");
  CHECK(facts.variables[static_cast<std::size_t>(facts.find("mu"))].varies_with.empty());
  CHECK_THROWS_WITH(prepare(model, prior_frame()), Contains("`theta`") && Contains("`J`"));
  // Of every group of lanes the largest number is the same.
  for (const int lanes : {4, 16})
    CHECK_THROWS_WITH(Simulator(model, {.lanes = lanes}).simulate(0, 64, 1), Contains("`theta` has the size"));
  std::vector<DataSet> sets(2);
  for (std::size_t i = 0; i < 2; ++i) {
    sets[i].variables["J"] = scalar(static_cast<double>(5 - i), true);
    sets[i].variables["y"] = vector(std::vector<double>(5 - i, 0.1));
  }
  PriorFrame prior;
  prior.center.assign(7, 0);
  prior.factor.assign(49, 0);
  for (std::size_t p = 0; p < 7; ++p) prior.factor[8 * p] = 1;
  LaplaceFrames frames(model, prior, {}, {.lanes = 4});
  CHECK_NOTHROW(frames.find(gather(facts, std::span(sets).first(1))));
  CHECK_THROWS_WITH(frames.find(gather(facts, sets)), Contains("`theta` has the size 6") && Contains("and 5"));
}

TEST_CASE("hierarchical scales, whose modes lie beside the mass, are given variational frames") {
  const auto model = compiled(R"(data { array[8] real y; }
parameters { real mu; real<lower=0> tau; vector[8] z; }
model { mu ~ normal(0, 5); tau ~ exponential(0.2); z ~ std_normal(); y ~ normal(mu + tau * z, 10); })");
  SetupOptions options;
  options.pilot_count = 300;
  CHECK(prepare(model, options).frame_kind() == FrameKind::refined);
  options.frame = FrameChoice::variational;
  CHECK(prepare(model, options).frame_kind() != FrameKind::laplace);
}

TEST_CASE("a frame that failed for a few data sets does not decide between frames") {
  std::vector<double> prior(2000, 1.2), laplace(2000, 0.2);
  for (std::size_t i = 0; i < 12; ++i) laplace[100 * i] = 7000; // the mean is 42
  CHECK(usual_gain(prior, laplace) == Approx(1).margin(1e-9));
  CHECK(usual_gain(laplace, prior) == Approx(-1).margin(1e-9));
  // Where it failed for a fifth of them, it does.
  for (std::size_t i = 0; i < 400; ++i) laplace[5 * i] = 7000;
  CHECK(usual_gain(prior, laplace) < -100);
}

TEST_CASE("the trained sampler is handed over before calibration, which may be interrupted or fail") {
  const auto model = compiled(failing);
  SamplerTrainingOptions options;
  options.setup = prior_frame();
  options.budget.steps = 3;
  std::atomic<std::int32_t> interrupted = 0;
  options.setup.interrupted = &interrupted;
  std::vector<std::string> happened;
  SamplerTrainingEvents events;
  events.trained = [&](const TrainingResult&) { happened.push_back("trained"); };
  events.keep = [&](const SamplerFile& file) {
    happened.push_back("kept");
    CHECK_FALSE(file.weights.empty());
    CHECK(file.calibration.is_null());
    interrupted = 1; // Ctrl-C as calibration begins
  };
  const TrainedSampler stopped = train_sampler(model, options, events);
  CHECK(happened == std::vector<std::string>{"trained", "kept"});
  CHECK_FALSE(stopped.calibration);
  CHECK_FALSE(stopped.file.weights.empty());
  REQUIRE_FALSE(stopped.notes.empty());
  CHECK_THAT(stopped.notes.back(), Contains("no calibration: interrupted"));

  interrupted = 0;
  events.keep = {};
  const TrainedSampler whole = train_sampler(model, options, events);
  REQUIRE(whole.calibration);
  CHECK(whole.file.calibration.at("simulations") == 1000);
}

TEST_CASE("a budget of seconds is that of preparing, training and calibration together") {
  const auto model = compiled(failing);
  SamplerTrainingOptions options;
  options.setup = prior_frame();
  options.budget.seconds = 3;
  const TrainedSampler trained = train_sampler(model, options);
  CHECK(trained.training.seconds >= 1);
  CHECK(trained.training.seconds < 2.9); // it left calibration its tenth; a step takes milliseconds
}

TEST_CASE("heavy tails are learned: a scale from a Cauchy distribution, and a gamma distribution near zero") {
  const auto model = compiled(R"(data { array[8] real y; }
parameters { real mu; real<lower=0> tau; array[8] real theta; }
model {
  mu ~ normal(0, 5);
  tau ~ cauchy(0, 5);
  theta ~ normal(mu, tau);
  y ~ normal(theta, 10);
}
)");
  SamplerTrainingOptions options;
  options.setup = prior_frame();
  options.setup.threads = 2;
  options.budget.steps = 120;
  std::atomic<std::int32_t> interrupted = 0;
  options.setup.interrupted = &interrupted;
  const SamplerTrainingEvents uncalibrated{.keep = [&](const SamplerFile&) { interrupted = 1; }};
  const TrainedSampler trained = train_sampler(model, options, uncalibrated);
  CHECK_FALSE(trained.training.has_diverged);
  CHECK(trained.training.skipped == 0);
  CHECK(trained.training.best_step > 0);
  CHECK(trained.training.validation_loss < trained.training.untrained_validation_loss - 1);
  const auto near_zero = compiled(R"(data { int<lower=1> N; array[N] int<lower=0> y; }
design { N ~ discrete_range(5, 30); }
parameters { real<lower=0> r; }
model { r ~ gamma(0.01, 0.01); y ~ poisson(r); }
)");
  interrupted = 0;
  const TrainedSampler gamma = train_sampler(near_zero, options, uncalibrated);
  CHECK_FALSE(gamma.training.has_diverged);
  CHECK(gamma.training.skipped == 0);
  CHECK(gamma.training.best_step > 0);
}

TEST_CASE("data sets with more than a hundred parameters have no frames of their own, unless those are asked for") {
  const auto model = compiled(R"(
    data { vector[120] y; }
    parameters { vector[120] mu; }
    model { mu ~ normal(0, 1); y ~ normal(mu, 0.1); }
  )");
  SetupOptions options;
  options.pilot_count = 50;
  const InferenceSetup setup = prepare(model, options);
  CHECK(setup.frame_kind() == FrameKind::prior);
  REQUIRE_FALSE(setup.notes.empty());
  CHECK_THAT(setup.notes.back(), Contains("120 parameters are more than the 100"));
  options.frame = FrameChoice::laplace;
  CHECK(prepare(model, options).frame_kind() == FrameKind::laplace);
}
