// Functions that are called at run time: those that call themselves, and those that are too large to be copied. Values
// against the same functions in C++, derivatives against differences of these, in lanes that go different ways.
#include "compiler/compile.hpp"
#include "compiler/ir/traverse.hpp"
#include "runtime/model/density.hpp"
#include "runtime/model/simulator.hpp"
#include "tests/distribution_table.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <functional>

using namespace sibyl;

namespace {

std::vector<DataSet> with_n(const std::vector<int>& numbers) {
  std::vector<DataSet> sets;
  for (const int n : numbers) {
    sets.emplace_back();
    sets.back().variables["n"] = {true, {}, {static_cast<double>(n)}};
  }
  return sets;
}

// Of one real parameter, with the numbers `n` in lanes beside each other. Nothing expected: the lane fails, saying
// this.
void check_density(const std::string& text, const std::vector<int>& numbers, double x,
                   const std::function<double(double, int)>& expected, const std::string& failure = "") {
  Density density(test::compile_text(text));
  const auto lanes = static_cast<std::size_t>(density.lanes());
  const std::vector<DataSet> sets = with_n(numbers);
  for (std::size_t shift = 0; shift < numbers.size(); shift += lanes) {
    std::vector<std::size_t> which(lanes);
    for (std::size_t lane = 0; lane < lanes; ++lane) which[lane] = (lane + shift) % numbers.size();
    density.bind(gather(density.model().facts(), sets), which);
    for (const bool with_gradient : {false, true}) {
      std::fill_n(density.points(), lanes, x);
      density.evaluate(with_gradient);
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        const int n = numbers[which[lane]];
        INFO("n " << n << ": " << density.failure(static_cast<int>(lane)));
        const double value = expected(x, n);
        if (std::isnan(value)) {
          CHECK_THAT(density.failure(static_cast<int>(lane)), Catch::Contains(failure));
          CHECK(std::isinf(density.value(static_cast<int>(lane))));
          continue;
        }
        CHECK(density.failure(static_cast<int>(lane)).empty());
        CHECK(std::abs(density.value(static_cast<int>(lane)) - value) < 1e-12 * std::max(1.0, std::abs(value)));
        const double slope = (expected(x + 1e-5, n) - expected(x - 1e-5, n)) / 2e-5;
        if (with_gradient) CHECK(std::abs(density.gradient()[lane] - slope) < 1e-7 * std::max(1.0, std::abs(slope)));
      }
    }
  }
}

const std::string fraction = R"(
  real fraction(real x, int depth) {
    if (depth == 0) return x;
    return x + 1 / fraction(x, depth - 1);
  })";

double continued_fraction(double x, int depth) { return depth == 0 ? x : x + 1 / continued_fraction(x, depth - 1); }

int ackermann(int m, int n) {
  if (m == 0) return n + 1;
  return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

int fibonacci(int n) { return n <= 1 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

// Of x^k / k for k from `first` to `last`, half by half.
double tree(double x, int first, int last) {
  if (first == last) return std::pow(x, first) / first;
  return tree(x, first, (first + last) / 2) + tree(x, (first + last) / 2 + 1, last);
}

} // namespace

TEST_CASE("functions of integers that call themselves") {
  check_density(R"(
functions {
  int factorial(int n) { if (n <= 1) return 1; return n * factorial(n - 1); }
  int fibonacci(int n) { return n <= 1 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
  int ackermann(int m, int n) {
    if (m == 0) return n + 1;
    if (n == 0) return ackermann(m - 1, 1);
    return ackermann(m - 1, ackermann(m, n - 1));
  }
}
data { int n; }
parameters { real x; }
model { target += x * factorial(n) + fibonacci(n + 4) + 1e-3 * ackermann(2, n) + ackermann(n % 3, 2); })",
                {0, 1, 5, 2, 8, 3, 4, 9, 6}, 0.7, [](double x, int n) {
                  return x * std::tgamma(n + 1) + fibonacci(n + 4) + 1e-3 * ackermann(2, n) + ackermann(n % 3, 2);
                });
}

TEST_CASE("functions of reals that call themselves, each other, and loop meanwhile") {
  check_density("functions {" + fraction + R"(
  real odd(real x, int n) { return x * power(x, n - 1); }
  real power(real x, int n) {
    if (n == 0) return 1;
    if (n % 2 == 1) return odd(x, n);
    return square(power(x, n %/% 2));
  }
  real tree(real x, int first, int last) {
    array[2] real halves;
    if (first == last) {
      real p = 1;
      int k = first;
      while (k > 0) {
        p *= x;
        k -= 1;
      }
      return p / first;
    }
    halves[1] = tree(x, first, (first + last) %/% 2);
    halves[2] = tree(x, (first + last) %/% 2 + 1, last);
    return halves[1] + halves[2];
  }
}
data { int n; }
parameters { real x; }
model {
  target += fraction(x, n) + 10 * power(x, n);
  if (n > 2) target += tree(x, 1, n);
  for (i in 1:n) target += power(x, i) * fraction(x + i, i);
})",
                {0, 1, 5, 2, 13, 3, 4, 9, 6}, 0.8, [](double x, int n) {
                  double total = continued_fraction(x, n) + 10 * std::pow(x, n);
                  if (n > 2) total += tree(x, 1, n);
                  for (int i = 1; i <= n; ++i) total += std::pow(x, i) * continued_fraction(x + i, i);
                  return total;
                });
}

TEST_CASE("calls that do not end fail with the function's name, in their lanes alone") {
  check_density(
      R"(
functions { real f(real x, int n) { return n >= 13 ? f(x, n + 1) : n == 7 ? g(x, n) : x * n; }
            real g(real x, int n) { return f(x, n) + 1; } }
data { int n; }
parameters { real x; }
model { target += f(x, n); })",
      {1, 13, 5, 7, 12}, 0.3, [](double x, int n) { return n == 13 || n == 7 ? std::nan("") : x * n; },
      "` calls itself more than 500 times within each other, or more often");
  // Nor do they where each takes much of the stack.
  std::string values, terms;
  for (int k = 1; k <= 150; ++k) {
    values += "real a" + std::to_string(k) + " = sqrt(x + " + std::to_string(k) + ");";
    terms += " + r * a" + std::to_string(k);
  }
  check_density(
      "functions { real f(real x, int n) { if (n == 0) return x;" + values +
          "real r = f(0.5 * x, n - 1); return 1e-3 * (r" + terms +
          "); } } data { int n; } parameters { real x; } model { target += n > 9 ? f(x, n) : x; }",
      {1, 1000000}, 0.3, [](double x, int n) { return n > 9 ? std::nan("") : x; },
      "or more often than the stack has room for");
  // What is not called does not matter, and what is rejected is.
  check_density(
      R"(
functions { real f(real x, int n) { if (n < 0) reject("below zero: ", n); return n == 0 ? x : 2 * f(x, n - 2); } }
data { int n; }
parameters { real x; }
model { if (n < 9) target += f(x, n); else target += x; real unused = n == 8 ? 0 : f(x, n); })",
      {0, 3, 4, 8, 2}, 0.3, [](double x, int n) { return n % 2 ? std::nan("") : std::ldexp(x, n / 2); },
      "below zero: -1");
}

TEST_CASE("a simulator calls functions that call themselves") {
  const auto model = test::compile_text("functions {" + fraction + R"(}
data { int n; vector[3] y; }
design { n ~ discrete_range(0, 12); }
parameters { real<lower=0> x; }
model { x ~ lognormal(0, 1); for (i in 1:3) y[i] = fraction(x, n + i); })");
  const SimulatedBatch batch = Simulator(model, {.precision = Precision::f64, .keep_all = true}).simulate(0, 100, 1);
  REQUIRE(batch.data.count == 100);
  for (std::size_t i = 0; i < batch.data.count; ++i) {
    const DataSet set = extract(model->facts(), batch.data, i, /*with_parameters=*/true);
    const double x = set.variables.at("x").values[0];
    for (int k = 1; k <= 3; ++k) {
      const double expected = continued_fraction(x, static_cast<int>(set.variables.at("n").values[0]) + k);
      CHECK(std::abs(set.variables.at("y").values[static_cast<std::size_t>(k - 1)] - expected) < 1e-12 * expected);
    }
  }
}

TEST_CASE("the function that a solver is given may call one that calls itself") {
  check_density("functions {" + fraction + R"(
  vector decay(real t, vector y, real x, int n) { return -fraction(x, n) * y; }
}
data { int n; }
parameters { real x; }
model { target += ode_rk45_tol(decay, [1.5]', 0, {0.4}, 1e-13, 1e-13, 100000, x, n)[1, 1]; })",
                {0, 3, 1, 2}, 0.9, [](double x, int n) {
                  // To the tolerance of the solver, which check_density's is above.
                  return 1.5 * std::exp(-0.4 * continued_fraction(x, n));
                });
}

TEST_CASE("a large function is called, with the values and derivatives that it has where it is copied") {
  // The same body of a number and of a vector: functions of containers are inlined.
  const std::string body = R"(
    real sum = 0;
    for (k in 1:n) {
      real term = exp(-k * square(@)) * lgamma(1 + square(@) + k) + log1p_exp(@ - k) * inv_logit(@ + 0.1 * k);
      if (term > 1) sum += log(term) * atan(@); else sum += sin(term) + cos(k * @);
      if (sum > 3) break;
      sum += erf(@) * tanh(k * @) + digamma(2 + square(@)) * cbrt(k + square(@)) - pow(1 + square(@), 0.3);
      sum += student_t_lpdf(@ | 3 + k, sin(@), exp(0.1 * @)) + std_normal_lcdf(@);
    }
    return sum;)";
  const auto with = [&](const std::string& x) {
    std::string text = body;
    for (std::size_t at; (at = text.find('@')) != std::string::npos;) text.replace(at, 1, x);
    return text;
  };
  const std::string text = "functions { real called(real x, int n) {" + with("x") + "} real copied(vector v, int n) {" +
                           with("v[1]") + R"(} }
data { int n; }
parameters { real x; }
model {
  target += called(x, n) - copied([x]', n);
  target += 0.5 * (called(x + 1, 3) - copied([x + 1]', 3));
  if (n > 2) target += x * called(sin(x), n);
})";
  const Frontend frontend = compile_to_ir(Source("model.sib", text));
  REQUIRE(frontend.model);
  CHECK(std::any_of(frontend.model->callees.begin(), frontend.model->callees.end(),
                    [](const ir::Function& one) { return one.name == "called"; }));
  CHECK(std::none_of(frontend.model->callees.begin(), frontend.model->callees.end(),
                     [](const ir::Function& one) { return one.name == "copied"; }));
  Density copies(test::compile_text("functions { real copied(vector v, int n) {" + with("v[1]") +
                                    "} } data { int n; } parameters { real x; } model { target += copied([x]', n); }"));
  const auto copied = [&](double x, int n) {
    copies.bind(gather(copies.model().facts(), with_n({n})),
                std::vector<std::size_t>(static_cast<std::size_t>(copies.lanes()), 0));
    std::fill_n(copies.points(), copies.lanes(), x);
    copies.evaluate(false);
    return copies.value(0);
  };
  for (const double x : {-1.3, 0.2, 2.5})
    check_density(text, {0, 1, 5, 2, 8}, x,
                  [&](double at, int n) { return n > 2 ? at * copied(std::sin(at), n) : 0.0; });
}

TEST_CASE("what many calls of a large function take grows by calls, not by copies") {
  const auto instructions = [](int calls) {
    std::string text = "data { vector[60] y; } parameters { real mu; real<lower=1> nu; } model {";
    for (int i = 1; i <= calls; ++i) text += "target += student_t_lcdf(y[" + std::to_string(i) + "] | nu, mu, 1);";
    const Frontend frontend = compile_to_ir(Source("model.sib", text + "}"));
    REQUIRE(frontend.model);
    std::size_t count = 0;
    for (const auto* functions : {&frontend.model->functions, &frontend.model->callees})
      for (const ir::Function& one : *functions) ir::for_each(one.body, [&](const ir::Instruction&) { ++count; });
    return count;
  };
  const std::size_t one = instructions(1), twenty = instructions(20), forty = instructions(40);
  CHECK(twenty < 6 * one);
  CHECK(forty - twenty < one);
}
