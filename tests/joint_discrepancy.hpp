// Whether a simulator and a density are those of one joint distribution.
//
// For unconstrained parameters u and data y from the joint density p, the score has mean zero, and so have
// p(u + d, y) / p(u, y) - 1 for any shift d: both would miss only errors that no parameter's posterior feels.
#pragma once

#include "runtime/model/density.hpp"
#include "runtime/model/simulator.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numeric>

namespace sibyl::test {

struct Mean {
  double sum = 0, squares = 0;
  std::size_t count = 0;
  void add(double x) { sum += x, squares += x * x, ++count; }
  double in_standard_errors() const {
    const double n = static_cast<double>(count), mean = sum / n;
    return std::abs(mean) / std::sqrt(std::max(squares / n - mean * mean, 1e-300) / n);
  }
};

// The most that a mean which should be zero is away from it, in standard errors. `left_out`: the share of simulations
// that may violate a condition of the text, which the joint distribution is then given.
inline double discrepancy(const std::shared_ptr<CompiledModel>& model,
                          const std::shared_ptr<CompiledModel>& density_model, double left_out = 0) {
  REQUIRE(model->facts().is_generative);
  REQUIRE(density_model->facts().has_density);
  const SimulatedBatch batch = Simulator(model, {}).simulate(0, 5000, 7);
  REQUIRE(static_cast<double>(batch.left_out.count()) <= 5000 * left_out);
  Density density(density_model);
  const auto lanes = static_cast<std::size_t>(density.lanes());
  const std::size_t n = batch.parameter_count;
  Mean ratio;
  std::vector<Mean> scores(n);
  for (std::size_t first = 0; first + lanes <= batch.data.count; first += lanes) {
    std::vector<std::size_t> which(lanes);
    std::iota(which.begin(), which.end(), first);
    density.bind(batch.data, which);
    const auto set_points = [&](double shift) {
      for (std::size_t l = 0; l < lanes; ++l)
        for (std::size_t i = 0; i < n; ++i)
          density.points()[i * lanes + l] = batch.unconstrained[(first + l) * n + i] + (i % 2 == 0 ? shift : -shift);
    };
    set_points(0);
    density.evaluate(true);
    std::vector<double> before(lanes);
    for (std::size_t l = 0; l < lanes; ++l) {
      before[l] = density.value(static_cast<int>(l));
      REQUIRE(std::isfinite(before[l]));
      for (std::size_t i = 0; i < n; ++i) scores[i].add(density.gradient()[i * lanes + l]);
    }
    set_points(0.15);
    density.evaluate(false);
    for (std::size_t l = 0; l < lanes; ++l) ratio.add(std::expm1(density.value(static_cast<int>(l)) - before[l]));
  }
  double most = ratio.in_standard_errors();
  for (const Mean& one : scores) most = std::max(most, one.in_standard_errors());
  return most;
}

} // namespace sibyl::test
