// Which networks read which variables, and the numbers that they get.
#include "lang/errors.hpp"
#include "runtime/inputs/input_encoder.hpp"
#include "runtime/inputs/input_plan.hpp"
#include "runtime/inputs/missing_values.hpp"
#include "runtime/model/simulator.hpp"
#include "runtime/posterior/setup.hpp"
#include "runtime/training/prepare.hpp"
#include "tests/tensors.hpp"
#include "tests/unit/hand_written_model.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <random>

using namespace sibyl;
using Catch::Contains;
using test::scalar;
using test::vector;

namespace {

ParameterSpace one_block(std::size_t count) { return {{"x", "identity", "", {}, {}, 0, count}}; }

struct Dim {
  std::string size;
  DimensionKind kind = DimensionKind::fixed;
  int plate = -1;
};

VariableFact data(const std::string& name, Role role, bool is_integer, std::vector<Dim> dims = {}) {
  VariableFact fact = hand_written::variable(name, role, is_integer ? "int" : "real", is_integer);
  for (const Dim& dim : dims) {
    DimensionFact dimension;
    dimension.size = dim.size;
    dimension.kind = dim.kind;
    dimension.plate = dim.plate;
    fact.dimensions.push_back(dimension);
  }
  return fact;
}

DataSet set_of(const std::vector<std::pair<std::string, Tensor>>& variables) {
  DataSet set;
  for (const auto& [name, tensor] : variables) set.variables[name] = tensor;
  return set;
}

// N; cond[N] in 1:3, rt[N], response[N] in 0:1, all exchangeable together; a prior scale.
Facts reaction_times() {
  Facts facts;
  const Dim row = {"N", DimensionKind::exchangeable, 0};
  facts.plates = {{"N", -1, "N"}};
  facts.variables = {data("N", Role::design, true),
                     data("cond", Role::design, true, {row}),
                     data("rt", Role::observed, false, {row}),
                     data("response", Role::observed, true, {row}),
                     data("scale", Role::design, false),
                     data("theta", Role::parameter, false)};
  facts.variables[0].is_size = true;
  facts.variables[1].lower = "1";
  facts.variables[1].upper = "3";
  facts.variables[1].constant_lower = 1;
  facts.variables[1].constant_upper = 3;
  facts.variables[3].lower = "0";
  facts.variables[3].upper = "1";
  facts.variables[3].constant_lower = 0;
  facts.variables[3].constant_upper = 1;
  return facts;
}

std::vector<DataSet> reaction_time_sets() {
  return {set_of({{"N", scalar(2)},
                  {"cond", vector({1, 3})},
                  {"rt", vector({0.4, 0.6})},
                  {"response", vector({0, 1})},
                  {"scale", scalar(1)}}),
          set_of({{"N", scalar(3)},
                  {"cond", vector({2, 2, 1})},
                  {"rt", vector({1, 2, 3})},
                  {"response", vector({1, 1, 0})},
                  {"scale", scalar(2)}})};
}

const InputSource& only_source(const InputPlan& plan) {
  REQUIRE(plan.sources.size() == 1);
  return plan.sources[0];
}

} // namespace

TEST_CASE("exchangeable rows and the covariates of their index are one set") {
  const Facts facts = reaction_times();
  const InputPlan plan = make_input_plan(facts, gather(facts, reaction_time_sets()));
  const InputSource& source = only_source(plan);
  CHECK(source.network == "set");
  REQUIRE(source.columns.size() == 3);
  CHECK(source.columns[0].variable == "cond");
  CHECK(source.columns[0].encoding == Encoding::indicators);
  CHECK(source.columns[0].width() == 3);
  CHECK(source.columns[1].encoding == Encoding::value);
  CHECK(source.columns[2].encoding == Encoding::indicators);
  CHECK(source.columns[2].width() == 1);
  REQUIRE(plan.direct.size() == 2);
  CHECK(plan.direct[0].encoding == Encoding::size);
  CHECK(plan.direct[1].variable == "scale");
  CHECK(describe(plan) == "summary network: set over N reads cond (3 levels), rt, response (2 levels)\n"
                          "direct inputs: log N, scale\n");
}

TEST_CASE("what never varies is no input") {
  const Facts facts = reaction_times();
  std::vector<DataSet> sets = reaction_time_sets();
  sets[1].variables["scale"] = scalar(1);
  const InputPlan plan = make_input_plan(facts, gather(facts, sets));
  REQUIRE(plan.direct.size() == 1);
  CHECK(plan.direct[0].variable == "N");
}

TEST_CASE("few fixed values go straight in, many through a residual network") {
  Facts facts;
  facts.variables = {data("x", Role::observed, false, {{"K"}}), data("theta", Role::parameter, false)};
  const auto of = [&](std::size_t count) {
    const std::vector<DataSet> sets = {set_of({{"x", vector(std::vector<double>(count, 1))}}),
                                       set_of({{"x", vector(std::vector<double>(count, 2))}})};
    return make_input_plan(facts, gather(facts, sets));
  };
  CHECK(of(64).sources.empty());
  CHECK(of(64).direct.size() == 64);
  CHECK(of(65).direct.empty());
  CHECK(only_source(of(65)).network == "mlp");
}

TEST_CASE("a series and its covariates are a sequence; positions of varying number are refused only where no network "
          "reads them") {
  Facts facts;
  facts.variables = {data("T", Role::design, true), data("u", Role::design, false, {{"T"}}),
                     data("y", Role::observed, false, {{"T", DimensionKind::sequential}}),
                     data("theta", Role::parameter, false)};
  facts.variables[0].is_size = true;
  const std::vector<DataSet> sets = {set_of({{"T", scalar(2)}, {"u", vector({1, 2})}, {"y", vector({1, 2})}}),
                                     set_of({{"T", scalar(3)}, {"u", vector({1, 2, 3})}, {"y", vector({1, 2, 5})}})};
  const InputPlan plan = make_input_plan(facts, gather(facts, sets));
  CHECK(only_source(plan).network == "sequence");
  CHECK(only_source(plan).columns.size() == 2);
}

TEST_CASE("covariates alone are a set only where their positions are exchangeable") {
  for (const bool exchangeable : {true, false}) {
    Facts facts;
    const Dim rows = exchangeable ? Dim{"J", DimensionKind::exchangeable, 0} : Dim{"J", DimensionKind::fixed, -1};
    if (exchangeable) facts.plates = {{"J", -1, "J"}};
    facts.variables = {data("J", Role::design, true), data("u", Role::design, false, {rows}),
                       data("y", Role::observed, false), data("theta", Role::parameter, false)};
    facts.variables[0].is_size = true;
    const std::vector<DataSet> sets = {set_of({{"J", scalar(2)}, {"u", vector({1, 2})}, {"y", scalar(1)}}),
                                       set_of({{"J", scalar(3)}, {"u", vector({3, 1, 2})}, {"y", scalar(2)}})};
    const InputPlan plan = make_input_plan(facts, gather(facts, sets));
    CHECK(only_source(plan).network == (exchangeable ? "set" : "sequence"));
  }
}

TEST_CASE("two plates are two sources") {
  Facts facts;
  facts.plates = {{"N", -1, "N"}, {"M", -1, "M"}};
  facts.variables = {data("a", Role::observed, false, {{"N", DimensionKind::exchangeable, 0}}),
                     data("b", Role::observed, false, {{"M", DimensionKind::exchangeable, 1}}),
                     data("theta", Role::parameter, false)};
  const std::vector<DataSet> sets = {set_of({{"a", vector({1, 2})}, {"b", vector({1})}}),
                                     set_of({{"a", vector({3})}, {"b", vector({2, 2})}})};
  CHECK(make_input_plan(facts, gather(facts, sets)).sources.size() == 2);
}

TEST_CASE("a choice can be overridden, and an override of nothing is an error") {
  const Facts facts = reaction_times();
  const DataBatch pilot = gather(facts, reaction_time_sets());
  PlanOptions options;
  options.networks = {
      {"rt", "sequence"}, {"cond", "sequence"}, {"response", "sequence"}};
  CHECK(only_source(make_input_plan(facts, pilot, options)).network == "sequence");
  options.networks = {{"nothing", "set"}};
  CHECK_THROWS_WITH(make_input_plan(facts, pilot, options), Contains("no such data variable"));
  CHECK_THROWS_WITH(find_summary_network("lstm"), Contains("there are set, sequence and mlp"));
}

TEST_CASE("a plan survives JSON") {
  const Facts facts = reaction_times();
  const InputPlan plan = make_input_plan(facts, gather(facts, reaction_time_sets()));
  const InputPlan back = nlohmann::json::parse(nlohmann::json(plan).dump()).get<InputPlan>();
  CHECK(nlohmann::json(back) == nlohmann::json(plan));
}

TEST_CASE("rows are encoded side by side: indicators, standardized values, whitened values") {
  const Facts facts = reaction_times();
  const DataBatch pilot = gather(facts, reaction_time_sets());
  const std::vector<double> draws = {0, 1, 2, 3};
  const PriorFrame prior = PriorFrame::from_draws(draws, one_block(1));
  const InputEncoder encoder(facts, make_input_plan(facts, pilot), FrameKind::prior, prior, pilot, prior.repeat(2));
  const EncodedBatch encoded = encoder.encode(facts, pilot, prior.repeat(2));
  REQUIRE(encoded.sources.size() == 1);
  const EncodedSource& source = encoded.sources[0];
  CHECK(source.width == 3 + 1 + 1 + 2); // and the whitened rt and response
  CHECK(source.width == encoder.source_width(0));
  CHECK(source.row_capacity == 3);
  CHECK(source.row_counts == std::vector<std::int32_t>{2, 3});
  const float* row =
      source.rows.data() + source.width; // the second row of the first data set: cond 3, rt 0.6, response 1
  CHECK(std::vector<float>(row, row + 3) == std::vector<float>{0, 0, 1});
  const InputColumn& rt = encoder.plan().sources[0].columns[1];
  CHECK(row[3] == Approx(std::asinh((0.6 - rt.center) / rt.scale)));
  CHECK(row[4] == 1);
  CHECK(row[5] == Approx(std::asinh(1.0))); // half a difference above the mean of two values is one standard deviation
  // Behind the end of the shorter data set there is nothing.
  for (std::size_t j = 0; j < source.width; ++j) CHECK(source.rows[2 * source.width + j] == 0);
}

TEST_CASE("the moments of rows are those of least squares") {
  Facts facts;
  const Dim row = {"N", DimensionKind::exchangeable, 0};
  facts.plates = {{"N", -1, "N"}};
  facts.variables = {data("x", Role::design, false, {row}), data("y", Role::observed, false, {row}),
                     data("theta", Role::parameter, false)};
  std::mt19937_64 random(2);
  std::normal_distribution<double> normal;
  std::vector<DataSet> sets;
  for (int i = 0; i < 50; ++i) {
    std::vector<double> x, y;
    // A scale that spans orders of magnitude.
    const double slope = normal(random), sigma = std::exp(3 * normal(random));
    for (int n = 0; n < 20; ++n) {
      x.push_back(normal(random));
      y.push_back(slope * x.back() + sigma * normal(random));
    }
    sets.push_back(set_of({{"x", vector(x)}, {"y", vector(y)}}));
  }
  const DataBatch pilot = gather(facts, sets);
  InputPlan plan = make_input_plan(facts, pilot);
  for (InputColumn& column : plan.sources[0].columns) {
    column.center = 0;
    column.scale = 1;
  }
  const PriorFrame prior = PriorFrame::from_draws(std::vector<double>{0, 1, 2}, one_block(1));
  // With scales of one the direct inputs are asinh of the moments.
  nlohmann::json json = InputEncoder(facts, plan, FrameKind::prior, prior, pilot, prior.repeat(50));
  json["direct_center"] = std::vector<double>(5, 0.0);
  json["direct_scale"] = std::vector<double>(5, 1.0);
  const EncodedBatch encoded = json.get<InputEncoder>().encode(facts, pilot, prior.repeat(50));
  REQUIRE(encoded.direct_width == 5); // mean and log sd of x; mean, log residual sd and slope of y
  for (std::size_t i = 0; i < 50; ++i) {
    const auto& x = sets[i].variables["x"].values;
    const auto& y = sets[i].variables["y"].values;
    double mx = 0, my = 0, xx = 0, xy = 0, residual = 0;
    for (int n = 0; n < 20; ++n) mx += x[n] / 20, my += y[n] / 20;
    for (int n = 0; n < 20; ++n) xx += (x[n] - mx) * (x[n] - mx), xy += (x[n] - mx) * (y[n] - my);
    for (int n = 0; n < 20; ++n) residual += std::pow(y[n] - my - xy / xx * (x[n] - mx), 2);
    double direct[5];
    for (std::size_t j = 0; j < 5; ++j) direct[j] = std::sinh(static_cast<double>(encoded.direct[5 * i + j]));
    CHECK(direct[0] == Approx(mx).epsilon(1e-4).margin(1e-5));
    CHECK(direct[1] == Approx(0.5 * std::log(xx / 20)).epsilon(1e-4).margin(1e-5));
    CHECK(direct[2] == Approx(my).epsilon(1e-4).margin(1e-5));
    CHECK(direct[3] == Approx(0.5 * std::log(residual / 20)).epsilon(1e-4).margin(1e-5));
    CHECK(direct[4] == Approx(std::asinh(xy / xx)).epsilon(1e-4).margin(1e-5));
  }
}

TEST_CASE("values outside of the training's range and unexpected missing values are refused") {
  const Facts facts = reaction_times();
  const DataBatch pilot = gather(facts, reaction_time_sets());
  const PriorFrame prior = PriorFrame::from_draws(std::vector<double>{0, 1, 2}, one_block(1));
  const InputEncoder encoder(facts, make_input_plan(facts, pilot), FrameKind::prior, prior, pilot, prior.repeat(2));
  std::vector<DataSet> sets = {reaction_time_sets()[0]};
  sets[0].variables["cond"].values[0] = 4;
  CHECK_THROWS_WITH(encoder.encode(facts, gather(facts, sets), prior.repeat(1)),
                    Contains("`cond` has the value 4, outside of 1 to 3"));
  sets = {reaction_time_sets()[0]};
  sets[0].variables["rt"].values[0] = NAN;
  CHECK_THROWS_WITH(encoder.encode(facts, gather(facts, sets), prior.repeat(1)), Contains("train with `--missing"));
}

TEST_CASE("a sampler that allows missing values sees which they are") {
  const Facts facts = reaction_times();
  const DataBatch pilot = gather(facts, reaction_time_sets());
  PlanOptions options;
  options.allows_missing = true;
  const PriorFrame prior = PriorFrame::from_draws(std::vector<double>{0, 1, 2}, one_block(1));
  const InputEncoder encoder(facts, make_input_plan(facts, pilot, options), FrameKind::prior, prior, pilot,
                             prior.repeat(2));
  std::vector<DataSet> sets = {reaction_time_sets()[0]};
  sets[0].variables["rt"].values[0] = NAN;
  const EncodedBatch encoded = encoder.encode(facts, gather(facts, sets), prior.repeat(1));
  const EncodedSource& source = encoded.sources[0];
  CHECK(source.width == 3 + 2 + 2 + 2);
  CHECK(source.rows[3] == 0);
  CHECK(source.rows[4] == 1);                // rt is missing
  CHECK(source.rows[6] == 0);                // response is not
  CHECK(source.rows[source.width + 4] == 0); // nor is the next row's rt
}

TEST_CASE("the share of values dropped is as asked for, and the same for each index") {
  const auto model = hand_written::make();
  Simulator simulator(model, {.design = hand_written::design(1)});
  SimulatedBatch batch = simulator.simulate(0, 2000, 1), part = simulator.simulate(100, 50, 1);
  drop_values(model->facts(), batch.data, batch.indices, 0.2, 9);
  drop_values(model->facts(), part.data, part.indices, 0.2, 9);
  std::size_t missing = 0, total = 0;
  const auto observations = [&](const DataBatch& data, std::size_t i) {
    return extract(model->facts(), data, i).variables.at("y").values;
  };
  for (std::size_t i = 0; i < batch.data.count; ++i)
    for (const double y : observations(batch.data, i)) missing += std::isnan(y), ++total;
  // About 12,000 values: 5 standard deviations are 0.018.
  CHECK(static_cast<double>(missing) / static_cast<double>(total) == Approx(0.2).margin(0.018));
  const auto first = std::find(batch.indices.begin(), batch.indices.end(), part.indices[0]) - batch.indices.begin();
  const auto a = observations(batch.data, static_cast<std::size_t>(first)), b = observations(part.data, 0);
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(((a[i] == b[i]) || (std::isnan(a[i]) && std::isnan(b[i]))));
  const DataBatch complete = complete_for_transform(model->facts(), batch.data);
  for (std::size_t i = 0; i < complete.count; ++i)
    for (const double y : observations(complete, i)) REQUIRE_FALSE(std::isnan(y));
}

TEST_CASE("preparing a model with a tractable density chooses among the data sets' own frames and says why") {
  const auto model = hand_written::make();
  SetupOptions options;
  options.design = hand_written::design(0.5);
  options.pilot_count = 500;
  const InferenceSetup setup = prepare(model, options);
  // The posterior of `tau` is logistic: the closest normal distribution gains too little to be looked for.
  CHECK(setup.frame_kind() == FrameKind::laplace);
  CHECK(setup.parameter_count == 2);
  CHECK(setup.parameter_names == std::vector<std::string>{"mu", "tau"});
  REQUIRE_FALSE(setup.notes.empty());
  CHECK_THAT(setup.notes.back(), Contains("Laplace frame: nats") && Contains("variational (from the mode) 2.") &&
                                     Contains("(found for 100.0%)"));
  CHECK(only_source(setup.encoder.plan()).network == "set");
  const InferenceSetup back = nlohmann::json::parse(nlohmann::json(setup).dump()).get<InferenceSetup>();
  CHECK(nlohmann::json(back) == nlohmann::json(setup));

  options.frame = FrameChoice::prior;
  CHECK(prepare(model, options).frame_kind() == FrameKind::prior);
  options.frame = FrameChoice::laplace;
  CHECK(prepare(model, options).frame_kind() == FrameKind::laplace);
  options.frame = FrameChoice::variational;
  CHECK(prepare(model, options).frame_kind() == FrameKind::refined);
  options.frame = FrameChoice::laplace;
  options.missing_share = 0.1;
  CHECK_THROWS_WITH(prepare(model, options), Contains("no Laplace frame"));
}
