// Each pass by what it makes of a small function.
#include "compiler/passes/passes.hpp"
#include "compiler/ir/build.hpp"
#include "compiler/ir/math.hpp"
#include "compiler/passes/dependence.hpp"
#include "compiler/passes/simplify.hpp"
#include "compiler/passes/structure_loops.hpp"

#include <catch2/catch.hpp>

using namespace sibyl;
using namespace sibyl::ir;

namespace {

Model written(const std::function<void(Builder&)>& write) {
  Model model;
  model.facts.variables.push_back({.name = "y"});
  model.messages.push_back({"{} must hold", {}});
  Function function{.name = "f"};
  Builder builder(function);
  write(builder);
  model.functions.push_back(function);
  verify(model);
  return model;
}

// The body's text after the pass.
std::string after(void (*pass)(Function&), const std::function<void(Builder&)>& write) {
  Model model = written(write);
  pass(model.functions[0]);
  verify(model);
  std::string text = to_string(model.functions[0], model);
  for (const char* declaration : {"  cell ", "  array "})
    for (std::size_t at; (at = text.find(declaration)) != std::string::npos;)
      text.erase(at, text.find('\n', at) + 1 - at);
  const std::size_t begin = text.find('\n') + 1;
  return text.substr(begin, text.rfind('}') - begin);
}

ArrayId output(Builder& b) { return b.array("y", Type::real, 1, Binding::variable, 0); }

} // namespace

TEST_CASE("equal values are computed once, in their scope and inside it") {
  REQUIRE(after(share_values, [](Builder& b) {
            const ArrayId y = output(b);
            const ValueId i = b.integer(0), x = b.load(y, {i});
            const ValueId sum = b.add(x, b.math(MathFunction::exp, {x}));
            b.if_(b.is_nan(x), [&] {
              const ValueId again = b.add(b.math(MathFunction::exp, {x}), x);
              b.store(y, again, {b.integer(0)});
            });
            b.store(y, sum, {i});
          }) == R"(  %0 = constant 0
  %1 = load y[%0]
  %2 = exp %1
  %3 = add %1, %2
  %4 = is_nan %1
  if %4 {
    store y[%0], %3
  }
  store y[%0], %3
)");
}

TEST_CASE("a boolean that went through an integer is itself again") {
  REQUIRE(after(share_values, [](Builder& b) {
            const ValueId is_nan = b.is_nan(b.load_cell(b.cell("x")));
            const ValueId zero = b.integer(0);
            b.check(b.compare(Op::not_equal, b.to_integer(is_nan), zero), 0);
          }) == R"(  %0 = load x
  %1 = is_nan %0
  %2 = constant 0
  %3 = to_integer %1
  check %1, "{} must hold"
)");
}

TEST_CASE("what a cell holds is known until a region may change it") {
  REQUIRE(after(share_values, [](Builder& b) {
            const CellId x = b.cell("x"), n = b.cell("n");
            const ArrayId y = output(b);
            const ValueId zero = b.integer(0), one = b.integer(1);
            b.store_cell(x, b.real(1));
            b.store_cell(n, b.real(1));
            b.for_(zero, one, [&](ValueId) {
              b.store(y, b.load_cell(n), {zero});
              b.store(y, b.load_cell(x), {one});
              b.store_cell(x, b.real(2));
            });
            b.store(y, b.load_cell(x), {zero});
          }) == R"(  %0 = constant 0
  %1 = constant 1
  %2 = constant 1.0
  store x, %2
  store n, %2
  for %4 in %0 .. %1 {
    store y[%0], %2
    %6 = load x
    store y[%1], %6
    %7 = constant 2.0
    store x, %7
  }
  %8 = load x
  store y[%0], %8
)");
}

TEST_CASE("a check is made once, and not where it must hold") {
  REQUIRE(after(share_values, [](Builder& b) {
            const ValueId x = b.load_cell(b.cell("x"));
            const ValueId positive = b.compare(Op::greater, x, b.real(0));
            b.check(positive, 0, {x});
            b.if_(b.is_nan(x), [&] { b.check(b.compare(Op::greater, x, b.real(0)), 0, {x}); });
            b.check(positive, 0, {x});
            b.check(b.boolean(true), 0);
          }) == R"(  %0 = load x
  %1 = constant 0.0
  %2 = greater %0, %1
  check %2, "{} must hold", %0
  %3 = is_nan %0
  if %3 {
  }
  %6 = constant true
)");
}

namespace {

// How many checks are left of those that the body makes.
int checks_after(void (*pass)(Function&), const std::function<void(Builder&)>& write) {
  const std::string text = after(pass, write);
  int count = 0;
  for (std::size_t at = 0; (at = text.find("check ", at)) != std::string::npos; ++at) ++count;
  return count;
}

void check_index(Builder& b, ValueId index, ValueId size) {
  b.check(b.logical_and(b.compare(Op::greater_equal, index, b.integer(1)), b.compare(Op::less_equal, index, size)), 0,
          {index});
}

} // namespace

TEST_CASE("checks of integers go where loops, branches and checks before prove them") {
  struct Case {
    const char* what;
    int left;
    std::function<void(Builder&, ValueId n)> write;
  };
  const std::vector<Case> cases = {
      {"a loop over all", 0,
       [](Builder& b, ValueId n) { b.for_(b.integer(1), n, [&](ValueId i) { check_index(b, i, n); }); }},
      {"a loop that starts too early", 1,
       [](Builder& b, ValueId n) { b.for_(b.integer(0), n, [&](ValueId i) { check_index(b, i, n); }); }},
      {"the one before", 0,
       [](Builder& b, ValueId n) {
         b.for_(b.integer(2), n, [&](ValueId i) { check_index(b, b.subtract(i, b.integer(1)), n); });
       }},
      {"the one behind", 1,
       [](Builder& b, ValueId n) {
         b.for_(b.integer(1), n, [&](ValueId i) { check_index(b, b.add(i, b.integer(1)), n); });
       }},
      {"from the end", 1, // whether n is negative is not known: n + 1 - i may wrap
       [](Builder& b, ValueId n) {
         b.for_(b.integer(1), n, [&](ValueId i) { check_index(b, b.subtract(b.add(n, b.integer(1)), i), n); });
       }},
      {"from the end of what has a size", 0,
       [](Builder& b, ValueId n) {
         b.for_(b.integer(1), b.subtract(n, b.integer(1)), [&](ValueId i) { check_index(b, b.subtract(n, i), n); });
       }},
      {"a triangle of what has a size", 0,
       [](Builder& b, ValueId n) {
         b.for_(b.integer(1), b.subtract(n, b.integer(1)), [&](ValueId i) {
           b.for_(b.add(i, b.integer(1)), n, [&](ValueId j) {
             check_index(b, j, n);
             check_index(b, b.subtract(j, i), n);
           });
         });
       }},
      {"what a branch has asked", 1, // that of what it has not asked
       [](Builder& b, ValueId n) {
         const ValueId k = b.load_cell(b.cell("k", Type::integer));
         b.if_(b.compare(Op::greater, k, b.integer(3)),
               [&] { b.check(b.compare(Op::not_equal, k, b.integer(0)), 0, {k}); },
               [&] { b.check(b.compare(Op::less, k, n), 0, {k}); });
       }},
      {"what a check has asked, in its block alone", 2,
       [](Builder& b, ValueId n) {
         const ValueId k = b.load_cell(b.cell("k", Type::integer));
         b.if_(b.compare(Op::equal, n, b.integer(7)), [&] {
           check_index(b, k, n);
           b.check(b.compare(Op::greater, b.subtract(k, b.integer(1)), b.integer(-1)), 0, {k});
         });
         b.check(b.compare(Op::greater, k, b.integer(0)), 0, {k});
       }},
      {"unless a loop does not run", 0,
       [](Builder& b, ValueId n) {
         const ValueId empty = b.compare(Op::greater, b.integer(5), n);
         b.check(b.logical_or(empty, b.compare(Op::greater_equal, n, b.integer(4))), 0, {n});
       }},
      {"sums that may wrap", 1,
       [](Builder& b, ValueId n) {
         const ValueId more = b.add(n, b.integer(1));
         b.check(b.compare(Op::greater, more, n), 0, {n});
       }},
      {"products that may wrap", 2,
       [](Builder& b, ValueId n) {
         b.check(b.compare(Op::greater, n, b.integer(0)), 0, {n});
         b.check(b.compare(Op::greater, b.multiply(n, b.integer(2)), n), 0, {n});
       }},
      {"reals", 1,
       [](Builder& b, ValueId) {
         const ValueId x = b.load_cell(b.cell("x"));
         b.check(b.compare(Op::less_equal, x, x), 0, {x});
       }},
  };
  for (const Case& one : cases) {
    INFO(one.what);
    // The size of an array is not negative.
    CHECK(checks_after(drop_proven_checks, [&](Builder& b) {
            const ArrayId y = output(b);
            const bool sized = std::string_view(one.what).find("size") != std::string_view::npos;
            one.write(b, sized ? b.array_size(y, 0) : b.load_cell(b.cell("n", Type::integer)));
          }) == one.left);
  }
}

TEST_CASE("invariants and their checks leave the loops") {
  REQUIRE(after(hoist_invariants, [](Builder& b) {
            const ArrayId theta = b.array("theta", Type::real, 1, Binding::unconstrained_in), y = output(b);
            const CellId last = b.cell("last", Type::integer);
            const ValueId zero = b.integer(0);
            b.for_(zero, b.load_cell(last), [&](ValueId i) {
              const ValueId sigma = b.math(MathFunction::exp, {b.load(theta, {b.integer(0)})});
              b.check(b.compare(Op::greater, sigma, b.real(0)), 0, {sigma});
              b.for_(zero, i, [&](ValueId k) {
                const ValueId scaled = b.multiply(sigma, b.to_real(i));
                b.store(y, b.divide(scaled, b.to_real(k)), {i});
              });
            });
          }) == R"(  %0 = constant 0
  %1 = load last
  %3 = constant 0
  %4 = load theta[%3]
  %5 = exp %4
  %6 = constant 0.0
  %7 = greater %5, %6
  %13 = greater %0, %1
  %14 = logical_or %13, %7
  check %14, "{} must hold", %5
  for %2 in %0 .. %1 {
    %9 = to_real %2
    %10 = multiply %5, %9
    for %8 in %0 .. %2 {
      %11 = to_real %8
      %12 = divide %10, %11
      store y[%2], %12
    }
  }
)");
}

TEST_CASE("invariants leave branches of loops, checks do not") {
  REQUIRE(after(hoist_invariants, [](Builder& b) {
            const ArrayId y = output(b);
            const ValueId x = b.load_cell(b.cell("x")), zero = b.integer(0), is_nan = b.is_nan(x);
            b.for_(zero, b.load_cell(b.cell("n", Type::integer)), [&](ValueId i) {
              b.if_(b.compare(Op::less, i, b.integer(3)), [&] {
                b.check(is_nan, 0);
                b.store(y, b.math(MathFunction::log, {x}), {i});
              });
            });
          }) == R"(  %0 = load x
  %1 = constant 0
  %2 = is_nan %0
  %3 = load n
  %5 = constant 3
  %7 = log %0
  for %4 in %1 .. %3 {
    %6 = less %4, %5
    if %6 {
      check %2, "{} must hold"
      store y[%4], %7
    }
  }
)");
}

TEST_CASE("what may fail or change stays in the loop") {
  const auto write = [](Builder& b) {
    const ArrayId y = output(b);
    const CellId n = b.cell("n", Type::integer), x = b.cell("x");
    const ValueId divisor = b.load_cell(n);
    b.for_(b.integer(0), divisor, [&](ValueId i) {
      b.print(0, {});
      b.check(b.compare(Op::greater, divisor, i), 0);
      const ValueId quotient = b.divide(divisor, divisor); // by zero, perhaps
      b.store(y, b.load_cell(x), {quotient});
      b.store_cell(x, b.load(y, {divisor}));
    });
  };
  Model model = written(write);
  hoist_invariants(model.functions[0]);
  REQUIRE(to_string(model) == to_string(written(write)));
}

TEST_CASE("a store that is overwritten unread goes, others stay") {
  REQUIRE(after(drop_overwritten_stores, [](Builder& b) {
            const CellId x = b.cell("x"), other = b.cell("other");
            const ValueId one = b.real(1), two = b.real(2);
            b.store_cell(x, one);
            b.store_cell(x, two);
            b.if_(b.is_nan(b.load_cell(x)), [&] { b.store_cell(x, one); });
            b.store_cell(x, one);
            const ValueId first = b.integer(0), last = b.integer(1);
            b.for_(first, last, [&](ValueId) {
              b.store_cell(x, two);
              b.if_(b.is_nan(b.load_cell(other)), [&] { b.break_(); });
              b.store_cell(x, one);
            });
          }) == R"(  %0 = constant 1.0
  %1 = constant 2.0
  store x, %1
  %2 = load x
  %3 = is_nan %2
  if %3 {
    store x, %0
  }
  store x, %0
  %4 = constant 0
  %5 = constant 1
  for %6 in %4 .. %5 {
    store x, %1
    %7 = load other
    %8 = is_nan %7
    if %8 {
      break
    }
    store x, %0
  }
)");
}

TEST_CASE("what nothing reads goes, with its loops, cells and arrays, and the rest is numbered without gaps") {
  REQUIRE(after(drop_dead_code, [](Builder& b) {
            const ArrayId y = output(b), t = b.array("t", Type::real, 1);
            const CellId unread = b.cell("unread"), read = b.cell("read");
            b.declare(t, {b.integer(4)});
            const ValueId zero = b.integer(0), three = b.integer(3);
            b.for_(zero, three, [&](ValueId i) {
              b.store(t, b.to_real(i), {i});
              b.store_cell(unread, b.add(b.load_cell(unread), b.real(1)));
            });
            b.store_cell(read, b.real(2));
            b.math(MathFunction::exp, {b.load_cell(read)});
            b.store(y, b.load_cell(read), {zero});
          }) == R"(  %0 = constant 0
  %1 = constant 2.0
  store read, %1
  %2 = load read
  store y[%0], %2
)");
}

TEST_CASE("cells and local arrays that nothing refers to go, arrays of the interface stay") {
  Model model = written([](Builder& b) {
    b.array("gone", Type::real, 1);
    b.cell("gone");
    b.array("u", Type::real, 1, Binding::unconstrained_in);
    const ArrayId y = output(b);
    const CellId read = b.cell("read");
    b.store(y, b.load_cell(read), {b.integer(0)});
  });
  Function& function = model.functions[0];
  drop_dead_code(function);
  verify(model);
  REQUIRE(function.cells.size() == 1);
  REQUIRE(function.cells[0].name == "read");
  REQUIRE(function.arrays.size() == 2);
  REQUIRE(function.arrays[0].name == "u");
  REQUIRE(function.value_count == 2);
}

TEST_CASE("loops that are left become loops that run to their end") {
  REQUIRE(after(structure_loops, [](Builder& b) {
            const CellId x = b.cell("x");
            const ValueId first = b.integer(1), last = b.integer(9);
            b.for_(first, last, [&](ValueId i) {
              b.if_(b.compare(Op::equal, i, b.integer(3)), [&] { b.continue_(); });
              b.if_(b.compare(Op::equal, i, b.integer(5)), [&] { b.break_(); });
              b.store_cell(x, b.to_real(i));
            });
          }) == R"(  %0 = constant 1
  %1 = constant 9
  %14 = constant true
  store go, %14
  for %2 in %0 .. %1 {
    %15 = load go
    if %15 {
      %8 = constant true
      store rest, %8
      %3 = constant 3
      %4 = equal %2, %3
      if %4 {
        %9 = constant false
        store rest, %9
      }
      %13 = load rest
      if %13 {
        %5 = constant 5
        %6 = equal %2, %5
        if %6 {
          %10 = constant false
          store go, %10
          %11 = constant false
          store rest, %11
        }
        %12 = load rest
        if %12 {
          %7 = to_real %2
          store x, %7
        }
      }
    }
  }
)");
}

TEST_CASE("a while loop's condition becomes a flag") {
  REQUIRE(after(structure_loops, [](Builder& b) {
            const CellId x = b.cell("x");
            b.while_([&] { return b.is_nan(b.load_cell(x)); }, [&] { b.store_cell(x, b.real(4)); });
          }) == R"(  %4 = constant true
  store go, %4
  while {
    %5 = load go
    yield %5
  } do {
    %0 = load x
    %1 = is_nan %0
    store go, %1
    %3 = load go
    if %3 {
      %2 = constant 4.0
      store x, %2
    }
  }
)");
}

TEST_CASE("an array is stable unless a store may follow a load of the same element") {
  // One array of rank 1, written and read by `write` inside a loop over t (1 to 9).
  const auto stable = [](const std::function<void(Builder&, ArrayId, ValueId)>& write,
                         bool descending = false) -> bool {
    const Model model = written([&](Builder& b) {
      const ArrayId array = b.array("a", Type::real, 1);
      b.declare(array, {b.integer(10)});
      b.for_(
          b.integer(1), b.integer(9), [&](ValueId t) { write(b, array, t); }, descending);
    });
    const Structure structure(model.functions[0]);
    const Needs needs{std::vector<bool>(model.functions[0].value_count, true), {}, {}};
    return find_stable_arrays(structure, needs)[0];
  };
  const auto shifted = [](Builder& b, ValueId t, int by) { return b.add(t, b.integer(by)); };

  CHECK(stable([&](Builder& b, ArrayId a, ValueId t) { b.store(a, b.load(a, {shifted(b, t, -1)}), {t}); }));
  CHECK(stable([&](Builder& b, ArrayId a, ValueId t) { b.store(a, b.load(a, {t}), {shifted(b, t, 1)}); }));
  CHECK(stable([&](Builder& b, ArrayId a, ValueId t) { b.store(a, b.load(a, {shifted(b, t, 1)}), {t}); }, true));
  CHECK(stable([&](Builder& b, ArrayId a, ValueId t) {
    b.store(a, b.real(1), {t});
    b.load(a, {t});
  }));
  CHECK_FALSE(stable([&](Builder& b, ArrayId a, ValueId t) { b.store(a, b.load(a, {t}), {t}); }));
  CHECK_FALSE(stable([&](Builder& b, ArrayId a, ValueId t) { b.store(a, b.load(a, {shifted(b, t, 1)}), {t}); }));
  CHECK_FALSE(stable([&](Builder& b, ArrayId a, ValueId t) { b.store(a, b.load(a, {shifted(b, t, -1)}), {t}); }, true));
  CHECK_FALSE(stable([&](Builder& b, ArrayId a, ValueId) {
    b.store(a, b.real(1), {b.integer(0)});
    b.load(a, {b.integer(0)});
  }));
}

TEST_CASE("the passes run in order, and each is told of") {
  Model model = written([](Builder& b) {
    const ArrayId theta = b.array("theta", Type::real, 1, Binding::unconstrained_in);
    const ArrayId density = b.array("log_density", Type::real, 0, Binding::log_density);
    b.store(density, b.math(MathFunction::exp, {b.load(theta, {b.integer(0)})}), {});
  });
  model.functions[0].name = "log_density";
  std::vector<std::string_view> names;
  run_passes(model, [&](const Pass& pass, const Model& now) {
    names.push_back(pass.name);
    verify(now);
  });
  std::vector<std::string_view> listed{"lower"};
  for (const Pass& pass : passes()) listed.push_back(pass.name);
  REQUIRE(names == listed);
  REQUIRE(model.find("log_density_gradient"));
}

TEST_CASE("a model without density gets no gradient") {
  Model model = written([](Builder&) {});
  run_passes(model);
  REQUIRE_FALSE(model.find("log_density_gradient"));
}
