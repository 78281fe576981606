// What must hold for every program: gradients agree with differences, and simplification changes nothing.
#include "compiler/passes/forward_mode.hpp"
#include "compiler/passes/passes.hpp"
#include "compiler/passes/simplify.hpp"
#include "tests/numerics/random_density.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <map>
#include <utility>

using namespace sibyl::ir;
using namespace sibyl::test;

namespace {

const std::vector<double> at{0.31, -0.74, 1.13};
constexpr std::uint32_t programs = 400;

bool agree(double a, double b, double tolerance) { return std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b)); }

// A difference is no derivative where a comparison of reals changes within its step: then values jump, and differences
// of half the step do not agree with it.
bool is_smooth_here(const Model& model) {
  for (std::size_t i = 0; i < at.size(); ++i) {
    auto slope = [&](double step) {
      std::vector<double> up = at, down = at;
      up[i] += step;
      down[i] -= step;
      return (run_density(model, up).log_density - run_density(model, down).log_density) / (2 * step);
    };
    if (!agree(slope(1e-3), slope(2e-6), 1e-2)) return false;
  }
  return true;
}

} // namespace

TEST_CASE("random programs: the gradient agrees with differences") {
  std::uint32_t compared = 0;
  for (std::uint32_t seed = 1; seed <= programs; ++seed) {
    const Model model = random_density(seed);
    if (!is_smooth_here(model)) continue;
    ++compared;
    const Model differentiated = with_gradient(model);
    INFO("seed " << seed);
    const Gradient gradient = run_gradient(differentiated, at);
    const std::vector<double> expected = differences(model, at);
    REQUIRE(agree(gradient.log_density, run_density(model, at).log_density, 1e-13));
    for (std::size_t i = 0; i < at.size(); ++i) {
      INFO("parameter " << i << ": gradient " << gradient.gradient[i] << ", differences " << expected[i]);
      REQUIRE(agree(gradient.gradient[i], expected[i], 1e-5));
    }
  }
  REQUIRE(compared > programs * 3 / 4);
}

TEST_CASE("random programs: simplification changes no result") {
  for (std::uint32_t seed = 1; seed <= programs; ++seed) {
    Model model = random_density(seed);
    const double expected = run_density(model, at).log_density;
    const std::pair<const char*, void (*)(Function&)> walks[] = {
        {"share", share_values},     {"checks", drop_proven_checks},      {"hoist", hoist_invariants},
        {"check again", drop_proven_checks}, {"stores", drop_overwritten_stores}, {"dead code", drop_dead_code},
        {"all", simplify},
    };
    for (const auto& [name, walk] : walks) {
      INFO("seed " << seed << ", " << name);
      walk(model.functions[0]);
      verify(model);
      REQUIRE(run_density(model, at).log_density == expected);
    }
  }
}

TEST_CASE("random programs: the gradient through all passes is the same") {
  for (std::uint32_t seed = 1; seed <= programs; ++seed) {
    Model model = random_density(seed);
    const Gradient expected = run_gradient(with_gradient(model), at);
    INFO("seed " << seed);
    run_passes(model, [](const Pass&, const Model& after) { verify(after); });
    const Gradient gradient = run_gradient(model, at);
    REQUIRE(gradient.log_density == expected.log_density);
    for (std::size_t i = 0; i < at.size(); ++i) REQUIRE(agree(gradient.gradient[i], expected.gradient[i], 1e-11));
  }
}

TEST_CASE("random programs: forward mode gives the gradient's elements") {
  for (std::uint32_t seed = 1; seed <= programs; ++seed) {
    const Model model = random_density(seed);
    const Gradient gradient = run_gradient(with_gradient(model), at);
    for (std::size_t i = 0; i < at.size(); ++i) {
      // The density, with its derivative along parameter i in its place.
      Model along = model;
      Function& function = along.functions[0];
      Builder b(function);
      const Block body = std::exchange(function.body, {});
      std::map<ArrayId, ArrayId> tangents;
      const auto count = static_cast<ArrayId>(function.arrays.size());
      ArrayId density = none;
      for (ArrayId array = 0; array < count; ++array) {
        const Binding binding = function.arrays[array].binding;
        if (binding != Binding::unconstrained_in && binding != Binding::log_density) continue;
        const bool is_input = binding == Binding::unconstrained_in;
        if (!is_input) density = array;
        tangents[array] = b.array("tangent", Type::real, is_input ? 1 : 0);
        std::vector<ValueId> sizes;
        if (is_input) sizes = {b.integer(static_cast<std::int32_t>(at.size()))};
        b.declare(tangents[array], sizes, true);
        if (is_input) b.store(tangents[array], b.real(1), {b.integer(static_cast<std::int32_t>(i))});
      }
      append_with_tangents(b, body, tangents);
      b.store(density, b.load(tangents.at(density), {}), {});
      verify(along);
      INFO("seed " << seed << ", parameter " << i);
      REQUIRE(agree(run_density(along, at).log_density, gradient.gradient[i], 1e-11));
    }
  }
}
