// Log density with gradient on one core, beside one derived and written by hand.
#include "runtime/model/density.hpp"
#include "lang/errors.hpp"
#include "tests/performance/models.hpp"
#include "tests/performance/scalar_models.hpp"

#include <cmath>
#include <random>

namespace sibyl::bench {

namespace {

ScalarRegressionDensity some_data(std::size_t count) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  ScalarRegressionDensity result;
  for (std::size_t n = 0; n < count; ++n) {
    result.x.push_back(normal(random));
    result.y.push_back(1 + 0.5 * result.x.back() + 0.8 * normal(random));
  }
  return result;
}

DataSet data_set(const ScalarRegressionDensity& data) {
  const auto count = static_cast<std::int64_t>(data.x.size());
  DataSet set;
  set.variables["N"] = {true, {}, {static_cast<double>(count)}};
  set.variables["x"] = {false, {count}, data.x};
  set.variables["y"] = {false, {count}, data.y};
  return set;
}

// The two must compute the same, or their times mean nothing.
void check_agreement(Density& density, const ScalarRegressionDensity& scalar, const std::vector<double>& points) {
  const auto lanes = static_cast<std::size_t>(density.lanes());
  density.evaluate(true);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    double gradient[3];
    const double value = scalar(points.data() + 3 * lane, gradient);
    bool agrees = std::abs(value - density.value(static_cast<int>(lane))) <= 1e-9 * std::abs(value);
    for (std::size_t p = 0; p < 3; ++p)
      agrees &= std::abs(gradient[p] - density.gradient()[p * lanes + lane]) <= 1e-9 * std::abs(value);
    if (!agrees) throw InternalError("the density written by hand is another one than the model's");
  }
}

} // namespace

void bench_density(const Effort& effort, const Places& places) {
  const auto model = compile_example(places, "01_linear_regression/linear_regression.sib");
  for (const std::size_t count : {std::size_t{14}, std::size_t{1000}}) {
    const ScalarRegressionDensity scalar = some_data(count);
    const DataSet set = data_set(scalar);
    const DataBatch batch = gather(model->facts(), std::span(&set, 1));
    Density density(model);
    const auto lanes = static_cast<std::size_t>(density.lanes());
    density.bind(batch, std::vector<std::size_t>(lanes, 0));
    std::vector<double> points(3 * lanes); // [lane][parameter]
    for (std::size_t lane = 0; lane < lanes; ++lane)
      for (std::size_t p = 0; p < 3; ++p)
        density.points()[p * lanes + lane] = points[3 * lane + p] = 0.1 * static_cast<double>(lane + p) - 0.3;
    check_agreement(density, scalar, points);

    const Work work = [&] {
      for (int i = 0; i < 16; ++i) density.evaluate(true);
      return 16.0 * static_cast<double>(lanes);
    };
    const Work baseline = [&] {
      for (std::size_t i = 0; i < 16 * lanes; ++i) {
        double gradient[3];
        const double value = scalar(points.data() + 3 * (i % lanes), gradient);
        keep(&value);
        keep(gradient);
      }
      return 16.0 * static_cast<double>(lanes);
    };
    const Comparison result = compare(effort, work, baseline);
    print({.name = "linear_regression_gradients_of_" + std::to_string(count) + "_rows",
           .unit = "log densities with gradient per second and core",
           .value = result.rate,
           .against = "scalar C++ function, differentiated by hand",
           .baseline = result.baseline_rate,
           .ratio = result.ratio,
           .turns = effort.turns});
  }
}

} // namespace sibyl::bench
