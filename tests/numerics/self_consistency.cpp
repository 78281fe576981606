// The self-consistency term: zero for the exact posterior, the variance that it is said to be elsewhere, and its
// gradient through the draws, the flow backwards and the model's density.
#include "runtime/training/torch/self_consistency_term.hpp"
#include "runtime/training/torch/summarize_batch.hpp"
#include "tests/networks_data.hpp"

#include <torch/autograd.h>
#include <torch/utils.h>

#include <catch2/catch.hpp>

#include <limits>

using namespace sibyl;
using namespace sibyl::training;
using torch::Tensor;

namespace {

NetworkConfig small(std::size_t dimension) {
  NetworkConfig config;
  config.dimension = dimension;
  config.direct_width = 3;
  config.sizes = {{"layers", 4}, {"hidden", 16}};
  return config;
}

UnlabelledBatch batch_of(const NetworkConfig& config, std::size_t sets) {
  UnlabelledBatch batch{test::random_batch(config, std::vector<std::int64_t>(sets), 7), {}};
  for (std::size_t i = 0; i < sets; ++i) batch.which.push_back(i);
  return batch;
}

// Of each coordinate of z on its own; `at` gives value and derivative.
template <typename At>
SelfConsistency density_of(std::size_t dimension, std::size_t draws, At at) {
  SelfConsistency how;
  how.draws = draws;
  how.density = [=](std::span<const std::size_t> which, std::span<const double> z, std::span<double> values,
                    std::span<double> gradients) {
    REQUIRE(values.size() == which.size() * draws);
    for (std::size_t i = 0; i < values.size(); ++i) {
      // What differs between data sets and is the same for all draws of one drops out.
      values[i] = -1e5 * static_cast<double>(1 + which[i / draws]);
      for (std::size_t p = 0; p < dimension; ++p) {
        const auto [value, derivative] = at(z[i * dimension + p]);
        values[i] += value;
        gradients[i * dimension + p] = derivative;
      }
    }
  };
  return how;
}

// A backend with the weights of a flow that does something; one that does nothing with `spread` 0.
void make_weights(TorchBackend& backend, const NetworkConfig& config, float spread) {
  const test::RandomWeights random(config, 3, spread);
  for (const auto& [name, weight] : random.weights()) {
    Tensor tensor = torch::tensor(weight.values)
                        .reshape({static_cast<std::int64_t>(weight.rows), static_cast<std::int64_t>(weight.columns)});
    if (spread == 0 && (name.find("numbers") != std::string::npos)) tensor.zero_();
    backend.parameters()[name] = tensor.requires_grad_(true);
  }
  backend.declare(false);
}

} // namespace

TEST_CASE("Back through the spline and forth again is the identity, with its gradients") {
  torch::manual_seed(3);
  TorchBackend backend(torch::kCPU);
  constexpr std::int64_t rows = 50, columns = 3;
  constexpr std::size_t bins = 5;
  const Tensor y = (3 * torch::randn({rows, columns})).requires_grad_(true);
  const auto width = static_cast<std::int64_t>(columns * spline::numbers_per_value(bins));
  const Tensor numbers = (0.5 * torch::randn({rows, width})).requires_grad_(true);
  Tensor slope_back = torch::zeros({rows, 1}), slope_forth = torch::zeros({rows, 1});
  const Tensor x = backend.inverse_spline(y, numbers, bins, slope_back);
  const Tensor again = backend.spline(x, numbers, bins, slope_forth);
  CHECK(torch::allclose(again, y, 1e-3, 1e-3));
  CHECK_FALSE(torch::allclose(x, y, 1e-1, 1e-1));
  const Tensor weights = torch::randn_like(y), of_rows = torch::randn({rows, 1});
  const auto there = torch::autograd::grad({(again * weights).sum()}, {y, numbers}, {}, true);
  CHECK(torch::allclose(there[0], weights, 2e-2, 2e-3));
  CHECK(there[1].abs().max().item<float>() < 1e-2 * numbers.numel() / rows);
  const auto slopes = torch::autograd::grad({((slope_back - slope_forth) * of_rows).sum()}, {y, numbers});
  CHECK(slopes[0].abs().max().item<float>() < 2e-2);
  CHECK(slopes[1].abs().max().item<float>() < 2e-2);
}

TEST_CASE("The term of the exact posterior is zero") {
  for (const std::size_t dimension : {1, 3}) {
    const NetworkConfig config = small(dimension);
    TorchBackend backend(torch::kCPU);
    make_weights(backend, config, 0); // the identity: the standard normal of every data set
    const auto found = self_consistency_terms(
        backend, config, batch_of(config, 4),
        density_of(dimension, 16, [](double z) { return std::pair(-0.5 * z * z, -z); }), 5);
    REQUIRE(found.terms.numel() == 4);
    CHECK(found.dropped == 0);
    CHECK(found.terms.abs().max().item<float>() < 1e-8);
  }
}

TEST_CASE("The term of another posterior is the variance of the log ratio") {
  // log N(z; 0, s) - log N(z; 0, 1) = (1 - 1 / s^2) z^2 / 2 + ...: its variance is (1 - 1 / s^2)^2 / 2. The mean of 400
  // sample variances of 16 squared normals has a standard error of 6% (their fourth moment is 15 times that of
  // normals).
  const NetworkConfig config = small(1);
  TorchBackend backend(torch::kCPU);
  make_weights(backend, config, 0);
  const double precision = 1 / (0.5 * 0.5);
  const auto found = self_consistency_terms(
      backend, config, batch_of(config, 400),
      density_of(1, 16, [=](double z) { return std::pair(-0.5 * precision * z * z, -precision * z); }), 5);
  CHECK(found.terms.mean().item<double>() == Approx(0.5 * (1 - precision) * (1 - precision)).epsilon(0.25));
}

TEST_CASE(
    "The term's gradient is twice that of the divergence, by finite differences, and zero at the exact posterior") {
  const NetworkConfig config = small(3);
  TorchBackend backend(torch::kCPU);
  make_weights(backend, config, 0.1f);
  constexpr std::size_t sets = 3, draws = 8000;
  const UnlabelledBatch batch = batch_of(config, sets);
  // Neither normal nor symmetric, elsewhere than the flow, and with heavier tails.
  const SelfConsistency how = density_of(3, draws, [](double z) {
    const double x = z - 1;
    return std::pair(-2.5 * std::log1p(x * x / 4) + 0.3 * std::sin(x),
                     -2.5 * (x / 2) / (1 + x * x / 4) + 0.3 * std::cos(x));
  });
  const Tensor weights = backend.flatten();
  // 2 KL(q || p) up to what is constant, with the same numbers for the draws.
  const auto divergence = [&] {
    torch::NoGradGuard no_gradients;
    backend.seed(5);
    networks::Offsets offsets;
    for (std::size_t i = 0; i <= sets; ++i) offsets.push_back(static_cast<std::int64_t>(i * draws));
    const Tensor base = backend.normal(sets * draws, 3);
    Tensor log_q;
    const Tensor context =
        networks::SplineFlow::context(backend, config, summarize_batch(backend, config, batch.inputs), 3);
    const Tensor z = networks::SplineFlow::sample(backend, config, base, backend.expand(context, offsets), &log_q)
                         .to(torch::kFloat64).contiguous();
    std::vector<double> values(sets * draws), gradients(values.size() * 3);
    how.density(batch.which, {z.data_ptr<double>(), values.size() * 3}, values, gradients);
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
      sum += log_q[static_cast<std::int64_t>(i)].item<double>() - values[i] - 1e5 * static_cast<double>(1 + i / draws);
    return 2 * sum / static_cast<double>(values.size());
  };
  self_consistency_terms(backend, config, batch, how, 5).objectives.mean().backward();
  const Tensor gradient = weights.grad().clone();
  REQUIRE(gradient.norm().item<double>() > 1);
  torch::manual_seed(11);
  for (int trial = 0; trial < 3; ++trial) {
    // The gradient's own direction, and others near it.
    Tensor direction = gradient / gradient.norm();
    if (trial > 0) {
      const Tensor other = torch::randn_like(gradient);
      direction = direction + 0.7 * other / other.norm();
    }
    direction = direction / direction.norm();
    constexpr double step = 3e-3;
    torch::NoGradGuard no_gradients;
    const Tensor start = weights.clone();
    weights.add_(direction, step);
    const double above = divergence();
    weights.copy_(start);
    weights.add_(direction, -step);
    const double below = divergence();
    weights.copy_(start);
    const double expected = (above - below) / (2 * step), actual = (gradient * direction).sum().item<double>();
    INFO("direction " << trial);
    // The two differ by the mean score of 24,000 draws, zero but for its sampling error.
    CHECK(actual == Approx(expected).epsilon(0.04));
  }
  make_weights(backend, config, 0);
  const Tensor exact = backend.flatten();
  self_consistency_terms(backend, config, batch,
                         density_of(3, 16, [](double z) { return std::pair(-0.5 * z * z, -z); }), 5)
      .objectives.mean().backward();
  CHECK(exact.grad().norm().item<double>() < 1e-4);
}

TEST_CASE("Draws at which the density is not finite are dropped and counted, and data sets with hardly any other") {
  const NetworkConfig config = small(1);
  TorchBackend backend(torch::kCPU);
  make_weights(backend, config, 0.1f);
  const Tensor weights = backend.flatten();
  SelfConsistency how;
  how.draws = 16;
  how.density = [](std::span<const std::size_t> which, std::span<const double> z, std::span<double> values,
                   std::span<double> gradients) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = -0.5 * z[i] * z[i];
      gradients[i] = -z[i];
      if (which[i / 16] == 1 || i % 16 == 3) values[i] = -std::numeric_limits<double>::infinity();
      if (i % 16 == 4) gradients[i] = std::numeric_limits<double>::quiet_NaN();
    }
  };
  const auto found = self_consistency_terms(backend, config, batch_of(config, 3), how, 5);
  CHECK(found.draws == 48);
  CHECK(found.dropped == 16 + 2 * 2);
  REQUIRE(found.terms.numel() == 2);
  CHECK(found.terms.isfinite().all().item<bool>());
  found.objectives.mean().backward();
  CHECK(weights.grad().isfinite().all().item<bool>());
  CHECK(weights.grad().norm().item<double>() > 0);
}
