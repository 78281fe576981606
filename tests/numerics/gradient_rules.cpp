// The derivative of every mathematical function, against differences; and what happens where it has none.
#include "compiler/ir/math.hpp"
#include "lang/errors.hpp"
#include "tests/numerics/hand_built_density.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <map>

using namespace sibyl;
using namespace sibyl::ir;
using namespace sibyl::test;

namespace {

Model of_function(MathFunction function) {
  return density_model([=](DensityWriter& w) {
    std::vector<ValueId> arguments;
    for (int i = 0; i < arity(function); ++i) arguments.push_back(w.parameter(i));
    w.add_to_target(w.b.math(function, arguments));
  });
}

std::vector<double> gradient_at(const Model& model, const std::vector<double>& point) {
  return run_gradient(with_gradient(model), point).gradient;
}

// Points inside the domain and away from steps.
std::vector<std::vector<double>> points(MathFunction function) {
  switch (function) {
  case MathFunction::acosh: return {{1.3}, {4.0}};
  case MathFunction::asin:
  case MathFunction::acos:
  case MathFunction::atanh: return {{-0.7}, {0.1}, {0.6}};
  case MathFunction::inv_Phi: return {{0.02}, {0.4}, {0.9}};
  case MathFunction::log:
  case MathFunction::log2:
  case MathFunction::log10:
  case MathFunction::sqrt:
  case MathFunction::digamma: return {{0.3}, {1.7}, {12.0}};
  case MathFunction::log1p: return {{-0.6}, {0.01}, {3.0}};
  case MathFunction::lgamma:
  case MathFunction::tgamma: return {{0.3}, {2.5}, {-1.4}};
  case MathFunction::pow: return {{0.4, 2.2}, {3.0, -1.5}, {1.2, 0.3}};
  case MathFunction::fmod: return {{5.3, 2.1}, {-4.2, 1.3}};
  case MathFunction::atan2:
  case MathFunction::fmin:
  case MathFunction::fmax:
  case MathFunction::hypot: return {{0.4, -1.1}, {-2.0, 0.6}, {0.3, 0.9}};
  default: return {{-1.3}, {0.4}, {0.8}};
  }
}

} // namespace

TEST_CASE("every function has its derivative") {
  for (std::size_t i = 0; i < math_function_count; ++i) {
    const auto function = static_cast<MathFunction>(i);
    if (function == MathFunction::trigamma) continue;
    INFO(name_of(function));
    for (const std::vector<double>& point : points(function)) require_gradient(of_function(function), point, 1e-8);
  }
}

TEST_CASE("trigamma has no derivative, and says so") {
  REQUIRE_THROWS_WITH(with_gradient(of_function(MathFunction::trigamma)), Catch::Contains("trigamma"));
  REQUIRE_THROWS_AS(with_gradient(of_function(MathFunction::trigamma)), InternalError);
}

TEST_CASE("closed forms") {
  const double x = 0.7;
  const std::map<MathFunction, double> slopes{
      {MathFunction::exp, std::exp(x)},
      {MathFunction::log, 1 / x},
      {MathFunction::sqrt, 0.5 / std::sqrt(x)},
      {MathFunction::tan, 1 / std::pow(std::cos(x), 2)},
      {MathFunction::atanh, 1 / (1 - x * x)},
      {MathFunction::erf, 2 / std::sqrt(M_PI) * std::exp(-x * x)},
      {MathFunction::digamma, 2.8340491566946106}, // trigamma(0.7)
      {MathFunction::floor, 0},
      {MathFunction::round, 0},
  };
  for (const auto& [function, slope] : slopes) {
    INFO(name_of(function));
    REQUIRE(gradient_at(of_function(function), {x})[0] == Approx(slope).epsilon(1e-13));
  }
}

TEST_CASE("where a function has a corner, Stan's choice") {
  REQUIRE(gradient_at(of_function(MathFunction::fabs), {0}) == std::vector<double>{0});
  REQUIRE(gradient_at(of_function(MathFunction::fmax), {1, 1}) == std::vector<double>{0, 1});
  REQUIRE(gradient_at(of_function(MathFunction::fmin), {1, 1}) == std::vector<double>{0, 1});
  REQUIRE(gradient_at(of_function(MathFunction::fmin), {NAN, 1}) == std::vector<double>{0, 1});
  REQUIRE(gradient_at(of_function(MathFunction::fmax), {1, NAN}) == std::vector<double>{1, 0});
}

TEST_CASE("powers of zero have a finite gradient") {
  REQUIRE(gradient_at(of_function(MathFunction::pow), {0, 2}) == std::vector<double>{0, 0});
  REQUIRE(gradient_at(of_function(MathFunction::pow), {0, 1}) == std::vector<double>{1, 0});
  REQUIRE(gradient_at(of_function(MathFunction::pow), {0, 0.5}) == std::vector<double>{0, 0});
}

TEST_CASE("the side of a select that is not taken adds nothing, even where its derivative is infinite") {
  // x > 0 ? x * log(x) : 0, and a division by zero on the other side.
  const Model model = density_model([](DensityWriter& w) {
    const ValueId x = w.parameter(0), y = w.parameter(1);
    const ValueId positive = w.b.compare(Op::greater, x, w.real(0));
    w.add_to_target(w.b.select(positive, w.b.multiply(x, w.b.math(MathFunction::log, {x})), w.real(0)));
    w.add_to_target(w.b.select(positive, w.b.divide(y, w.b.math(MathFunction::sqrt, {x})), w.b.multiply(y, y)));
    w.add_to_target(w.b.math(MathFunction::fmax, {y, w.b.math(MathFunction::log, {x})}));
  });
  REQUIRE(gradient_at(model, {0, 2}) == std::vector<double>{0, 5});
  REQUIRE(gradient_at(model, {1, 2})[0] == Approx(1 - 1));
}

TEST_CASE("a value that only a branch uses adds nothing where the branch is not taken") {
  const Model model = density_model([](DensityWriter& w) {
    const ValueId x = w.parameter(0), root = w.b.math(MathFunction::sqrt, {x}); // its slope at 0 is infinite
    w.b.if_(w.b.compare(Op::greater, x, w.real(0)), [&] { w.add_to_target(root); });
    w.b.for_(w.integer(1), w.b.to_integer(x), [&](ValueId) { w.add_to_target(root); });
    w.add_to_target(x);
  });
  REQUIRE(gradient_at(model, {0}) == std::vector<double>{1});
  REQUIRE(gradient_at(model, {4})[0] == Approx(1 + 5 * 0.25));
}
