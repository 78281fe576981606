// Random numbers: the published test vectors of Philox4x32-10, the same words from emitted code for every number of
// lanes, and the conversions to uniform and normal numbers.
#include "compiler/interface/philox.hpp"
#include "tests/numerics/emitted_code.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace sibyl;
using namespace sibyl::test;

namespace {

using Words = std::array<std::uint32_t, 4>;
using Key = std::array<std::uint32_t, 2>;

struct KnownAnswer {
  Words counter;
  Key key;
  Words result;
};

// Random123's kat_vectors, "philox4x32 10".
const KnownAnswer known_answers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

std::vector<Words> some_counters(std::size_t count) {
  std::vector<Words> counters;
  for (std::uint32_t i = 0; i < count; ++i) counters.push_back({i, 3 * i + 1, 0xdeadbeefu ^ i, i << 20});
  return counters;
}

template <typename T>
bool same_blocks(const typename EmittedCode<T>::Block& a, const typename EmittedCode<T>::Block& b) {
  const auto same = [](const std::vector<T>& x, const std::vector<T>& y) {
    return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(T)) == 0;
  };
  return a.words == b.words && same(a.uniforms, b.uniforms) && same(a.normals, b.normals);
}

template <typename T>
void check_lanes() {
  const Key key = {12345, 0x80000001u};
  const auto counters = some_counters(203);
  const auto expected = EmittedCode<T>(1).random(counters, key);
  for (std::size_t i = 0; i < counters.size(); ++i) CHECK(expected[i].words == philox::block(counters[i], key));
  for (const int lanes : {4, 8, 16}) {
    INFO(lanes << " lanes");
    const auto found = EmittedCode<T>(lanes).random(counters, key);
    CHECK(std::equal(expected.begin(), expected.end(), found.begin(), same_blocks<T>));
  }
}

template <typename T>
std::vector<double> all_normals(std::size_t blocks) {
  const auto random = EmittedCode<T>(8).random(some_counters(blocks), {1, 2});
  std::vector<double> normals;
  for (const auto& block : random)
    for (const T value : block.normals) normals.push_back(static_cast<double>(value));
  return normals;
}

template <typename T>
std::vector<double> all_uniforms(std::size_t blocks) {
  const auto random = EmittedCode<T>(8).random(some_counters(blocks), {1, 2});
  std::vector<double> uniforms;
  for (const auto& block : random)
    for (const T value : block.uniforms) uniforms.push_back(static_cast<double>(value));
  return uniforms;
}

// The Kolmogorov-Smirnov distance times the root of the count exceeds 1.95 in one of a thousand samples.
double kolmogorov(std::vector<double> probabilities) {
  std::sort(probabilities.begin(), probabilities.end());
  const auto count = static_cast<double>(probabilities.size());
  double distance = 0;
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    const auto rank = static_cast<double>(i);
    distance = std::max({distance, probabilities[i] - rank / count, (rank + 1) / count - probabilities[i]});
  }
  return distance * std::sqrt(count);
}

template <typename T>
void check_distributions() {
  const auto uniforms = all_uniforms<T>(50000);
  for (const double u : uniforms) REQUIRE((u > 0 && u < 1));
  CHECK(kolmogorov(uniforms) < 1.95);
  const auto normals = all_normals<T>(50000);
  std::vector<double> probabilities;
  double product = 0;
  for (std::size_t i = 0; i < normals.size(); ++i) {
    probabilities.push_back(0.5 * std::erfc(-normals[i] / std::sqrt(2.0)));
    if (i > 0) product += normals[i] * normals[i - 1];
  }
  CHECK(kolmogorov(probabilities) < 1.95);
  // Neighbours, which share a radius or a block, are uncorrelated: within 3.3 standard errors (one of a thousand).
  CHECK(std::abs(product) < 3.3 * std::sqrt(static_cast<double>(normals.size())));
}

} // namespace

TEST_CASE("the reference gives the published answers") {
  for (const KnownAnswer& one : known_answers) CHECK(philox::block(one.counter, one.key) == one.result);
}

TEST_CASE("emitted code gives the published answers") {
  const EmittedCode<float> code(4);
  for (const KnownAnswer& one : known_answers) CHECK(code.random({one.counter}, one.key)[0].words == one.result);
}

TEST_CASE("float: words, uniforms and normals have the same bits for 1, 4, 8 and 16 lanes") { check_lanes<float>(); }
TEST_CASE("double: words, uniforms and normals have the same bits for 1, 4, 8 and 16 lanes") { check_lanes<double>(); }

TEST_CASE("float: uniforms are uniform, inside (0, 1), and normals normal") { check_distributions<float>(); }
TEST_CASE("double: uniforms are uniform, inside (0, 1), and normals normal") { check_distributions<double>(); }

TEST_CASE("normals are Box and Muller's of the block's words") {
  const auto blocks = EmittedCode<double>(8).random(some_counters(100), {9, 9});
  for (const auto& block : blocks) {
    const double u = block.words[0] * 0x1p-32 + ((block.words[1] >> 11) + 0.5) * 0x1p-53;
    const double radius = std::sqrt(-2 * std::log(u));
    const double angle = 2 * M_PI * (static_cast<std::int32_t>(block.words[2]) + block.words[3] * 0x1p-32) * 0x1p-32;
    CHECK(block.normals[0] == Approx(radius * std::cos(angle)).epsilon(1e-12).margin(1e-14));
    CHECK(block.normals[1] == Approx(radius * std::sin(angle)).epsilon(1e-12).margin(1e-14));
  }
}
