// The handle's callers: data sets in lanes, densities, transforms and the simulator.
#include "lang/errors.hpp"
#include "runtime/model/density.hpp"
#include "runtime/model/ordered_producer.hpp"
#include "runtime/model/parameters.hpp"
#include "runtime/model/simulator.hpp"
#include "tests/unit/hand_written_model.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>

using namespace sibyl;
using Catch::Contains;

namespace {

const std::vector<DataSet>& two_data_sets() {
  static const std::vector<DataSet> sets = {hand_written::data_set({0.5, 1.5, 2.5}, 1),
                                            hand_written::data_set({-1, 3, 1, 1}, 2)};
  return sets;
}

} // namespace

TEST_CASE("batches gather, extract and merge data sets of different sizes") {
  const Facts facts = hand_written::make()->facts();
  const auto& sets = two_data_sets();
  const DataBatch both = gather(facts, sets);
  CHECK(both.variables[hand_written::y].capacity == std::vector<std::int64_t>{4});
  CHECK(both.variables[hand_written::y].sizes == std::vector<std::int32_t>{3, 4});
  CHECK_FALSE(both.variables[hand_written::mu].present);
  const DataBatch merged = merge({gather(facts, std::span(&sets[0], 1)), gather(facts, std::span(&sets[1], 1))});
  for (const DataBatch* batch : {&both, &merged})
    for (std::size_t i = 0; i < 2; ++i) {
      const DataSet back = extract(facts, *batch, i);
      CHECK(back.variables.at("y").values == sets[i].variables.at("y").values);
      CHECK(back.variables.at("y").extents == sets[i].variables.at("y").extents);
      CHECK(back.variables.at("N").values == sets[i].variables.at("N").values);
    }
}

TEST_CASE("what is the same in all data sets is kept once, and every reader finds it") {
  const auto model = hand_written::make();
  const Facts& facts = model->facts();
  const std::vector<DataSet> sets = {hand_written::data_set({0.5, 1.5}, 2), hand_written::data_set({-1, 3}, 2),
                                     hand_written::data_set({4, 1}, 2)};
  DataBatch first = gather(facts, std::span(sets).first(2)), second = gather(facts, std::span(sets).last(1));
  share_equal_rows(first);
  share_equal_rows(second);
  CHECK(first.variables[hand_written::noise].is_shared);
  CHECK(first.variables[hand_written::noise].values.size() == 1);
  CHECK_FALSE(first.variables[hand_written::y].is_shared);
  DataBatch merged = merge({first, second});
  CHECK(merged.variables[hand_written::noise].values.size() == 1);
  CHECK_FALSE(merged.variables[hand_written::y].is_shared); // equal within the second alone
  Density density(model, 4), plain(model, 4);
  const std::vector<std::size_t> which = {2, 0, 1};
  density.bind(merged, which);
  plain.bind(gather(facts, sets), which);
  density.evaluate(true);
  plain.evaluate(true);
  for (int lane = 0; lane < 3; ++lane) {
    CHECK(density.value(lane) == plain.value(lane));
    CHECK(density.gradient()[lane] == plain.gradient()[lane]);
  }
  CHECK(to_tensors(facts, merged).at("noise").values == std::vector<double>{2, 2, 2});
  keep_data_sets(merged, std::vector<std::size_t>{0, 2});
  for (std::size_t i = 0; i < 2; ++i) {
    const DataSet back = extract(facts, merged, i);
    CHECK(back.variables.at("noise").values == sets[2 * i].variables.at("noise").values);
    CHECK(back.variables.at("y").values == sets[2 * i].variables.at("y").values);
  }
}

TEST_CASE("parts that share different rows are merged apart") {
  const Facts facts = hand_written::make()->facts();
  const std::vector<DataSet> sets = {hand_written::data_set({1}, 2), hand_written::data_set({1}, 3)};
  DataBatch first = gather(facts, std::span(sets).first(1)), second = gather(facts, std::span(sets).last(1));
  share_equal_rows(first);
  share_equal_rows(second);
  const DataBatch merged = merge({first, second});
  for (std::size_t i = 0; i < 2; ++i)
    CHECK(extract(facts, merged, i).variables.at("noise").values == sets[i].variables.at("noise").values);
}

TEST_CASE("elements of a block within larger storage") {
  const std::vector<std::int32_t> sizes = {2, 2};
  const std::vector<std::int64_t> capacity = {3, 4};
  std::vector<std::size_t> padded;
  for_each_element(sizes, capacity, [&](std::size_t compact, std::size_t place) {
    CHECK(compact == padded.size());
    padded.push_back(place);
  });
  CHECK(padded == std::vector<std::size_t>{0, 1, 4, 5});
}

TEST_CASE("the density is the same at every lane width, and its Hessian is exact where it is constant") {
  const auto model = hand_written::make();
  const DataBatch batch = gather(model->facts(), two_data_sets());
  for (const int lanes : {1, 4, 8, 16}) {
    Density density(model, lanes);
    for (std::size_t set = 0; set < 2; ++set) {
      const std::vector<std::size_t> which(static_cast<std::size_t>(std::min(lanes, 3)), set);
      density.bind(batch, which);
      REQUIRE(density.parameter_count() == 2);
      const auto width = static_cast<std::size_t>(lanes);
      const std::size_t lane = which.size() - 1;
      density.points()[lane] = 0.7;
      density.points()[width + lane] = 0;
      density.evaluate(true);
      const double s = set == 0 ? 1 : 2;
      double expected = -0.5 * (0.7 - 1) * (0.7 - 1) / 4 + std::log(10 * 0.25);
      double slope = -(0.7 - 1) / 4;
      for (const double y : two_data_sets()[set].variables.at("y").values) {
        expected -= 0.5 * (y - 0.7) * (y - 0.7) / (s * s);
        slope += (y - 0.7) / (s * s);
      }
      CHECK(density.value(static_cast<int>(lane)) == Approx(expected).epsilon(1e-14));
      CHECK(density.gradient()[lane] == Approx(slope).epsilon(1e-14));
      std::vector<double> hessian;
      density.hessian(hessian);
      CHECK(hessian[lane] == Approx(-(0.25 + (set == 0 ? 3 : 4) / (s * s))).epsilon(1e-9));
      CHECK(hessian[(1 * 2 + 1) * width + lane] == Approx(-0.5).epsilon(1e-9));
      CHECK(std::abs(hessian[1 * width + lane]) < 1e-9);
    }
  }
}

TEST_CASE("a data set that violates a declaration is refused with the model's message") {
  const auto model = hand_written::make();
  const std::vector<DataSet> sets = {hand_written::data_set({1}, 1), hand_written::data_set({1}, -0.3)};
  const DataBatch batch = gather(model->facts(), sets);
  Density density(model, 4);
  const std::vector<std::size_t> which = {0, 1};
  CHECK_THROWS_AS(density.bind(batch, which), RuntimeError);
  CHECK_THROWS_WITH(density.bind(batch, which), Contains("noise is -0.3, must be >= 0"));
  density.bind(batch, which, true);
  CHECK(density.usable(0));
  CHECK_FALSE(density.usable(1));
  density.evaluate(false);
  CHECK(std::isfinite(density.value(0)));
  CHECK(density.value(1) == -INFINITY);
}

TEST_CASE("draws are constrained into Stan's columns") {
  const auto model = hand_written::make();
  const DataBatch batch = gather(model->facts(), two_data_sets());
  ParameterTransform transform(model, 4);
  transform.bind(batch, 1);
  CHECK(transform.unconstrained_count() == 2);
  CHECK(transform.layout(Outputs::parameters).columns == std::vector<std::string>{"mu", "tau"});
  const std::vector<double> points = {0, 0, 1, 1, 2, -1, 3, 5, 4, 0.5}; // five draws: more than there are lanes
  const Draws draws = transform.constrain(points, Outputs::all, 7, 100);
  CHECK(draws.columns == std::vector<std::string>{"mu", "tau", "both.1", "both.2", "u"});
  REQUIRE(draws.row_count == 5);
  for (std::size_t row = 0; row < 5; ++row) {
    CHECK(draws.at(row, 0) == points[2 * row]);
    CHECK(draws.at(row, 1) == Approx(10 / (1 + std::exp(-points[2 * row + 1]))));
    CHECK(draws.at(row, 3) == draws.at(row, 1));
    CHECK(draws.at(row, 4) == hand_written::uniform(7, 100 + row, 9, 0));
  }
}

TEST_CASE("the Jacobian of the constraint is that of finite differences") {
  const auto model = hand_written::make();
  const DataBatch batch = gather(model->facts(), two_data_sets());
  ParameterTransform transform(model);
  transform.bind(batch, 0);
  for (const double v : {-30.0, -2.0, 0.0, 0.3, 4.0}) {
    const std::vector<double> points = {0.2, v, 0.2, v + 1e-6, 0.2, v - 1e-6};
    const Draws draws = transform.constrain(points, Outputs::parameters);
    const double slope = (draws.at(1, 1) - draws.at(2, 1)) / 2e-6;
    CHECK(transform.log_jacobian(points)[0] == Approx(std::log(slope)).margin(1e-8));
  }
}

TEST_CASE("unconstrain inverts constrain, and refuses what is out of bounds") {
  const auto model = hand_written::make();
  std::vector<DataSet> sets = {two_data_sets()[0]};
  sets[0].variables["mu"] = {false, {}, {0.25}};
  sets[0].variables["tau"] = {false, {}, {7.5}};
  ParameterTransform transform(model);
  const auto point = transform.unconstrain(gather(model->facts(), sets), 0);
  CHECK(point[0] == 0.25);
  CHECK(point[1] == Approx(std::log(3.0)));
  sets[0].variables["tau"].values[0] = 11;
  CHECK_THROWS_WITH(transform.unconstrain(gather(model->facts(), sets), 0), Contains("tau is 11, outside"));
}

TEST_CASE("a simulated data set depends on the seed and its index alone") {
  const auto model = hand_written::make();
  SimulatorOptions options;
  options.design = hand_written::design(0.5);
  options.precision = Precision::f64;
  Simulator reference(model, options);
  const SimulatedBatch expected = reference.simulate(10, 100, 3);
  CHECK(expected.indices.size() + expected.left_out.count() == 100);
  for (const int lanes : {1, 4, 16})
    for (const int threads : {1, 3}) {
      options.lanes = lanes;
      options.threads = threads;
      Simulator simulator(model, options);
      const SimulatedBatch head = simulator.simulate(10, 37, 3), tail = simulator.simulate(47, 63, 3);
      std::vector<double> unconstrained = head.unconstrained;
      unconstrained.insert(unconstrained.end(), tail.unconstrained.begin(), tail.unconstrained.end());
      CHECK(unconstrained == expected.unconstrained);
      const DataBatch merged = merge({head.data, tail.data});
      for (std::size_t i = 0; i < merged.count; ++i)
        CHECK(extract(model->facts(), merged, i).variables.at("y").values ==
              extract(model->facts(), expected.data, i).variables.at("y").values);
    }
  CHECK(reference.simulate(10, 100, 4).unconstrained != expected.unconstrained);
}

TEST_CASE("failed simulations are left out and told") {
  const auto model = hand_written::make();
  Simulator simulator(model, {.design = hand_written::design(1), .keep_all = true});
  const SimulatedBatch batch = simulator.simulate(0, 4000, 1);
  // P(mu > 6) = P(z > 2.5) = 0.0062; fewer than 5 or more than 50 of 4000 has probability below 1e-5.
  CHECK(batch.left_out.count() >= 5);
  CHECK(batch.left_out.count() <= 50);
  CHECK_THAT(batch.left_out.first(), Contains("too large"));
  CHECK(batch.data.count == 4000 - batch.left_out.count());
  for (const double mu : batch.data.variables[hand_written::mu].values) CHECK(mu <= hand_written::largest_mu);
}

TEST_CASE("a design that is not given is asked for by name") {
  CHECK_THROWS_AS(Simulator(hand_written::make()), UserError);
  CHECK_THROWS_WITH(Simulator(hand_written::make()), Contains("the design needs noise") && Contains("--design"));
}

TEST_CASE("a producer hands out items in order whatever the threads do") {
  std::atomic<int> ahead{0};
  OrderedProducer<std::uint64_t> producer(
      [&](std::uint64_t number, std::size_t) {
        ++ahead;
        std::this_thread::sleep_for(std::chrono::microseconds(number % 3 * 200));
        return number * number;
      },
      3, 4);
  for (std::uint64_t k = 0; k < 50; ++k) {
    CHECK(producer.take() == k * k);
    CHECK(--ahead <= 5);
  }
}

TEST_CASE("a producer's exception reaches the consumer after the items before it") {
  OrderedProducer<int> producer(
      [](std::uint64_t number, std::size_t) -> int {
        if (number == 2) throw RuntimeError("no more");
        return static_cast<int>(number);
      },
      1, 8);
  CHECK(producer.take() == 0);
  CHECK(producer.take() == 1);
  CHECK_THROWS_AS(producer.take(), RuntimeError);
}

TEST_CASE("the failure of a call is that of the lane that failed") {
  const auto model = hand_written::make();
  const std::vector<DataSet> sets = {hand_written::data_set({1, 2, 3}, 1), hand_written::data_set({1, 2, 3}, -2)};
  ModelCall call(model, Precision::f64, 8);
  const std::size_t both[] = {0, 1};
  call.bind(gather(model->facts(), sets), both);
  CHECK_FALSE(call.transform_data());
  CHECK(call.failure(0) == "");
  CHECK_THAT(call.first_failure(), Contains("noise is -2, must be >= 0"));
}
