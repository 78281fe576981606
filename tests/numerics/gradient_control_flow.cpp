// Gradients through loops, branches, cells and arrays, against differences of the density.
#include "compiler/ir/math.hpp"
#include "compiler/passes/structure.hpp"
#include "tests/numerics/hand_built_density.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace sibyl::ir;
using namespace sibyl::test;

namespace {

using W = DensityWriter;

ValueId exp(W& w, ValueId x) { return w.b.math(MathFunction::exp, {x}); }
ValueId log(W& w, ValueId x) { return w.b.math(MathFunction::log, {x}); }
ValueId sin(W& w, ValueId x) { return w.b.math(MathFunction::sin, {x}); }
ValueId square(W& w, ValueId x) { return w.b.multiply(x, x); }

// An array of `size` numbers that depend on no parameter.
ArrayId data(W& w, const char* name, int size) {
  const ArrayId array = w.b.array(name, Type::real, 1);
  w.b.declare(array, {w.integer(size)});
  w.b.for_(w.integer(0), w.integer(size - 1),
           [&](ValueId i) { w.b.store(array, sin(w, w.b.multiply(w.b.to_real(i), w.real(1.7))), {i}); });
  return array;
}

void add_normal(W& w, ValueId y, ValueId mu, ValueId sigma) {
  const ValueId z = w.b.divide(w.b.subtract(y, mu), sigma);
  w.add_to_target(w.b.subtract(w.b.multiply(w.real(-0.5), square(w, z)), log(w, sigma)));
}

Model regression(int rows) {
  return density_model([=](W& w) {
    const ArrayId x = data(w, "x", rows), y = data(w, "y", rows);
    const ValueId sigma = exp(w, w.parameter(2));
    w.add_to_target(w.parameter(2));
    w.b.for_(w.integer(0), w.integer(rows - 1), [&](ValueId i) {
      const ValueId mu = w.b.add(w.parameter(0), w.b.multiply(w.parameter(1), w.b.load(x, {i})));
      add_normal(w, w.b.load(y, {i}), mu, sigma);
    });
  });
}

std::size_t count_ops(const Block& block, Op op) {
  std::size_t count = 0;
  for (const Instruction& instruction : block) {
    count += instruction.op == op;
    for (const Block& nested : instruction.blocks) count += count_ops(nested, op);
  }
  return count;
}

} // namespace

TEST_CASE("straight-line code") {
  require_gradient(density_model([](W& w) {
                     const ValueId a = w.parameter(0), b = w.parameter(1);
                     w.add_to_target(w.b.divide(w.b.multiply(a, b), w.b.add(exp(w, a), square(w, b))));
                     w.add_to_target(w.b.negate(w.b.subtract(sin(w, b), square(w, w.b.multiply(a, a)))));
                   }),
                   {0.3, -1.2});
}

TEST_CASE("a density that depends on no parameter has gradient zero") {
  const Model model = with_gradient(density_model([](W& w) { w.add_to_target(w.real(3)); }));
  REQUIRE(run_gradient(model, {1, 2}).gradient == std::vector<double>{0, 0});
}

TEST_CASE("a regression's likelihood is differentiated in one loop") {
  const Model model = regression(20);
  require_gradient(model, {0.4, -0.3, 0.2});
  const Model differentiated = with_gradient(model);
  // The data loops (2), the likelihood, and the copy of the gradient.
  REQUIRE(count_ops(differentiated.find("log_density_gradient")->body, Op::for_) == 4);
  REQUIRE(count_ops(differentiated.find("log_density_gradient")->body, Op::tape_push) == 0);
}

TEST_CASE("the gradient of a regression costs less than four densities") {
  const Model model = with_gradient(regression(500));
  const std::vector<double> at{0.4, -0.3, 0.2};
  REQUIRE(run_gradient(model, at).executed < 4 * run_density(model, at).executed);
}

TEST_CASE("a sum that is scaled before it reaches the target") {
  require_gradient(density_model([](W& w) {
                     const CellId sum = w.b.cell("sum");
                     w.b.for_(w.integer(1), w.integer(5), [&](ValueId i) {
                       w.add_to(sum, square(w, w.b.subtract(w.parameter(0), w.b.to_real(i))));
                     });
                     w.add_to_target(w.b.multiply(w.b.load_cell(sum), w.parameter(1)));
                   }),
                   {0.7, -0.5});
}

TEST_CASE("sums within sums reach the target") {
  require_gradient(density_model([](W& w) {
                     const CellId row = w.b.cell("row");
                     w.b.for_(w.integer(1), w.integer(4), [&](ValueId i) {
                       w.b.store_cell(row, w.real(0));
                       w.b.for_(w.integer(1), i, [&](ValueId k) {
                         w.add_to(row, sin(w, w.b.multiply(w.parameter(0), w.b.to_real(k))));
                       });
                       w.add_to_target(w.b.add(w.b.load_cell(row), w.parameter(1)));
                     });
                   }),
                   {0.7, -0.5});
}

TEST_CASE("a density chosen by branches is differentiated in place") {
  const Model model = density_model([](W& w) {
    const ArrayId y = data(w, "y", 9);
    const CellId chosen = w.b.cell("chosen");
    w.b.for_(w.integer(0), w.integer(8), [&](ValueId i) {
      const ValueId error = w.b.subtract(w.b.load(y, {i}), w.parameter(0));
      w.b.store_cell(chosen, w.real(0));
      w.b.if_(
          w.b.compare(Op::greater, error, w.real(0)),
          [&] { w.b.store_cell(chosen, w.b.multiply(square(w, error), w.parameter(1))); },
          [&] {
            w.b.store_cell(chosen, exp(w, error));
            w.add_to(chosen, w.parameter(1));
          });
      w.add_to_target(w.b.load_cell(chosen));
    });
  });
  require_gradient(model, {0.1, -0.6});
  const Model differentiated = with_gradient(model);
  REQUIRE(count_ops(differentiated.find("log_density_gradient")->body, Op::if_) == 1);
}

TEST_CASE("what a branch has computed is kept for the way back") {
  const Model model = density_model([](W& w) {
    const CellId chosen = w.b.cell("chosen");
    w.b.for_(w.integer(1), w.integer(4), [&](ValueId i) {
      const ValueId scaled = w.b.multiply(w.parameter(0), w.b.to_real(i));
      w.b.if_(
          w.b.compare(Op::greater, scaled, w.real(1)), [&] { w.b.store_cell(chosen, exp(w, w.b.negate(scaled))); },
          [&] {
            const ValueId root = exp(w, w.b.multiply(scaled, w.parameter(1)));
            w.b.if_(
                w.b.compare(Op::less, root, w.real(0.8)), [&] { w.b.store_cell(chosen, sin(w, root)); },
                [&] { w.b.store_cell(chosen, w.b.multiply(root, root)); });
          });
      w.add_to_target(w.b.multiply(w.b.load_cell(chosen), w.parameter(1))); // so that the branch is not in place
    });
  });
  require_gradient(model, {0.35, -0.6});
  const auto count_exponentials = [](const Function& function) {
    std::size_t count = 0;
    for_each(function.body, [&](const Instruction& instruction) {
      count += instruction.op == Op::math && static_cast<MathFunction>(instruction.id) == MathFunction::exp;
    });
    return count;
  };
  const Model differentiated = with_gradient(model);
  REQUIRE(count_exponentials(*differentiated.find("log_density_gradient")) == 2);
}

TEST_CASE("a density set twice counts only what was set last") {
  require_gradient(density_model([](W& w) {
                     const CellId chosen = w.b.cell("chosen");
                     w.b.store_cell(chosen, square(w, w.parameter(0)));
                     w.b.if_(w.b.compare(Op::greater, w.parameter(0), w.real(0)),
                             [&] { w.b.store_cell(chosen, exp(w, w.parameter(1))); });
                     w.add_to_target(w.b.load_cell(chosen));
                   }),
                   {0.4, -0.6});
}

TEST_CASE("a sum that is not begun anew counts more than once") {
  require_gradient(density_model([](W& w) {
                     const CellId sum = w.b.cell("sum");
                     w.b.for_(w.integer(1), w.integer(3), [&](ValueId i) {
                       w.add_to(sum, w.b.multiply(w.parameter(0), w.b.to_real(i)));
                       w.add_to_target(w.b.load_cell(sum));
                     });
                   }),
                   {0.4});
}

TEST_CASE("a state carried from iteration to iteration in a cell") {
  require_gradient(density_model([](W& w) {
                     const CellId state = w.b.cell("state");
                     w.b.store_cell(state, w.parameter(1));
                     w.b.for_(w.integer(1), w.integer(6), [&](ValueId) {
                       w.b.store_cell(state, sin(w, w.b.multiply(w.b.load_cell(state), w.parameter(0))));
                       w.add_to_target(square(w, w.b.load_cell(state)));
                     });
                   }),
                   {1.3, 0.8});
}

TEST_CASE("a linear recursion that starts at zero") {
  // Nothing of its state is needed for the sweep back, but its adjoint is carried.
  require_gradient(density_model([](W& w) {
                     const CellId state = w.b.cell("state");
                     w.b.for_(w.integer(1), w.integer(4), [&](ValueId i) {
                       const ValueId old = w.b.multiply(w.real(0.5), w.b.load_cell(state));
                       w.b.store_cell(state, w.b.add(old, w.parameter(0)));
                       w.add_to_target(w.b.multiply(w.b.load_cell(state), w.b.to_real(i)));
                     });
                   }),
                   {0.8});
}

TEST_CASE("an autoregression on an array needs no saved state") {
  const Model model = density_model([](W& w) {
    const ArrayId h = w.b.array("h", Type::real, 1), y = data(w, "y", 12);
    w.b.declare(h, {w.integer(12)});
    w.b.store(h, w.parameter(0), {w.integer(0)});
    w.b.for_(w.integer(1), w.integer(11), [&](ValueId t) {
      const ValueId previous = w.b.load(h, {w.b.subtract(t, w.integer(1))});
      const ValueId noise = w.b.load(y, {t});
      w.b.store(h, w.b.add(w.b.multiply(w.parameter(1), sin(w, previous)), noise), {t});
      add_normal(w, noise, w.b.load(h, {t}), exp(w, w.b.load(h, {t})));
    });
  });
  require_gradient(model, {0.4, 0.7});
  const Model differentiated = with_gradient(model);
  const Function& gradient = *differentiated.find("log_density_gradient");
  REQUIRE(count_ops(gradient.body, Op::tape_push) == 0);
  for (const Array& array : gradient.arrays) REQUIRE(array.name.find("saved") == std::string::npos);
}

TEST_CASE("an array overwritten in place, step by step") {
  // Two coupled states: y[k] = y[k] + 0.1 * f(y), with a copy made before.
  require_gradient(density_model([](W& w) {
                     const ArrayId y = w.b.array("y", Type::real, 1), slope = w.b.array("slope", Type::real, 1);
                     w.b.declare(y, {w.integer(2)});
                     w.b.store(y, w.parameter(0), {w.integer(0)});
                     w.b.store(y, w.real(0.5), {w.integer(1)});
                     w.b.for_(w.integer(1), w.integer(7), [&](ValueId) {
                       w.b.declare(slope, {w.integer(2)});
                       const ValueId prey = w.b.load(y, {w.integer(0)}), hunter = w.b.load(y, {w.integer(1)});
                       w.b.store(slope, w.b.multiply(prey, w.b.subtract(w.parameter(1), hunter)), {w.integer(0)});
                       w.b.store(slope, w.b.multiply(hunter, w.b.subtract(prey, w.parameter(2))), {w.integer(1)});
                       w.b.for_(w.integer(0), w.integer(1), [&](ValueId k) {
                         const ValueId step = w.b.multiply(w.real(0.1), w.b.load(slope, {k}));
                         w.b.store(y, w.b.add(w.b.load(y, {k}), step), {k});
                       });
                       w.add_to_target(w.b.multiply(w.b.load(y, {w.integer(0)}), w.b.load(y, {w.integer(1)})));
                     });
                   }),
                   {1.2, 0.9, 0.6});
}

TEST_CASE("two arrays overwritten at random places inside branches") {
  require_gradient(density_model([](W& w) {
                     const ArrayId a = w.b.array("a", Type::real, 1), c = w.b.array("c", Type::real, 2);
                     w.b.declare(a, {w.integer(3)});
                     w.b.declare(c, {w.integer(2), w.integer(2)}, true);
                     w.b.for_(w.integer(0), w.integer(2),
                              [&](ValueId i) { w.b.store(a, w.b.multiply(w.parameter(0), w.b.to_real(i)), {i}); });
                     w.b.for_(w.integer(0), w.integer(9), [&](ValueId i) {
                       const ValueId place = w.b.modulo(w.b.multiply(i, i), w.integer(3));
                       const ValueId row = w.b.modulo(i, w.integer(2));
                       w.b.if_(
                           w.b.compare(Op::equal, row, w.integer(0)),
                           [&] { w.b.store(a, sin(w, w.b.add(w.b.load(a, {place}), w.parameter(1))), {place}); },
                           [&] {
                             const ValueId old = w.b.load(c, {row, row});
                             w.b.store(c, w.b.multiply(w.b.add(old, w.parameter(1)), w.b.load(a, {place})), {row, row});
                           });
                       w.add_to_target(square(w, w.b.add(w.b.load(a, {place}), w.b.load(c, {row, row}))));
                     });
                   }),
                   {0.8, 0.4});
}

TEST_CASE("branches inside loops, with state") {
  require_gradient(density_model([](W& w) {
                     const CellId level = w.b.cell("level");
                     w.b.store_cell(level, w.parameter(0));
                     w.b.for_(w.integer(1), w.integer(8), [&](ValueId i) {
                       const ValueId big = w.b.compare(Op::greater, w.b.load_cell(level), w.real(1));
                       w.b.if_(
                           big, [&] { w.b.store_cell(level, w.b.multiply(w.b.load_cell(level), w.real(0.3))); },
                           [&] {
                             w.b.store_cell(level, w.b.add(w.b.load_cell(level), exp(w, w.parameter(1))));
                             w.add_to_target(w.b.multiply(w.b.load_cell(level), w.b.to_real(i)));
                           });
                     });
                     w.add_to_target(square(w, w.b.load_cell(level)));
                   }),
                   {0.2, -0.8});
}

TEST_CASE("a while loop whose number of iterations depends on the state") {
  require_gradient(density_model([](W& w) {
                     const CellId x = w.b.cell("x"), n = w.b.cell("n", Type::integer);
                     w.b.store_cell(x, w.parameter(0));
                     w.b.while_(
                         [&] { return w.b.compare(Op::less, w.b.load_cell(x), w.real(3)); },
                         [&] {
                           const ValueId old = w.b.load_cell(x);
                           w.b.store_cell(x, w.b.add(old, w.b.multiply(w.parameter(1), exp(w, w.b.negate(old)))));
                           w.b.store_cell(n, w.b.add(w.b.load_cell(n), w.integer(1)));
                           w.add_to_target(w.b.multiply(square(w, w.b.load_cell(x)), w.b.to_real(w.b.load_cell(n))));
                         });
                   }),
                   {0.3, 0.9}, 1e-6);
}

TEST_CASE("break and continue, in for and while") {
  require_gradient(density_model([](W& w) {
                     const CellId x = w.b.cell("x"), n = w.b.cell("n", Type::integer);
                     w.b.store_cell(x, w.parameter(0));
                     w.b.for_(w.integer(1), w.integer(20), [&](ValueId i) {
                       w.b.if_(w.b.compare(Op::equal, i, w.integer(3)), [&] { w.b.continue_(); });
                       w.b.store_cell(x, w.b.multiply(w.b.load_cell(x), w.parameter(1)));
                       w.b.if_(w.b.compare(Op::greater, w.b.load_cell(x), w.real(4)), [&] { w.b.break_(); });
                       w.add_to_target(sin(w, w.b.load_cell(x)));
                     });
                     w.b.while_(
                         [&] { return w.b.boolean(true); },
                         [&] {
                           w.b.store_cell(n, w.b.add(w.b.load_cell(n), w.integer(1)));
                           w.b.store_cell(x, w.b.add(sin(w, w.b.load_cell(x)), w.parameter(0)));
                           w.b.if_(w.b.compare(Op::greater, w.b.load_cell(n), w.integer(5)), [&] { w.b.break_(); });
                           w.b.if_(w.b.compare(Op::equal, w.b.load_cell(n), w.integer(2)), [&] { w.b.continue_(); });
                           w.add_to_target(w.b.multiply(w.b.load_cell(x), w.parameter(1)));
                         });
                   }),
                   {0.5, 1.4}, 1e-6);
}

TEST_CASE("arrays declared in loops, and a loop that runs down") {
  require_gradient(density_model([](W& w) {
                     const ArrayId row = w.b.array("row", Type::real, 1);
                     w.b.for_(
                         w.integer(1), w.integer(4),
                         [&](ValueId n) {
                           w.b.declare(row, {n}, true);
                           w.b.for_(w.integer(0), w.b.subtract(n, w.integer(1)), [&](ValueId k) {
                             const ValueId scaled = w.b.multiply(w.parameter(0), w.b.to_real(w.b.add(k, n)));
                             w.b.store(row, w.b.add(w.b.load(row, {k}), sin(w, scaled)), {k});
                           });
                           w.add_to_target(square(w, w.b.load(row, {w.b.subtract(n, w.integer(1))})));
                           w.add_to_target(w.b.multiply(w.b.load(row, {w.integer(0)}), w.parameter(1)));
                         },
                         true);
                   }),
                   {0.6, -0.4});
}

TEST_CASE("filtering with a scratch array that every step fills anew") {
  // The forward algorithm of a hidden Markov model with two states.
  require_gradient(density_model([](W& w) {
                     const ArrayId y = data(w, "y", 9), gamma = w.b.array("gamma", Type::real, 2);
                     const ArrayId scratch = w.b.array("scratch", Type::real, 1);
                     w.b.declare(gamma, {w.integer(9), w.integer(2)});
                     w.b.declare(scratch, {w.integer(2)});
                     auto log_sum_exp = [&](ValueId a, ValueId c) { return log(w, w.b.add(exp(w, a), exp(w, c))); };
                     w.b.store(gamma, w.parameter(0), {w.integer(0), w.integer(0)});
                     w.b.store(gamma, w.parameter(1), {w.integer(0), w.integer(1)});
                     w.b.for_(w.integer(1), w.integer(8), [&](ValueId t) {
                       w.b.for_(w.integer(0), w.integer(1), [&](ValueId k) {
                         w.b.for_(w.integer(0), w.integer(1), [&](ValueId j) {
                           const ValueId before = w.b.load(gamma, {w.b.subtract(t, w.integer(1)), j});
                           const ValueId move = w.b.multiply(w.parameter(2), w.b.to_real(w.b.add(j, k)));
                           w.b.store(scratch, w.b.add(before, move), {j});
                         });
                         const ValueId sum =
                             log_sum_exp(w.b.load(scratch, {w.integer(0)}), w.b.load(scratch, {w.integer(1)}));
                         const ValueId error = w.b.subtract(w.b.load(y, {t}), w.b.to_real(k));
                         w.b.store(gamma, w.b.subtract(sum, square(w, error)), {t, k});
                       });
                     });
                     w.add_to_target(log_sum_exp(w.b.load(gamma, {w.integer(8), w.integer(0)}),
                                                 w.b.load(gamma, {w.integer(8), w.integer(1)})));
                   }),
                   {-0.3, -0.9, -0.5});
}

TEST_CASE("checks and prints run once, in the forward sweep") {
  const Model model = with_gradient(density_model([](W& w) {
    w.b.for_(w.integer(1), w.integer(3), [&](ValueId i) {
      const ValueId x = exp(w, w.b.multiply(w.parameter(0), w.b.to_real(i)));
      w.b.check(w.b.compare(Op::greater, x, w.real(0.1)), 0, {x});
      w.b.print(0, {x});
      w.add_to_target(square(w, x));
    });
  }));
  Call call;
  call.unconstrained = {0.5};
  interpret(*model.find("log_density_gradient"), call);
  REQUIRE(call.printed.size() == 3);
  call.unconstrained = {-1};
  interpret(*model.find("log_density_gradient"), call);
  REQUIRE(call.failure);
  REQUIRE(call.failure->values == std::vector<double>{std::exp(-3.0)});
}

TEST_CASE("a density stored from a branch") {
  Model model;
  Function function{.name = "log_density"};
  Builder b(function);
  const ArrayId theta = b.array("theta", Type::real, 1, Binding::unconstrained_in);
  const ArrayId density = b.array("log_density", Type::real, 0, Binding::log_density);
  const ValueId x = b.load(theta, {b.integer(0)});
  b.if_(
      b.compare(Op::less, x, b.real(0)), [&] { b.store(density, b.multiply(x, x), {}); },
      [&] { b.store(density, b.math(MathFunction::exp, {x}), {}); });
  model.functions.push_back(function);
  require_gradient(model, {-0.7});
  require_gradient(model, {0.7});
}
