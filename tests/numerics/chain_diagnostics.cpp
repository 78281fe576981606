// Diagnostics of chains against ArviZ's (make_chain_diagnostics.py, which holds the chains' recipe too).
#include "runtime/trust/chain_diagnostics.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <vector>

using namespace sibyl;

namespace {

std::vector<double> make_chains(const nlohmann::json& recipe) {
  const auto chains = recipe.at("chains").get<std::size_t>(), draws = recipe.at("draws").get<std::size_t>();
  std::uint64_t state = recipe.at("seed").get<std::uint64_t>();
  std::vector<double> values;
  for (std::size_t chain = 0; chain < chains; ++chain) {
    double x = 0;
    for (std::size_t draw = 0; draw < draws; ++draw) {
      state = (1103515245 * state + 12345) % 2147483648u;
      x = recipe.at("coefficient").get<double>() * x + (static_cast<double>(state) + 0.5) / 2147483648.0 - 0.5;
      const double value = std::copysign(std::pow(std::abs(x), recipe.at("power").get<double>()), x) +
                           recipe.at("shift").get<double>() * static_cast<double>(chain);
      values.push_back(recipe.at("is_rounded") ? std::floor(value * 10 + 0.5) : value);
    }
  }
  return values;
}

} // namespace

TEST_CASE("chain diagnostics agree with ArviZ") {
  std::ifstream file(SIBYL_SOURCE_DIR "/tests/numerics/chain_diagnostics.json");
  const nlohmann::json cases = nlohmann::json::parse(file);
  REQUIRE(cases.size() == 9);
  for (const auto& expected : cases) {
    INFO(expected.at("name"));
    const std::vector<double> values = make_chains(expected);
    const auto chains = expected.at("chains").get<std::size_t>();
    const ChainSummary summary = summarize_chains(values, chains);
    const auto agrees = [&](const char* name, double value) {
      INFO(name);
      CHECK(value == Approx(expected.at(name).get<double>()).epsilon(1e-9));
    };
    if (!expected.at("rhat").is_null()) agrees("rhat", summary.rhat);
    agrees("mean_ess", mean_ess(values, chains));
    agrees("bulk_ess", summary.bulk_ess);
    agrees("tail_ess", summary.tail_ess);
    agrees("mean_error", summary.mean_error);
    agrees("ebfmi", ebfmi(std::span(values).first(values.size() / chains)));
  }
}

TEST_CASE("what cannot be judged is NaN") {
  const std::vector<double> constant(40, 3.0);
  CHECK(std::isnan(rhat(constant, 4)));
  CHECK(std::isnan(bulk_ess(constant, 4)));
  CHECK(std::isnan(tail_ess(constant, 4)));
  CHECK(summarize_chains(constant, 4).mean == 3.0);
  std::vector<double> infinite(40);
  for (std::size_t i = 0; i < infinite.size(); ++i) infinite[i] = static_cast<double>(i * i % 17);
  CHECK(std::isfinite(rhat(infinite, 4)));
  infinite[7] = std::numeric_limits<double>::infinity();
  CHECK(std::isnan(rhat(infinite, 4)));
  CHECK(std::isnan(mean_ess(infinite, 4)));
  CHECK(std::isnan(rhat(std::vector<double>{1, 2, 3}, 1)));
  CHECK(std::isnan(summarize_chains({}, 4).mean));
}

TEST_CASE("chains that stand still in different places have an infinite R-hat") {
  std::vector<double> values(20, 1.0);
  std::fill_n(values.begin(), 10, 2.0);
  CHECK(rhat(values, 2) > 1e3);
}
