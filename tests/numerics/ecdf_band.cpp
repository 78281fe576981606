// The simultaneous band of an ECDF: its pointwise quantiles by another way, and how often uniform values leave it.
#include "runtime/trust/ecdf_band.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <random>

using namespace sibyl;

namespace {

std::vector<double> draw(std::mt19937_64& random, std::size_t count, double power) {
  std::vector<double> values(count);
  for (double& one : values) one = std::pow((static_cast<double>(random() >> 11) + 0.5) * 0x1p-53, power);
  return values;
}

} // namespace

TEST_CASE("ecdf_difference is the ECDF less the uniform one") {
  const EcdfBand band{{0.25, 0.5, 0.75}, {}, {}};
  const std::vector<double> values = {0.9, 0.1, 0.3, 0.5};
  const std::vector<double> difference = ecdf_difference(values, band);
  CHECK(difference[0] == Approx(0.25 - 0.25));
  CHECK(difference[1] == Approx(0.75 - 0.5));
  CHECK(difference[2] == Approx(0.75 - 0.75));
}

// 1,000 sets of uniform values: at most 3 in a hundred thousand runs would more than 25 leave a band of 99% (2,000
// simulations decide its level, so that its own is 99% give or take 0.5%).
TEST_CASE("uniform values stay within the band of 99%, others do not") {
  std::mt19937_64 random(3);
  for (const std::size_t count : {60, 500}) {
    const EcdfBand band = simultaneous_band(count, 0.99);
    int outside = 0, seen = 0;
    for (int i = 0; i < 1000; ++i) {
      outside += !is_inside(ecdf_difference(draw(random, count, 1), band), band);
      if (i < 50) seen += !is_inside(ecdf_difference(draw(random, count, count == 60 ? 2.5 : 1.4), band), band);
    }
    INFO(count);
    CHECK(outside <= 25);
    CHECK(outside >= 1);
    CHECK(seen >= 45);
    // In the middle it is wider than the pointwise interval of 99% and narrower than that of all points by Bonferroni.
    const std::size_t middle = band.at.size() / 2;
    const double sd = std::sqrt(band.at[middle] * (1 - band.at[middle]) / static_cast<double>(count));
    CHECK(band.high[middle] > 2.5 * sd);
    CHECK(band.high[middle] < 4.1 * sd + 1.0 / static_cast<double>(count));
  }
}
