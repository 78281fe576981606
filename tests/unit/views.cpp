// When networks are told how a data set's density looks, and that samplers' files keep it.
#include "lang/errors.hpp"
#include "runtime/training/prepare.hpp"
#include "tests/compiled.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>

using namespace sibyl;
using Catch::Contains;
using test::compiled;

namespace {

// `values` numbers whose places matter.
std::string places(int values, const std::string& draw = "y[i] ~ normal(mu[1 + i % 3] * i, sigma);") {
  const std::string count = std::to_string(values);
  return "data { vector[" + count +
         "] y; } parameters { vector[3] mu; real<lower=0> sigma; } model { mu ~ normal(0, 1); sigma ~ exponential(1); "
         "for (i in 1:" +
         count + ") { " + draw + " } }";
}

InferenceSetup prepared(const std::string& text, double missing_share = 0) {
  SetupOptions options;
  options.pilot_count = 40;
  options.frame = FrameChoice::prior;
  options.missing_share = missing_share;
  return prepare(compiled(text), options);
}

} // namespace

TEST_CASE("networks are told of a density where many values are read each in its place") {
  const InferenceSetup setup = prepared(places(65));
  CHECK(setup.encoder.viewpoints().size() == 8 * 4);
  CHECK_THAT(setup.notes.back(), Contains("the density's slopes at 8 points"));
  CHECK(prepared(places(64)).encoder.viewpoints().empty());
  CHECK(prepared(places(65), 0.1).encoder.viewpoints().empty()); // no density of what is missing
  const std::string no_density = "real a; a ~ normal(mu[1], 1); y[i] ~ normal(a * i, sigma);";
  CHECK(prepared(places(65, no_density)).encoder.viewpoints().empty());
}

TEST_CASE("new data are seen from the viewpoints that a file has, and a file of earlier versions has none") {
  const auto model = compiled(places(65));
  SetupOptions options;
  options.pilot_count = 40;
  const InferenceSetup setup = prepare(model, options);
  nlohmann::json json = setup;
  const InferenceSetup back = json.get<InferenceSetup>();
  const SimulatedBatch fresh = simulate_usable(model, options, 1000, 9);
  const auto inputs_of = [&](const InferenceSetup& one) {
    return one.encoder.encode(model->facts(), fresh.data, FrameFinder(model, one).find(fresh.data));
  };
  const EncodedBatch inputs = inputs_of(setup);
  CHECK(inputs.direct_width == setup.encoder.planned_direct_width());
  CHECK(inputs_of(back).direct == inputs.direct);

  auto& viewpoints = json.at("encoder").at("viewpoints");
  viewpoints.erase(viewpoints.size() - 1);
  CHECK_THROWS_AS(json.get<InferenceSetup>(), UserError);
  json.at("encoder").erase("viewpoints"); // the inputs are then too many
  CHECK_THROWS_AS(json.get<InferenceSetup>(), UserError);
  nlohmann::json earlier = prepared(places(64));
  earlier.at("encoder").erase("viewpoints");
  CHECK(earlier.get<InferenceSetup>().encoder.viewpoints().empty());
}
