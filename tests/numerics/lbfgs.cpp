// The optimizer on functions whose maxima are known.
#include "runtime/mcmc/lbfgs.hpp"

#include "tests/closed_form.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace sibyl::mcmc;
using Catch::Contains;
using sibyl::test::ClosedForm;

namespace {

template <typename Function>
LbfgsResult run(std::vector<double> start, Function function, const LbfgsOptions& options = {}) {
  ClosedForm density(start.size(), function);
  return maximize(density, Eigen::Map<Eigen::VectorXd>(start.data(), static_cast<Eigen::Index>(start.size())), options);
}

} // namespace

TEST_CASE("Rosenbrock's valley, from the usual start") {
  const auto result = run({-1.2, 1}, [](const double* x, double* gradient) {
    const double a = 1 - x[0], b = x[1] - x[0] * x[0];
    gradient[0] = 2 * a + 400 * b * x[0];
    gradient[1] = -200 * b;
    return -a * a - 100 * b * b;
  });
  CHECK(result.converged);
  CHECK(result.best.position[0] == Approx(1).epsilon(1e-5));
  CHECK(result.best.position[1] == Approx(1).epsilon(1e-5));
  CHECK(result.iterations < 60);
}

TEST_CASE("a badly scaled quadratic of fifty dimensions") {
  const auto result = run(std::vector<double>(50, 1.0), [](const double* x, double* gradient) {
    double value = 0;
    for (int i = 0; i < 50; ++i) {
      const double scale = std::pow(10.0, i / 12.0), d = x[i] - i;
      value -= 0.5 * scale * d * d;
      gradient[i] = -scale * d;
    }
    return value;
  });
  CHECK(result.converged);
  for (int i = 0; i < 50; ++i) CHECK(result.best.position[i] == Approx(i).margin(2e-3));
}

TEST_CASE("steps beyond the support are taken back") {
  // gamma(3, 2) of x > 0, whose mode is 1.
  const auto result = run({30}, [](const double* x, double* gradient) {
    if (x[0] <= 0) return -std::numeric_limits<double>::infinity();
    gradient[0] = 2 / x[0] - 2;
    return 2 * std::log(x[0]) - 2 * x[0];
  });
  CHECK(result.converged);
  CHECK(result.best.position[0] == Approx(1).epsilon(1e-4)); // the tolerance is one of the density
}

TEST_CASE("what has no maximum does not converge") {
  LbfgsOptions few;
  few.max_iterations = 50;
  const auto result = run(
      {0},
      [](const double* x, double* gradient) { return gradient[0] = std::exp(x[0] / 10), 10 * std::exp(x[0] / 10); },
      few);
  CHECK_FALSE(result.converged);
  const auto jump = run({0.5}, [](const double* x, double* gradient) {
    gradient[0] = 1;
    return x[0] > 0.5 ? -10.0 : 0.0;
  });
  CHECK_FALSE(jump.converged);
  CHECK_THAT(jump.reason, Contains("jumps"));
}

TEST_CASE("a search that is interrupted keeps the best point") {
  std::atomic<std::int32_t> interrupted = 0;
  LbfgsOptions options;
  options.interrupted = &interrupted;
  int calls = 0;
  const auto result = run(
      {-1.2, 1},
      [&](const double* x, double* gradient) {
        if (++calls == 10) interrupted = 1;
        const double a = 1 - x[0], b = x[1] - x[0] * x[0];
        gradient[0] = 2 * a + 400 * b * x[0];
        gradient[1] = -200 * b;
        return -a * a - 100 * b * b;
      },
      options);
  CHECK(result.was_interrupted);
  CHECK_FALSE(result.converged);
  CHECK(result.best.log_density > -24.2); // of the start
}
