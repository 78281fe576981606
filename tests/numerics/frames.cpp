// Frames against closed forms: the posterior of a normal mean is normal, and its Laplace frame exact.
#include "lang/errors.hpp"
#include "runtime/frames/climb.hpp"
#include "runtime/frames/frame.hpp"
#include "runtime/frames/laplace_frame.hpp"
#include "runtime/frames/views.hpp"
#include "runtime/model/simulator.hpp"
#include "tests/unit/hand_written_model.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <random>

using namespace sibyl;

namespace {

ParameterSpace one_block(std::size_t count) { return {{"x", "identity", "", {}, {}, 0, count}}; }

struct Simulated {
  std::shared_ptr<CompiledModel> model = hand_written::make();
  SimulatedBatch batch;
  PriorFrame prior;

  explicit Simulated(std::size_t count, double noise = 0.5) {
    Simulator simulator(model, {.precision = Precision::f64, .design = hand_written::design(noise)});
    batch = simulator.simulate(0, count, 5);
    prior = PriorFrame::from_draws(batch.unconstrained, batch.space);
  }
  // Mean and precision of the posterior of `mu` with noise 0.5.
  std::pair<double, double> exact(std::size_t data_set) const {
    const DataSet set = extract(model->facts(), batch.data, data_set);
    double precision = 1 / (hand_written::prior_sd * hand_written::prior_sd);
    double weighted = precision * hand_written::prior_mean;
    for (const double y : set.variables.at("y").values) {
      precision += 1 / 0.25;
      weighted += y / 0.25;
    }
    return {weighted / precision, precision};
  }
  std::vector<double> candidates() const { return {batch.unconstrained.begin(), batch.unconstrained.begin() + 2 * 16}; }
};

} // namespace

TEST_CASE("the prior frame whitens the prior") {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  const std::size_t count = 20000;
  std::vector<double> draws;
  for (std::size_t i = 0; i < count; ++i) {
    const double a = normal(random), b = normal(random);
    draws.insert(draws.end(), {5 + 2 * a, -1 + 0.01 * (0.8 * a + 0.6 * b)});
  }
  const PriorFrame prior = PriorFrame::from_draws(draws, one_block(2));
  const FrameBatch frames = prior.repeat(1);
  double sum[2] = {0, 0}, products[3] = {0, 0, 0};
  for (std::size_t i = 0; i < count; ++i) {
    double z[2], back[2];
    frames.to_frame(0, &draws[2 * i], z);
    frames.from_frame(0, z, back);
    REQUIRE(back[0] == Approx(draws[2 * i]).epsilon(1e-12));
    REQUIRE(back[1] == Approx(draws[2 * i + 1]).epsilon(1e-12));
    for (int p = 0; p < 2; ++p) sum[p] += z[p];
    products[0] += z[0] * z[0];
    products[1] += z[0] * z[1];
    products[2] += z[1] * z[1];
  }
  CHECK(std::abs(sum[0] / count) < 1e-6);
  CHECK(std::abs(sum[1] / count) < 1e-6);
  // Up to the winsorizing of what lies beyond 6 standard deviations.
  CHECK(products[0] / count == Approx(1).epsilon(1e-3));
  CHECK(std::abs(products[1] / count) < 1e-3);
  CHECK(products[2] / count == Approx(1).epsilon(1e-3));
  CHECK(frames.log_determinant[0] == Approx(-std::log(2 * 0.01 * 0.6)).epsilon(0.02));
}

TEST_CASE("a heavy-tailed prior has a usable frame") {
  std::mt19937_64 random(4);
  std::cauchy_distribution<double> cauchy;
  std::vector<double> draws(10000);
  for (double& draw : draws) draw = cauchy(random);
  const PriorFrame prior = PriorFrame::from_draws(draws, one_block(1));
  CHECK(std::abs(prior.center[0]) < 0.3);
  CHECK(1 / prior.factor[0] > 1);
  CHECK(1 / prior.factor[0] < 5);
}

TEST_CASE("a parameter that does not vary is an error") {
  const std::vector<double> draws(100, 3.0);
  CHECK_THROWS_AS(PriorFrame::from_draws(draws, one_block(1)), RuntimeError);
}

TEST_CASE("the Laplace frame of a normal posterior is exact") {
  for (const int lanes : {1, 8}) {
    const Simulated simulated(100);
    LaplaceFrames finder(simulated.model, simulated.prior, simulated.candidates(), {.lanes = lanes});
    const FrameBatch frames = finder.find(simulated.batch.data);
    REQUIRE(frames.count == simulated.batch.data.count);
    for (std::size_t i = 0; i < frames.count; ++i) {
      const auto [mean, precision] = simulated.exact(i);
      REQUIRE(frames.converged[i]);
      const double sd = 1 / std::sqrt(precision);
      CHECK(std::abs(frames.center[2 * i] - mean) < 1e-6 * sd);
      CHECK(frames.factor[4 * i] == Approx(std::sqrt(precision)).epsilon(1e-6));
      // The interval parameter is uniform: its logit has the logistic density, whose mode is 0 and curvature 1/2.
      CHECK(std::abs(frames.center[2 * i + 1]) < 1e-4);
      CHECK(frames.factor[4 * i + 3] == Approx(std::sqrt(0.5)).epsilon(1e-6));
      CHECK(std::abs(frames.factor[4 * i + 2]) < 1e-6);
      CHECK(frames.log_determinant[i] == Approx(0.5 * std::log(0.5 * precision)).epsilon(1e-6));
    }
  }
}

TEST_CASE("a climb ends at the mode of a normal posterior, from far away too, and leaves other lanes alone") {
  const Simulated simulated(6);
  Density density(simulated.model, 8);
  const std::size_t width = static_cast<std::size_t>(density.lanes()), active = 4;
  std::vector<std::size_t> which(width, 5);
  for (std::size_t lane = 0; lane < active; ++lane) which[lane] = lane;
  density.bind(simulated.batch.data, which);
  const std::size_t dimension = simulated.prior.dimension();
  std::vector<double> points(dimension * width);
  for (std::size_t lane = 0; lane < width; ++lane)
    for (std::size_t p = 0; p < dimension; ++p)
      points[p * width + lane] = simulated.prior.center[p] + 30 * (static_cast<double>(lane) - 1.5);
  const std::vector<double> start = points;
  Climb climb(simulated.prior);
  climb.run(density, active, points);
  for (std::size_t lane = 0; lane < width; ++lane) {
    INFO("lane " << lane);
    if (lane >= active) {
      for (std::size_t p = 0; p < dimension; ++p) CHECK(points[p * width + lane] == start[p * width + lane]);
      continue;
    }
    CHECK(climb.arrived(lane));
    const auto [mean, precision] = simulated.exact(lane);
    CHECK(points[lane] == Approx(mean).margin(1e-3 / std::sqrt(precision)));
  }
}

TEST_CASE("the variational frame of a normal posterior is that posterior, from the mode as from the prior") {
  const Simulated simulated(60);
  for (const FrameKind kind : {FrameKind::refined, FrameKind::variational}) {
    LaplaceFrames finder(simulated.model, simulated.prior, simulated.candidates(), {.kind = kind});
    const FrameBatch frames = finder.find(simulated.batch.data);
    for (std::size_t i = 0; i < frames.count; ++i) {
      const auto [mean, precision] = simulated.exact(i);
      REQUIRE(frames.converged[i]);
      CHECK(std::abs(frames.center[2 * i] - mean) * std::sqrt(precision) < 0.03);
      CHECK(frames.factor[4 * i] == Approx(std::sqrt(precision)).epsilon(0.05));
      // The logistic density has the standard deviation 1.81; its mode's curvature would say 1.41. The closest normal
      // distribution is between them: where s = E[p (1 - p)]^(-1/2) with p the inverse logit of normal(0, s), 1.64.
      CHECK(std::abs(frames.center[2 * i + 1]) < 0.03);
      CHECK(1 / frames.factor[4 * i + 3] == Approx(1.64).epsilon(0.05));
      CHECK(frames.log_determinant[i] ==
            Approx(std::log(frames.factor[4 * i]) + std::log(frames.factor[4 * i + 3])).epsilon(1e-9));
      CHECK(std::isfinite(frames.objective[i]));
    }
  }
}

TEST_CASE("a data set without a finite density has the prior frame from the prior, too") {
  const Simulated simulated(16);
  LaplaceFrames finder(simulated.model, simulated.prior, simulated.candidates(), {.kind = FrameKind::variational});
  const std::vector<DataSet> sets = {hand_written::data_set({1, NAN}, 1), hand_written::data_set({1, 2}, 1)};
  const FrameBatch frames = finder.find(gather(simulated.model->facts(), sets));
  CHECK_FALSE(frames.converged[0]);
  CHECK(frames.converged[1]);
  CHECK(frames.center[0] == simulated.prior.center[0]);
  CHECK(frames.factor[0] == simulated.prior.factor[0]);
  CHECK(frames.objective[0] == 0);
}

TEST_CASE("a part of a batch has the frames that it has in the whole") {
  const Simulated simulated(40);
  for (const FrameKind kind : {FrameKind::laplace, FrameKind::refined, FrameKind::variational}) {
    LaplaceFrames finder(simulated.model, simulated.prior, simulated.candidates(), {.kind = kind});
    FrameBatch parts = finder.find(simulated.batch.data, 0, 13);
    parts.append(finder.find(simulated.batch.data, 13, 27));
    const FrameBatch whole = finder.find(simulated.batch.data);
    CHECK(parts.count == 40);
    CHECK(parts.center == whole.center);
    CHECK(parts.factor == whole.factor);
    CHECK(parts.log_determinant == whole.log_determinant);
    CHECK(parts.objective == whole.objective);
    CHECK(parts.converged == whole.converged);
  }
}

TEST_CASE("frames are the same whichever data sets share the lanes") {
  const Simulated simulated(40);
  LaplaceFrames finder(simulated.model, simulated.prior, simulated.candidates());
  const FrameBatch together = finder.find(simulated.batch.data);
  for (const std::size_t i : {0u, 7u, 23u}) {
    const std::vector<DataSet> one = {extract(simulated.model->facts(), simulated.batch.data, i)};
    const FrameBatch alone = finder.find(gather(simulated.model->facts(), one));
    CHECK(alone.center[0] == together.center[2 * i]);
    CHECK(alone.factor[0] == together.factor[4 * i]);
    CHECK(alone.objective[0] == together.objective[i]);
  }
}

TEST_CASE("a data set that the density refuses has the prior frame and says so") {
  const Simulated simulated(16);
  LaplaceFrames finder(simulated.model, simulated.prior, simulated.candidates());
  const std::vector<DataSet> sets = {hand_written::data_set({1, 2}, 1), hand_written::data_set({1, NAN}, 1)};
  const FrameBatch frames = finder.find(gather(simulated.model->facts(), sets));
  CHECK(frames.converged[0]);
  CHECK_FALSE(frames.converged[1]);
  CHECK(frames.center[2] == simulated.prior.center[0]);
  CHECK(frames.factor[4] == simulated.prior.factor[0]);
}

TEST_CASE("a frame's context tells mode, curvature, correlations, objective and convergence") {
  const Simulated simulated(16);
  LaplaceFrames finder(simulated.model, simulated.prior, simulated.candidates());
  const FrameBatch frames = finder.find(simulated.batch.data);
  REQUIRE(frame_context_size(FrameKind::laplace, 2) == 2 + 2 + 1 + 2);
  CHECK(frame_context_size(FrameKind::prior, 2) == 0);
  float context[7];
  write_frame_context(simulated.prior, frames, 0, 5, context);
  double expected[2] = {frames.center[0], frames.center[1]};
  simulated.prior.repeat(1).to_frame(0, expected, expected);
  CHECK(context[0] == Approx(expected[0]).epsilon(1e-5));
  CHECK(context[2] == Approx(std::log(frames.factor[0] / simulated.prior.factor[0])).epsilon(1e-5));
  CHECK(std::abs(context[4]) < 1e-5); // the posterior's two parameters are independent
  CHECK(context[6] == 1);
}

TEST_CASE("a view has the density's slopes along the frame's axes, and its heights above the first viewpoint") {
  const Simulated simulated(19); // not a multiple of the lanes
  LaplaceFrames finder(simulated.model, simulated.prior, simulated.candidates());
  FrameBatch frames = finder.find(simulated.batch.data);
  const std::vector<double> viewpoints = choose_viewpoints(frames, simulated.batch.unconstrained);
  REQUIRE(viewpoints.size() == 8 * 2);
  const std::size_t size = view_size(viewpoints.size(), 2);
  REQUIRE(size == 8 * 3 - 1);
  Views(simulated.model, viewpoints).add(simulated.batch.data, frames);
  REQUIRE(frames.views.size() == 19 * size);
  Density density(simulated.model, 1);
  for (const std::size_t i : {0, 7, 8, 18}) {
    density.bind(simulated.batch.data, std::span(&i, 1));
    const auto value_at = [&](double a, double b) {
      const double z[2] = {a, b};
      frames.from_frame(i, z, density.points());
      density.evaluate(false);
      return density.value(0);
    };
    for (std::size_t point = 0; point < 8; ++point) {
      const double a = viewpoints[2 * point], b = viewpoints[2 * point + 1];
      const float* view = frames.views.data() + i * size + 3 * point;
      constexpr double step = 1e-4;
      CHECK(std::sinh(view[0]) ==
            Approx((value_at(a + step, b) - value_at(a - step, b)) / (2 * step)).epsilon(1e-4).margin(1e-4));
      CHECK(std::sinh(view[1]) ==
            Approx((value_at(a, b + step) - value_at(a, b - step)) / (2 * step)).epsilon(1e-4).margin(1e-4));
      if (point > 0)
        CHECK(std::sinh(view[-1]) ==
              Approx(value_at(a, b) - value_at(viewpoints[0], viewpoints[1])).epsilon(1e-4).margin(1e-4));
    }
  }
}

TEST_CASE("viewpoints are few where there are many parameters, and none beyond thirty-one") {
  PriorFrame prior;
  for (const std::size_t dimension : {5, 10, 31, 32}) {
    prior.center.assign(dimension, 0);
    prior.factor.assign(dimension * dimension, 0);
    for (std::size_t p = 0; p < dimension; ++p) prior.factor[p * dimension + p] = 1;
    const std::vector<double> draws(20 * dimension, 7);
    const std::vector<double> points = choose_viewpoints(prior.repeat(20), draws);
    CHECK(points.size() / dimension == (dimension == 5 ? 8 : dimension == 10 ? 5 : dimension == 31 ? 2 : 0));
    CHECK(std::ranges::all_of(points, [](double one) { return one == 2.5; })); // drawn in from 7
  }
}
