// Markov moves of simulated parameters along the posteriors of their data sets: what comes out must be independent
// draws of these posteriors in the end, and of the same joint distribution at any time.
//
// Means of 4,000 data sets are compared within 5 standard errors: a right one fails with a chance of 6e-7, about 1e-5
// for all of them together, heavier tails included. Seeds are fixed besides.
#include "runtime/training/posterior_moves.hpp"
#include "runtime/model/simulator.hpp"
#include "tests/compiled.hpp"
#include "tests/joint_discrepancy.hpp"

#include <numeric>

using namespace sibyl;
using test::compiled;

namespace {

constexpr std::size_t count = 4000;

struct Moved {
  SimulatedBatch simulated;
  std::vector<double> unconstrained; // [data set][parameter], after the moves
  double acceptance = 0;
};

// In the prior's frame, in batches, as training goes through them.
Moved move(const std::string& text, int visits) {
  const auto model = compiled(text);
  Moved result{Simulator(model, {}).simulate(0, count, 11), {}};
  REQUIRE(result.simulated.data.count == count);
  const std::size_t n = result.simulated.parameter_count;
  const auto posteriors = std::make_shared<SimulatedPosteriors>();
  posteriors->data = std::make_shared<const DataBatch>(result.simulated.data);
  posteriors->frames = PriorFrame::from_draws(result.simulated.unconstrained, result.simulated.space).repeat(count);
  std::vector<float> all;
  std::vector<double> z(n);
  for (std::size_t i = 0; i < count; ++i) {
    posteriors->frames.to_frame(i, result.simulated.unconstrained.data() + i * n, z.data());
    all.insert(all.end(), z.begin(), z.end());
  }
  PosteriorMoves moves(model, posteriors, all, 5);
  std::vector<std::size_t> which(250);
  for (int visit = 0; visit < visits; ++visit)
    for (std::size_t first = 0; first < count; first += which.size()) {
      std::iota(which.begin(), which.end(), first);
      moves.move(which, 4);
    }
  result.unconstrained.resize(count * n);
  for (std::size_t i = 0; i < count; ++i)
    posteriors->frames.from_frame(i, moves.z(i).data(), result.unconstrained.data() + i * n);
  result.acceptance = static_cast<double>(moves.accepted()) / static_cast<double>(moves.tried());
  return result;
}

double mean_of_row(const SimulatedBatch& batch, std::size_t variable, std::size_t data_set) {
  const VariableBatch& values = batch.data.variables[variable];
  return std::accumulate(values.row(data_set), values.row(data_set) + values.stride(), 0.0) /
         static_cast<double>(values.stride());
}

} // namespace

TEST_CASE("parameters that move become independent draws of the posterior of their data") {
  // normal(5/6 mean(y), sqrt(1/6)); the prior's width is 2.4 times that of the posterior.
  const std::string text =
      "data { vector[5] y; } parameters { real mu; } model { mu ~ normal(0, 1); y ~ normal(mu, 1); }";
  const Moved moved = move(text, 8);
  test::Mean mean, square, product;
  for (std::size_t i = 0; i < count; ++i) {
    const double center = 5.0 / 6 * mean_of_row(moved.simulated, 0, i);
    const double before = (moved.simulated.unconstrained[i] - center) * std::sqrt(6);
    const double after = (moved.unconstrained[i] - center) * std::sqrt(6);
    mean.add(after);
    square.add(after * after - 1);
    product.add(before * after);
  }
  CHECK(mean.in_standard_errors() < 5);
  CHECK(square.in_standard_errors() < 5);
  CHECK(product.in_standard_errors() < 5);
  CHECK(moved.acceptance > 0.4);
  CHECK(moved.acceptance < 0.6);
}

TEST_CASE("parameters that move keep the joint distribution of parameters and data at any time") {
  // Posteriors of very different widths, bounded parameters, and one that the data say nothing of.
  const std::string text =
      "data { vector[3] y; } parameters { real mu; real<lower=0> s; real<lower=0, upper=1> free; } "
      "model { mu ~ normal(0, 2); s ~ lognormal(0, 1); free ~ beta(2, 3); y ~ normal(mu, s); }";
  for (const int visits : {1, 12}) {
    const Moved moved = move(text, visits);
    test::Mean mu, mu_square, log_s, log_s_square, fit, product;
    for (std::size_t i = 0; i < count; ++i) {
      const double* u = moved.unconstrained.data() + 3 * i;
      const double scale = std::exp(u[1]),
                   residual = (mean_of_row(moved.simulated, 0, i) - u[0]) / scale * std::sqrt(3);
      mu.add(u[0]);
      mu_square.add(u[0] * u[0] / 4 - 1);
      log_s.add(u[1]);
      log_s_square.add(u[1] * u[1] - 1);
      fit.add(residual * residual - 1);
      product.add(residual * u[0]);
    }
    for (const test::Mean& mean : {mu, mu_square, log_s, log_s_square, fit, product})
      CHECK(mean.in_standard_errors() < 5);
  }
}

TEST_CASE("moves are the same for the same seed") {
  const std::string text =
      "data { vector[2] y; } parameters { real<lower=0> s; } model { s ~ exponential(1); y ~ normal(0, s); }";
  const Moved first = move(text, 2), second = move(text, 2);
  CHECK(first.unconstrained == second.unconstrained);
  CHECK(first.unconstrained != first.simulated.unconstrained);
}
