// The flow's elementwise map: an increasing bijection of the line with the derivative it claims, the identity at first.
#include "runtime/networks/spline.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <random>
#include <vector>

using namespace sibyl;

namespace {

constexpr std::size_t bins = 10, numbers = spline::numbers_per_value(bins);

std::vector<float> random_numbers(unsigned seed, float spread) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> result(numbers);
  for (float& one : result) one = normal(random);
  return result;
}

struct Mapped {
  float value, log_slope;
};

Mapped forward(float x, const std::vector<float>& own) {
  Mapped result{};
  spline::forward(1, bins, &x, own.data(), &result.value, &result.log_slope);
  return result;
}

Mapped inverse(float y, const std::vector<float>& own) {
  Mapped result{};
  spline::inverse(1, bins, &y, own.data(), &result.value, &result.log_slope);
  return result;
}

// Points in the middle, at the knots' bound (sinh 3 = 10.02) and far out in the linear tails.
const std::vector<float> points{-300, -30, -10.05f, -9.9f, -3, -1, -0.2f, 0, 0.01f, 0.7f, 2, 5, 9.9f, 10.05f, 40, 1000};

} // namespace

TEST_CASE("The map with all numbers zero is the identity") {
  const std::vector<float> zero(numbers, 0.0f);
  for (const float x : points) {
    const Mapped y = forward(x, zero);
    CHECK(y.value == Approx(x).epsilon(1e-6).margin(1e-6));
    CHECK(std::abs(y.log_slope) < 1e-6);
  }
}

TEST_CASE("The inverse undoes the map and knows the same slope") {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    const std::vector<float> own = random_numbers(seed, 0.8f);
    for (const float x : points) {
      const Mapped y = forward(x, own), back = inverse(y.value, own);
      INFO("seed " << seed << ", x " << x << ", y " << y.value);
      if (!std::isfinite(y.value)) continue; // a steep tail leaves the range of float
      // y is rounded to float: where the map is flat, or sums cancel, that moves x.
      const double flat = std::exp(-static_cast<double>(y.log_slope));
      const double margin = 4e-7 * (1 + std::abs(x) + flat * std::abs(y.value) + std::exp(-own[0]) * std::abs(own[1]));
      CHECK(std::abs(back.value - x) < margin * 4);
      CHECK(back.log_slope == Approx(y.log_slope).margin(2e-4));
    }
  }
}

TEST_CASE("The map increases") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const std::vector<float> own = random_numbers(seed, 1.0f);
    float last = -INFINITY;
    for (float x = -25; x < 25; x += 0.05f) {
      const float y = forward(x, own).value;
      CHECK(y >= last);
      last = y;
    }
  }
}

TEST_CASE("The log slope is that of finite differences") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const std::vector<float> own = random_numbers(seed, 0.5f);
    for (const float x : {-60.0f, -4.0f, -0.5f, 0.3f, 1.5f, 7.0f, 50.0f}) {
      const float h = 1e-3f * (1 + std::abs(x)), above = x + h, below = x - h;
      const double slope = (static_cast<double>(forward(above, own).value) - forward(below, own).value) /
                           (static_cast<double>(above) - below);
      INFO("seed " << seed << ", x " << x);
      CHECK(forward(x, own).log_slope == Approx(std::log(slope)).margin(5e-3));
    }
  }
}

TEST_CASE("The gradient of the map is that of finite differences, for the value and for every number") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const std::vector<float> own = random_numbers(seed, 0.5f);
    for (const float x : {-60.0f, -4.0f, -0.5f, 0.3f, 1.5f, 7.0f, 50.0f}) {
      // Of the order of one whatever x, so that float's rounding does not hide the difference.
      const float y_gradient = 0.7f / (1 + std::abs(forward(x, own).value)), slope_gradient = -1.3f;
      const auto loss = [&](float at, const std::vector<float>& with) {
        const Mapped y = forward(at, with);
        return static_cast<double>(y_gradient) * y.value + static_cast<double>(slope_gradient) * y.log_slope;
      };
      float x_gradient = 0;
      std::vector<float> gradient(numbers);
      spline::backward(1, bins, &x, own.data(), &y_gradient, &slope_gradient, &x_gradient, gradient.data());
      INFO("seed " << seed << ", x " << x);
      const float h = 1e-3f;
      const float above = x * (1 + h), below = x * (1 - h);
      CHECK(x_gradient * x == Approx((loss(above, own) - loss(below, own)) / (2 * h)).margin(1e-2).epsilon(1e-2));
      for (std::size_t k = 0; k < numbers; ++k) {
        auto more = own, less = own;
        more[k] += h;
        less[k] -= h;
        INFO("number " << k);
        CHECK(gradient[k] == Approx((loss(x, more) - loss(x, less)) / (2 * h)).margin(1e-2).epsilon(1e-2));
      }
    }
  }
}
