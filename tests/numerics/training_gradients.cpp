// The hand-written derivatives of the training backend, against LibTorch's own for the same sums written in its terms.
#include "runtime/training/torch/torch_backend.hpp"
#include "tests/networks_data.hpp"

#include <torch/autograd.h>
#include <torch/utils.h>

#include <catch2/catch.hpp>

using namespace sibyl;
using sibyl::training::TorchBackend;
using torch::Tensor;

namespace {

// Three data sets: four rows, none, two rows.
const networks::Offsets offsets{0, 4, 4, 6};

Tensor leaf(std::vector<std::int64_t> shape) { return torch::randn(shape).requires_grad_(true); }

// The rows of each data set as LibTorch would slice them, mapped and stacked.
template <typename Map>
Tensor each(Map map) {
  std::vector<Tensor> parts;
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) parts.push_back(map(offsets[i], offsets[i + 1]));
  return torch::stack(parts);
}

// Same value and same gradients of a random weighing of the results.
void check_same(const Tensor& ours, const Tensor& theirs, const std::vector<Tensor>& inputs) {
  REQUIRE(ours.sizes() == theirs.sizes());
  CHECK(torch::allclose(ours, theirs, 1e-5, 1e-6));
  const Tensor weighing = torch::randn_like(ours);
  const auto own = torch::autograd::grad({(ours * weighing).sum()}, inputs);
  const auto other = torch::autograd::grad({(theirs * weighing).sum()}, inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    INFO("input " << i);
    CHECK(torch::allclose(own[i], other[i], 1e-5, 1e-6));
  }
}

Tensor from_values(const std::vector<float>& values, std::size_t rows, std::size_t columns) {
  return torch::tensor(values).reshape({static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)});
}

} // namespace

TEST_CASE("Means over data sets and their gradient") {
  torch::manual_seed(1);
  TorchBackend backend(torch::kCPU);
  const Tensor rows = leaf({6, 3});
  const Tensor expected = each([&](std::int64_t begin, std::int64_t end) {
    return begin == end ? torch::zeros({3}) : rows.slice(0, begin, end).mean(0);
  });
  check_same(backend.segment_mean(rows, offsets), expected, {rows});
}

TEST_CASE("Attention over data sets and its gradients") {
  torch::manual_seed(2);
  TorchBackend backend(torch::kCPU);
  const Tensor rows = leaf({6, 3}), scores = leaf({6, 2});
  const Tensor expected = each([&](std::int64_t begin, std::int64_t end) {
    if (begin == end) return torch::zeros({6});
    return torch::softmax(scores.slice(0, begin, end), 0).t().mm(rows.slice(0, begin, end)).reshape({6});
  });
  check_same(backend.segment_attention(rows, scores, offsets), expected, {rows, scores});
}

TEST_CASE("Expansion and its gradient") {
  torch::manual_seed(3);
  TorchBackend backend(torch::kCPU);
  const Tensor x = leaf({3, 4});
  check_same(backend.expand(x, offsets), torch::stack({x[0], x[0], x[0], x[0], x[2], x[2]}), {x});
}

TEST_CASE("Merging takes columns back to their places, with gradients") {
  torch::manual_seed(4);
  TorchBackend backend(torch::kCPU);
  const Tensor x = leaf({5, 4});
  check_same(backend.merge(backend.columns(x, {1, 3}), {1, 3}, backend.columns(x, {0, 2}), {0, 2}), x * 1, {x});
}

TEST_CASE("The gradient of the loss through the spline does not depend on the strides of what it is given") {
  torch::manual_seed(5);
  TorchBackend backend(torch::kCPU);
  const auto numbers_count = static_cast<std::int64_t>(2 * spline::numbers_per_value(4));
  const Tensor x = leaf({2, 7}), numbers = leaf({numbers_count, 7});
  Tensor slope = torch::zeros({7, 1}), slope_again = torch::zeros({7, 1});
  const Tensor strided = backend.spline(x.t(), numbers.t(), 4, slope);
  const Tensor plain = backend.spline(x.t().contiguous(), numbers.t().contiguous(), 4, slope_again);
  check_same(torch::cat({strided, slope}, 1), torch::cat({plain, slope_again}, 1), {x, numbers});
}

TEST_CASE("The slope of the activation is LibTorch's derivative of it, with gradients") {
  torch::manual_seed(6);
  TorchBackend backend(torch::kCPU);
  const Tensor x = leaf({5, 4});
  const Tensor slope = torch::autograd::grad({backend.activate(x).sum()}, {x}, {}, true, true)[0];
  check_same(backend.activation_slope(x), slope, {x});
}

TEST_CASE("The backend that learns and the one that samples know the same density of every family") {
  for (const PosteriorFamilyInfo& family : list_posterior_families())
    for (const std::size_t dimension : {1, 3, 6}) {
      NetworkConfig config;
      config.dimension = dimension;
      config.direct_width = 3;
      config.family = std::string(family.name);
      config.sizes["hidden"] = 32;
      const test::RandomWeights random(config);
      const NetworkBatch batch = test::random_batch(config, std::vector<std::int64_t>(50), 7);
      EigenBackend sampling(random.weights());
      TorchBackend learning(torch::kCPU);
      for (const auto& [name, weight] : random.weights())
        learning.parameters()[name] = from_values(weight.values, weight.rows, weight.columns);
      learning.declare(false);
      std::vector<float> expected;
      Tensor actual;
      networks::visit_family(config.family, [&](auto member) {
        const auto context = member.context(sampling, config, test::matrix(batch.direct, batch.count, 3), 3);
        const EigenBackend::Tensor density =
            member.log_density(sampling, config, test::matrix(batch.z, batch.count, dimension), context);
        expected.assign(density.data(), density.data() + density.size());
        actual = member.log_density(learning, config, from_values(batch.z, batch.count, dimension),
                                    member.context(learning, config, from_values(batch.direct, batch.count, 3), 3));
      });
      INFO(family.name << ", dimension " << dimension);
      REQUIRE(actual.numel() == static_cast<std::int64_t>(expected.size()));
      CHECK(torch::allclose(actual.reshape(-1), torch::tensor(expected), 1e-3, 1e-3));
    }
}
