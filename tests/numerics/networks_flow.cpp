// The posterior network as a distribution: normalized, invertible, its density that of its draws.
#include "tests/networks_data.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace sibyl;
using Tensor = EigenBackend::Tensor;

namespace {

NetworkConfig small(std::size_t dimension, const std::string& family) {
  NetworkConfig config;
  config.dimension = dimension;
  config.direct_width = 3;
  config.family = family;
  config.sizes["hidden"] = 32;
  return config;
}

} // namespace

TEST_CASE("The density of a family's draws is the density of these points, and draws go back to where they started") {
  for (const PosteriorFamilyInfo& family : list_posterior_families())
    for (const std::size_t dimension : {1, 2, 3, 5, 8}) {
      const NetworkConfig config = small(dimension, std::string(family.name));
      const test::RandomWeights random(config, 3, 0.1f);
      const NetworkBatch batch = test::random_batch(config, std::vector<std::int64_t>(200), 5);
      EigenBackend backend(random.weights());
      const Tensor base = test::matrix(batch.z, batch.count, dimension);
      Tensor drawn, of_draws, of_points;
      networks::visit_family(config.family, [&](auto member) {
        const Tensor context =
            member.context(backend, config, test::matrix(batch.direct, batch.count, config.direct_width), 3);
        drawn = member.sample(backend, config, base, context, &of_draws);
        of_points = member.log_density(backend, config, drawn, context);
      });
      INFO(family.name << ", dimension " << dimension);
      CHECK((base - drawn).cwiseAbs().maxCoeff() > 0.05f); // the weights do something
      CHECK((of_draws - of_points).cwiseAbs().maxCoeff() < 5e-3f);
    }
}

TEST_CASE("Going back through the spline flow returns to the start, with the same slope") {
  for (const std::size_t dimension : {1, 2, 3, 5, 8}) {
    const NetworkConfig config = small(dimension, "spline_flow");
    const test::RandomWeights random(config, 3, 0.1f);
    const NetworkBatch batch = test::random_batch(config, std::vector<std::int64_t>(200), 5);
    EigenBackend backend(random.weights());
    const Tensor z = test::matrix(batch.z, batch.count, dimension);
    const Tensor context = networks::SplineFlow::context(
        backend, config, test::matrix(batch.direct, batch.count, config.direct_width), config.direct_width);
    Tensor there = Tensor::Zero(z.rows(), 1), back = there;
    const Tensor base = networks::SplineFlow::forward(backend, config, z, context, there);
    const Tensor again = networks::SplineFlow::inverse(backend, config, base, context, back);
    INFO("dimension " << dimension);
    CHECK((base - z).cwiseAbs().maxCoeff() > 0.05f); // the weights do something
    CHECK((again - z).cwiseAbs().maxCoeff() < 2e-4f);
    CHECK((there - back).cwiseAbs().maxCoeff() < 2e-3f);
  }
}

TEST_CASE("Draws of a spline flow that has learned nothing sensible still have moments") {
  // Large weights stand for what a network makes up where it has seen no data. One factor e^n too many, and the next
  // layer's condition is that large: without bounds the largest of these draws are infinite.
  for (unsigned seed = 1; seed <= 10; ++seed) {
    const NetworkConfig config = small(4, "spline_flow");
    const test::RandomWeights random(config, seed, 1.0f);
    EigenBackend backend(random.weights());
    const Tensor context =
        networks::SplineFlow::context(backend, config, test::matrix({1.5f, -2, 1}, 1, 3), config.direct_width);
    Tensor density;
    const Tensor drawn = networks::SplineFlow::sample(
        backend, config, test::matrix(test::normals(4 * 20000, seed), 20000, 4), context, &density);
    INFO("seed " << seed << ", largest " << drawn.cwiseAbs().maxCoeff());
    CHECK(drawn.allFinite());
    CHECK(density.allFinite());
    CHECK(drawn.cwiseAbs().maxCoeff() < 1e7f);
  }
}

TEST_CASE("The density of every family integrates to one") {
  const std::string family = GENERATE("spline_flow", "flow_matching", "mean_flow");
  INFO(family);
  SECTION("one parameter") {
    NetworkConfig config = small(1, family);
    const test::RandomWeights random(config, 7, 0.1f);
    NetworkBatch batch;
    constexpr double step = 0.005, limit = 40;
    batch.dimension = 1;
    batch.direct_width = config.direct_width;
    for (double z = -limit; z < limit; z += step) {
      batch.z.push_back(static_cast<float>(z));
      for (const float direct : {0.3f, -1.0f, 2.0f}) batch.direct.push_back(direct);
    }
    batch.count = batch.z.size();
    double total = 0;
    for (const double one : test::log_densities(config, random.weights(), batch)) total += step * std::exp(one);
    CHECK(total == Approx(1).margin(2e-3));
  }
  SECTION("two parameters") {
    NetworkConfig config = small(2, family);
    const test::RandomWeights random(config, 8, 0.05f);
    NetworkBatch batch;
    constexpr double step = 0.06, limit = 9;
    batch.dimension = 2;
    batch.direct_width = config.direct_width;
    for (double a = -limit; a < limit; a += step)
      for (double b = -limit; b < limit; b += step) {
        batch.z.insert(batch.z.end(), {static_cast<float>(a), static_cast<float>(b)});
        for (const float direct : {0.3f, -1.0f, 2.0f}) batch.direct.push_back(direct);
      }
    batch.count = batch.z.size() / 2;
    double total = 0;
    for (const double one : test::log_densities(config, random.weights(), batch)) total += step * step * std::exp(one);
    CHECK(total == Approx(1).margin(1e-2));
  }
}

TEST_CASE("Every parameter is mapped, and conditions every other, within the layers of the default flow") {
  const NetworkConfig config;
  for (std::size_t dimension = 2; dimension <= 12; ++dimension) {
    // reach[i][j]: the map of j has seen i.
    std::vector<std::vector<bool>> reach(dimension, std::vector<bool>(dimension));
    std::vector<int> mapped(dimension);
    for (std::size_t l = 0; l < config.size("layers"); ++l) {
      std::vector<std::size_t> passive, active;
      networks::SplineFlow::split(dimension, l, passive, active);
      CHECK(passive.size() + active.size() == dimension);
      const auto before = reach;
      for (const std::size_t to : active) {
        ++mapped[to];
        for (const std::size_t from : passive) {
          reach[from][to] = true;
          for (std::size_t i = 0; i < dimension; ++i)
            if (before[i][from]) reach[i][to] = true;
        }
      }
    }
    for (std::size_t i = 0; i < dimension; ++i) {
      INFO("dimension " << dimension << ", parameter " << i);
      CHECK(mapped[i] >= 2);
      for (std::size_t j = 0; j < dimension; ++j)
        if (i != j) CHECK(reach[i][j]);
    }
  }
}
