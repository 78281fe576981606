// Densities and gradients over lanes: the same bits for every number of lanes, and the reference interpreter's values.
#include "tests/lane_calls.hpp"
#include "tests/numerics/random_density.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace sibyl;
using namespace sibyl::test;

namespace {

constexpr std::uint32_t programs = 25;

std::vector<test::DataSet> points(std::size_t count) {
  std::vector<test::DataSet> sets(count);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t p = 0; p < 3; ++p)
      sets[i].unconstrained.push_back(1.3 * std::sin(static_cast<double>(3 * i + 7 * p + 1)));
  return sets;
}

} // namespace

TEST_CASE("random programs: density and gradient have the same bits for 1, 4, 8 and 16 lanes") {
  std::size_t compared = 0, agreed = 0;
  for (std::uint32_t seed = 1; seed <= programs; ++seed) {
    INFO("program " << seed);
    const ir::Model model = with_gradient(random_density(seed));
    const auto sets = points(19);
    LaneOptions options;
    const auto reference = run_lanes(*model.find("log_density_gradient"), sets, options);
    const auto density = run_lanes(*model.find("log_density"), sets, options);
    for (const int lanes : {4, 8, 16}) {
      options.lanes = lanes;
      INFO("lanes " << lanes);
      REQUIRE(same(reference, run_lanes(*model.find("log_density_gradient"), sets, options)));
      REQUIRE(same(density, run_lanes(*model.find("log_density"), sets, options)));
    }
    for (std::size_t i = 0; i < sets.size(); ++i) {
      const Gradient expected = run_gradient(model, sets[i].unconstrained);
      const auto agrees = [](double a, double b) { return std::abs(a - b) <= 1e-9 * std::max(1.0, std::abs(b)); };
      bool all = agrees(reference[i].log_density, expected.log_density);
      for (std::size_t p = 0; p < 3; ++p) all &= agrees(reference[i].gradient[p], expected.gradient[p]);
      ++compared;
      agreed += all;
    }
  }
  // A comparison of two nearly equal reals may fall the other way where a product was fused; then a value jumps.
  INFO(agreed << " of " << compared << " points agree with the interpreter");
  CHECK(agreed >= compared * 99 / 100);
}
