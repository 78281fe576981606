// The kernels compiled for each instruction set, against plain sums.
#include "runtime/networks/dense.hpp"
#include "tests/networks_data.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace sibyl;

TEST_CASE("Products add to what is there, whatever the remainders of the blocks") {
  for (const std::size_t rows : {0, 1, 4, 7, 9})
    for (const std::size_t inputs : {0, 1, 5, 33})
      for (const std::size_t outputs : {1, 15, 16, 17, 50}) {
        const auto x = test::normals(rows * inputs, 1), w = test::normals(inputs * outputs, 2);
        const auto before = test::normals(rows * outputs, 3);
        auto y = before;
        dense::accumulate(rows, inputs, outputs, x.data(), w.data(), y.data());
        INFO(rows << " x " << inputs << " x " << outputs);
        for (std::size_t r = 0; r < rows; ++r)
          for (std::size_t c = 0; c < outputs; ++c) {
            double sum = before[r * outputs + c];
            for (std::size_t k = 0; k < inputs; ++k) sum += static_cast<double>(x[r * inputs + k]) * w[k * outputs + c];
            CHECK(std::abs(y[r * outputs + c] - sum) < 1e-5 * (1 + std::abs(sum)));
          }
      }
}

TEST_CASE("The activation is exact to float's rounding, from far below to far above zero") {
  double worst = 0;
  for (float x = -80; x <= 80; x += 0.003f) {
    float y = x;
    dense::activate(1, &y);
    const double exact = x / (1 + std::exp(-static_cast<double>(x)));
    worst = std::max(worst, std::abs(y - exact) / std::max(std::abs(exact), 1e-30));
  }
  CHECK(worst < 5e-7);
}

TEST_CASE("The activation of extreme and undefined numbers is what its limit is") {
  float extreme[] = {1e30f, 200.0f, -200.0f, 0.0f, NAN};
  dense::activate(5, extreme);
  CHECK(extreme[0] == 1e30f);
  CHECK(extreme[1] == 200.0f);
  CHECK(std::abs(extreme[2]) < 1e-30f);
  CHECK(extreme[3] == 0.0f);
  CHECK(std::isnan(extreme[4]));
}
