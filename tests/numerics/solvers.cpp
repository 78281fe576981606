// What solvers find, and its derivatives, against closed forms and published solutions.
#include "runtime/model/density.hpp"
#include "tests/distribution_table.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <map>

using namespace sibyl;
using Catch::Matchers::Contains;

namespace {

struct Found {
  double value = 0;
  std::vector<double> gradient;
  std::string failure;
};

// The log density of a model whose only data is `which`, and its gradient, with every constant and no Jacobian. All
// lanes run at points that differ: only the first is at `point`.
Found evaluate(Density& density, int which, const std::vector<double>& point, bool with_gradient = true) {
  DataSet set;
  set.variables["which"] = {true, {}, {static_cast<double>(which)}};
  const DataSet sets[] = {set};
  const std::vector<std::size_t> all(static_cast<std::size_t>(density.lanes()), 0);
  density.bind(gather(density.model().facts(), sets), all);
  const auto lanes = static_cast<std::size_t>(density.lanes());
  for (std::size_t p = 0; p < point.size(); ++p)
    for (std::size_t lane = 0; lane < lanes; ++lane)
      density.points()[p * lanes + lane] = point[p] * (1 + 0.01 * static_cast<double>(lane));
  density.evaluate(with_gradient, false);
  Found found{density.value(0), {}, density.failure(0)};
  for (std::size_t p = 0; with_gradient && p < point.size(); ++p)
    found.gradient.push_back(density.gradient()[p * lanes]);
  return found;
}

void check(const Found& found, double value, const std::vector<double>& gradient, double tolerance) {
  INFO(found.failure);
  INFO("value " << found.value << ", should be " << value);
  CHECK(std::abs(found.value - value) <= tolerance * std::max(1.0, std::abs(value)));
  for (std::size_t p = 0; p < gradient.size(); ++p) {
    INFO("derivative " << p << ": " << found.gradient[p] << ", should be " << gradient[p]);
    CHECK(std::abs(found.gradient[p] - gradient[p]) <= tolerance * std::max(1.0, std::abs(gradient[p])));
  }
}

} // namespace

TEST_CASE("differential equations: every solver, and derivatives by all that a solution depends on") {
  // y' = -k y + s from y0 at t0: y(t) = s / k + (y0 - s / k) exp(-k (t - t0)).
  const std::string functions = R"(
functions {
  vector rates(real t, vector y, real k, array[] vector s) { return -k * y + s[1]; }
  array[] real old(real t, array[] real y, array[] real theta, array[] real x_r, array[] int x_i) {
    array[1] real r = {-theta[1] * y[1] + theta[2] * x_r[x_i[1]]};
    return r;
  }
}
data { int which; }
parameters { real k; real s; real y0; real t0; real t1; }
model {
  array[1] vector[1] a = {[s]'};
  vector[1] y = [y0]';
  array[2] real ts = {t1, t1 + 1};
  array[2] real theta = {k, s};
)";
  const std::map<std::string, double> solvers = {
      {"ode_rk45(rates, y, t0, ts, k, a)[2, 1]", 2e-6},
      {"ode_rk45_tol(rates, y, t0, ts, 1e-9, 1e-9, 1000000, k, a)[2, 1]", 1e-8},
      {"ode_ckrk(rates, y, t0, ts, k, a)[2, 1]", 2e-6},
      {"ode_ckrk_tol(rates, y, t0, ts, 1e-9, 1e-9, 1e6, k, a)[2, 1]", 1e-8},
      {"ode_bdf(rates, y, t0, ts, k, a)[2, 1]", 1e-8},
      {"ode_bdf_tol(rates, y, t0, ts, 1e-9, 1e-9, 1e6, k, a)[2, 1]", 1e-7},
      {"ode_adjoint_tol_ctl(rates, y, t0, ts, 1e-9, [1e-9]', 1e-6, [1e-6]', 1e-6, 1e-6, 1000000, 250, 2, 2, 1, k, "
       "a)[2, 1]",
       1e-7},
      {"ode_adams(rates, y, t0, ts, k, a)[2, 1]", 1e-9},
      {"ode_adams_tol(rates, y, t0, ts, 1e-9, 1e-9, 1e6, k, a)[2, 1]", 1e-8},
      {"integrate_ode_rk45(old, {y0}, t0, ts, theta, {3.0, 1.0}, {2})[2, 1]", 2e-6},
      {"integrate_ode_bdf(old, {y0}, t0, ts, theta, {3.0, 1.0}, {2})[2, 1]", 1e-8},
      {"integrate_ode_adams(old, {y0}, t0, ts, theta, {3.0, 1.0}, {2}, 1e-8, 1e-8, 1e4)[2, 1]", 1e-7},
  };
  const double k = 0.7, s = 0.4, y0 = 1.5, t0 = 0.2, t1 = 1.3, t = t1 + 1, e = std::exp(-k * (t - t0));
  const double y = s / k + (y0 - s / k) * e;
  const std::vector<double> gradient{-s / (k * k) * (1 - e) - (y0 - s / k) * (t - t0) * e, (1 - e) / k, e,
                                     (y0 - s / k) * k * e, -(y0 - s / k) * k * e};
  std::string text = functions;
  int which = 0;
  for (const auto& [call, tolerance] : solvers)
    text += "if (which == " + std::to_string(which++) + ") target += " + call + ";\n";
  Density density(test::compile_text(text + "}"));
  which = 0;
  for (const auto& [call, tolerance] : solvers) {
    INFO(call);
    const Found found = evaluate(density, which, {k, s, y0, t0, t1});
    check(found, y, gradient, tolerance);
    check(evaluate(density, which++, {k, s, y0, t0, t1}, false), y, {}, tolerance);
  }
}

TEST_CASE("differential equations: an initial state that a loop carries along has its derivatives") {
  Density density(test::compile_text(R"(
functions { vector rates(real t, vector y, real k) { return -k * y; } }
data { int which; }
parameters { real k; }
model {
  vector[1] y = [1]';
  for (i in 1:3) y = ode_rk45_tol(rates, y, 0, {0.5}, 1e-10, 1e-10, 1000, k)[1];
  target += y[1];
})"));
  check(evaluate(density, 0, {0.8}), std::exp(-1.2), {-1.5 * std::exp(-1.2)}, 1e-9);
}

TEST_CASE("stiff differential equations hold their tolerance") {
  // Robertson's reactions, and van der Pol's oscillator with epsilon 1e-6: Hairer and Wanner (1996), section IV.10, and
  // the solutions of the Bari test set.
  Density density(test::compile_text(R"(
functions {
  vector reactions(real t, vector y, real a) {
    return [-a * y[1] + 1e4 * y[2] * y[3], a * y[1] - 1e4 * y[2] * y[3] - 3e7 * y[2] ^ 2, 3e7 * y[2] ^ 2]';
  }
  vector oscillator(real t, vector y, real mu) { return [y[2], mu * ((1 - y[1] ^ 2) * y[2] - y[1])]'; }
}
data { int which; }
parameters { real a; }
model {
  if (which <= 2)
    target += ode_bdf_tol(reactions, [1, 0, 0]', 0, {40, 1e11}, 1e-8, 1e-14, 1e6, a)[which == 2 ? 2 : 1, 1];
  else target += ode_bdf_tol(oscillator, [2, 0]', 0, {1.0, 2.0}, 1e-7, 1e-7, 1e6, 2.5e7 * a)[which - 2, 1];
})"));
  check(evaluate(density, 1, {0.04}), 0.71582706871940, {-0.169902351 / 0.04}, 1e-8);
  const Found late = evaluate(density, 2, {0.04});
  CHECK(std::abs(late.value / 0.2083340149701255e-7 - 1) < 1e-5);
  check(evaluate(density, 3, {0.04}), -0.1863646254808130e1, {}, 2e-7);
  check(evaluate(density, 4, {0.04}), 0.1706167732170483e1, {}, 2e-7);
}

TEST_CASE("differential equations that cannot be solved say why") {
  Density density(test::compile_text(R"(
functions {
  vector rates(real t, vector y, real k) { return k * y .* y; }
  vector none(real t, vector y, real k) { return [sqrt(-1 - t + 0 * k)]'; }
  vector two(real t, vector y, real k) { return [k, k]'; }
}
data { int which; }
parameters { real k; }
model {
  array[2] real backwards = {2, 1};
  if (which == 0) target += ode_rk45(rates, [1]', 0, {2.0}, k)[1, 1];
  if (which == 1) target += ode_bdf(rates, [1]', 0, {2.0}, k)[1, 1];
  if (which == 2) target += ode_rk45_tol(rates, [1]', 0, {0.5}, 1e-8, 1e-8, 3, k)[1, 1];
  if (which == 3) target += ode_bdf_tol(rates, [1]', 0, {0.5}, 1e-8, 1e-8, 3, k)[1, 1];
  if (which == 4) target += ode_ckrk(rates, [1]', 0, backwards, k)[1, 1];
  if (which == 5) target += ode_ckrk(rates, [1]', 1, {1.0}, k)[1, 1];
  if (which == 6) target += ode_adams(none, [1]', 0, {1.0}, k)[1, 1];
  if (which == 7) target += ode_bdf(none, [1]', 0, {1.0}, k)[1, 1];
  if (which == 8) target += ode_rk45(two, [1]', 0, {1.0}, k)[1, 1];
  if (which == 9) target += ode_rk45_tol(rates, [1]', 0, {0.5}, 0, 1e-8, 3, k)[1, 1];
  if (which == 10) target += ode_rk45(rates, [1 / (k - 1)]', 0, {0.5}, k)[1, 1];
})"));
  const auto complaint = [&](int which) { return evaluate(density, which, {1}).failure; };
  // Infinite at the time 1.
  CHECK_THAT(complaint(0), Contains("could not be reached") || Contains("no step is short enough at the time 1"));
  CHECK_THAT(complaint(1), Contains("could not be reached") || Contains("no step is short enough at the time 1"));
  CHECK_THAT(complaint(2), Contains("the time 0.5 could not be reached in 3 steps") && Contains(":13:"));
  CHECK_THAT(complaint(3), Contains("the time 0.5 could not be reached in 3 steps"));
  CHECK_THAT(complaint(4), Contains("the times must not decrease, but time 2 is 1 and the one before it 2"));
  CHECK_THAT(complaint(5), Contains("the initial time is 1, must be before the first of the times, 1"));
  CHECK_THAT(complaint(6), Contains("the rates of change are not finite"));
  CHECK_THAT(complaint(7), Contains("the rates of change are not finite"));
  CHECK_THAT(complaint(8), Contains("the value of `two` must have 1 elements, but it has 2"));
  CHECK_THAT(complaint(9), Contains("the relative tolerance is 0, must be positive"));
  CHECK_THAT(complaint(10), Contains("the initial state is not finite"));
}

TEST_CASE("algebraic equations: every solver, and derivatives by the implicit function theorem") {
  // x^2 + y^2 = r, y = s x, near (1, 1): x = sqrt(r / (1 + s^2)).
  Density density(test::compile_text(R"(
functions {
  vector circle(vector y, real r, array[] vector s) {
    return [square(y[1]) + square(y[2]) - r, y[2] - s[1][1] * y[1]]';
  }
  vector old(vector y, vector theta, array[] real x_r, array[] int x_i) {
    return [square(y[1]) + square(y[2]) - theta[1] * x_r[1], y[2] - theta[2] * x_i[2] * y[1]]';
  }
  vector none(vector y, real r) { return [square(y[1]) + exp(r)]'; }
  vector far(vector y, real r) { return [atan(y[1] - r), y[2] ^ 3 + y[2] - 10 * y[1]]'; }
}
data { int which; }
parameters { real r; real s; }
model {
  vector[2] guess = [1, 1]';
  array[1] vector[1] slope = {[s]'};
  if (which == 0) target += solve_newton(circle, guess, r, slope)[1];
  if (which == 1) target += solve_newton_tol(circle, guess, 1e-3, 1e-6, 200, r, slope)[1];
  if (which == 2) target += solve_powell(circle, guess, r, slope)[1];
  if (which == 3) target += solve_powell_tol(circle, guess, 1e-10, 1e-6, 200, r, slope)[1];
  if (which == 4) target += algebra_solver(old, guess, [r, s]', {1.0}, {5, 1})[1];
  if (which == 5) target += algebra_solver_newton(old, guess, [r, s]', {1.0}, {5, 1}, 1e-3, 1e-6, 200)[1];
  if (which == 6) target += solve_newton(none, [1]', r)[1];
  if (which == 7) target += solve_powell(far, [9, 0]', s)[2];
  if (which == 8) target += solve_newton_tol(circle, guess, 1e-3, 1e-6, 2, r, slope)[1];
  if (which == 9) target += solve_newton(circle, [0, 0.5]', r, slope)[1];
})"));
  const double r = 3.1, s = 0.6, norm = 1 + s * s, x = std::sqrt(r / norm);
  for (int which = 0; which < 6; ++which) {
    INFO(which);
    check(evaluate(density, which, {r, s}), x, {0.5 * x / r, -x * s / norm}, 1e-12);
    check(evaluate(density, which, {r, s}, false), x, {}, 1e-12);
  }
  CHECK_THAT(evaluate(density, 6, {r, s}).failure, Contains("no solution was found"));
  // Newton's own steps run away from that guess. y^3 + y = 10 s.
  const double root = [&] {
    double y = 1;
    for (int i = 0; i < 60; ++i) y -= (y * y * y + y - 10 * s) / (3 * y * y + 1);
    return y;
  }();
  check(evaluate(density, 7, {r, s}), root, {0, 10 / (3 * root * root + 1)}, 1e-10);
  CHECK_THAT(evaluate(density, 8, {r, s}).failure, Contains("no solution was found in 2 steps"));
  check(evaluate(density, 9, {r, s}), x, {}, 1e-12);
}

TEST_CASE("integrals: finite and infinite limits, singular ends, derivatives by all that they depend on") {
  Density density(test::compile_text(R"(
functions {
  real power(real x, real xc, array[] real theta, array[] real x_r, array[] int x_i) { return x ^ theta[1] * x_r[1]; }
  real normal_weight(real x, real xc, array[] real theta, array[] real x_r, array[] int x_i) {
    return exp(-0.5 * square((x - theta[1]) / theta[2]));
  }
  real near_one(real x, real xc, array[] real theta, array[] real x_r, array[] int x_i) {
    return x > 0.5 ? xc ^ theta[1] : (1 - x) ^ theta[1];
  }
  real pole(real x, real xc, array[] real theta, array[] real x_r, array[] int x_i) { return 1 / x + theta[1]; }
}
data { int which; }
parameters { real a; real b; }
model {
  if (which == 0) target += integrate_1d(power, 0, 1, {a}, {2.0}, {0});
  if (which == 1)
    target += integrate_1d(normal_weight, negative_infinity(), positive_infinity(), {a, b}, {2.0}, {0}, 1e-10);
  if (which == 2) target += integrate_1d(normal_weight, a, positive_infinity(), {a, b}, {2.0}, {0});
  if (which == 3) target += integrate_1d(normal_weight, negative_infinity(), a, {a, b}, {2.0}, {0});
  if (which == 4) target += integrate_1d(power, a, b, {1.5}, {1.0}, {0});
  if (which == 5) target += integrate_1d(near_one, 0, 1, {-0.9}, {1.0}, {0});
  if (which == 6) target += integrate_1d(pole, 0, b, {a}, {1.0}, {0});
  if (which == 7) target += integrate_1d(power, b, a, {a}, {1.0}, {0});
  if (which == 8) target += integrate_1d(power, b, b, {a}, {1.0}, {0});
})"));
  const double a = 0.4, b = 1.7, root = std::sqrt(2 * M_PI);
  check(evaluate(density, 0, {a, b}), 2 / (1 + a), {-2 / ((1 + a) * (1 + a)), 0}, 1e-12);
  check(evaluate(density, 1, {a, b}), root * b, {0, root}, 1e-12);
  check(evaluate(density, 2, {a, b}), root * b / 2, {0, root / 2}, 1e-11);
  check(evaluate(density, 3, {a, b}), root * b / 2, {0, root / 2}, 1e-11);
  check(evaluate(density, 4, {a, b}), (std::pow(b, 2.5) - std::pow(a, 2.5)) / 2.5,
        {-std::pow(a, 1.5), std::pow(b, 1.5)}, 1e-12);
  check(evaluate(density, 5, {a, b}), 10, {}, 1e-12);
  CHECK_THAT(evaluate(density, 6, {a, b}).failure, Contains("but not to the relative tolerance"));
  CHECK_THAT(evaluate(density, 7, {a, b}).failure,
             Contains("the lower limit of the integral is 1.7, must not be above"));
  check(evaluate(density, 8, {a, b}), 0, {0, 0}, 1e-12);
}

TEST_CASE("map_rect is the results of all jobs, one after the other") {
  Density density(test::compile_text(R"(
functions {
  vector job(vector phi, vector theta, array[] real x_r, array[] int x_i) {
    return phi[1] * theta[1] * to_vector(x_r)[1:x_i[1]];
  }
}
data { int which; }
parameters { real p; vector[2] q; }
model {
  vector[3] all = map_rect(job, [p]', {[q[1]]', [q[2]]'}, {{2.0, 3.0}, {5.0, 7.0}}, {{1}, {2}});
  target += dot_product(all, [1, 10, 100]');
})"));
  check(evaluate(density, 0, {0.5, 2, 3}), 0.5 * (2 * 2 + 3 * 750), {2 * 2 + 3 * 750, 0.5 * 2, 0.5 * 750}, 1e-14);
}
