// When a diffusion reaches a boundary, given which: `wiener`'s sampler against the Laplace transform of that time.
//
// Of 24 means of 20,000 draws each, one that is right passes 5 standard errors with a chance of 6e-7; seeds are fixed.
#include "runtime/model/parameters.hpp"
#include "tests/distribution_table.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <string>

using namespace sibyl;

TEST_CASE("first passage times at the upper boundary have their Laplace transform") {
  constexpr std::size_t count = 20000;
  struct Diffusion {
    double a, tau, beta, delta;
  };
  for (const Diffusion& one :
       {Diffusion{1, 0, 0.5, 0}, Diffusion{1.5, 0.3, 0.5, 1}, Diffusion{2, 0.2, 0.3, -1.5}, Diffusion{0.8, 0.1, 0.9, 4},
        Diffusion{3, 0, 0.05, 0.5}, Diffusion{2.5, 0.25, 0.6, -6}}) {
    const std::string arguments = std::to_string(one.a) + ", " + std::to_string(one.tau) + ", " +
                                  std::to_string(one.beta) + ", " + std::to_string(one.delta);
    INFO(arguments);
    const auto model = test::compile_text("parameters { real u; } model { u ~ normal(0, 1); } generated quantities { "
                                          "real y = wiener_rng(" +
                                          arguments + "); }");
    ParameterTransform transform(model);
    const DataSet sets[] = {DataSet{}};
    transform.bind(gather(model->facts(), sets), 0);
    const Draws draws = transform.constrain(std::vector<double>(count, 0.0), Outputs::all, 7);
    for (const double s : {0.0, 0.5, 3.0, 20.0}) {
      const double speed = std::abs(one.delta), rate = std::sqrt(speed * speed + 2 * s), start = one.beta * one.a;
      const auto ratio = [&](double k) { return k > 0 ? std::sinh(start * k) / std::sinh(one.a * k) : start / one.a; };
      double sum = 0, squares = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const double x = std::exp(-s * (draws.at(i, 1) - one.tau));
        sum += x, squares += x * x;
      }
      const double mean = sum / count, error = std::sqrt((squares / count - mean * mean) / count);
      INFO("at s = " << s << ": " << mean << " with a standard error of " << error);
      CHECK(std::abs(mean - ratio(rate) / ratio(speed)) <= 5 * error + 1e-12);
    }
  }
}
