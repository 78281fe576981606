// The builder, the printed text and the verifier of the intermediate representation.
#include "compiler/ir/build.hpp"
#include "compiler/ir/math.hpp"
#include "lang/errors.hpp"
#include "tests/ir_interpreter.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace sibyl;
using namespace sibyl::ir;
using Catch::Contains;

namespace {

// A model of one function, written by `write`.
Model written(const std::function<void(Builder&)>& write) {
  Model model;
  model.facts.variables.push_back({.name = "y"});
  model.messages.push_back({"sigma is {}, must be > 0", {}});
  model.site_count = 1;
  Function function{.name = "simulate"};
  Builder builder(function);
  write(builder);
  model.functions.push_back(function);
  return model;
}

// What the verifier says about the model; empty: nothing.
std::string complaint(const Model& model) {
  try {
    verify(model);
  } catch (const InternalError& error) {
    return error.what();
  }
  return "";
}

} // namespace

TEST_CASE("constants are folded while they are written") {
  Function function;
  Builder b(function);
  const ValueId x = b.load_cell(b.cell("x"));
  REQUIRE(b.constant(b.multiply(b.real(2), b.real(3))) == 6.0);
  REQUIRE(b.constant(b.math(MathFunction::sqrt, {b.real(6.25)})) == 2.5);
  REQUIRE(b.constant(b.add(b.integer(2147483647), b.integer(1))) == -2147483648.0);
  REQUIRE(b.constant(b.divide(b.integer(-7), b.integer(2))) == -3.0);
  REQUIRE(b.constant(b.modulo(b.integer(-7), b.integer(2))) == -1.0);
  REQUIRE(b.constant(b.logical_or(b.boolean(true), b.is_nan(x))) == 1.0);
  REQUIRE_FALSE(b.constant(b.divide(b.integer(1), b.integer(0))));
}

TEST_CASE("integers are folded as 32 bits compute them") {
  Function function;
  Builder b(function);
  REQUIRE(b.constant(b.multiply(b.integer(2147483647), b.integer(2147483647))) == 1.0);
  REQUIRE(b.constant(b.multiply(b.integer(-2147483647 - 1), b.integer(-1))) == -2147483648.0);
  REQUIRE(b.constant(b.divide(b.integer(-2147483647 - 1), b.integer(-1))) == -2147483648.0);
  REQUIRE(b.constant(b.modulo(b.integer(-2147483647 - 1), b.integer(-1))) == 0.0);
  REQUIRE(b.constant(b.to_integer(b.real(1e10))) == 2147483647.0);
  REQUIRE(b.constant(b.to_integer(b.real(-1e10))) == -2147483648.0);
  REQUIRE(b.constant(b.to_integer(b.real(INFINITY))) == 2147483647.0);
  REQUIRE(b.constant(b.to_integer(b.real(NAN))) == 0.0);
}

TEST_CASE("what floats or the machine's own functions might compute otherwise is not folded") {
  Function function;
  Builder b(function);
  REQUIRE_FALSE(b.constant(b.math(MathFunction::log, {b.real(2)})));
  REQUIRE_FALSE(b.constant(b.math(MathFunction::pow, {b.real(2), b.real(3)})));
  REQUIRE_FALSE(b.constant(b.multiply(b.multiply(b.real(1e30), b.real(1e30)), b.real(1e-30))));
  REQUIRE_FALSE(b.constant(b.compare(Op::greater, b.real(1e-60), b.real(0)))); // zero in float
  REQUIRE_FALSE(b.constant(b.is_infinite(b.real(1e300))));
  REQUIRE_FALSE(b.constant(b.compare(Op::equal, b.real(16777217), b.real(16777216))));
  REQUIRE(b.constant(b.compare(Op::greater, b.real(0.1), b.real(0))) == 1.0);
  REQUIRE(b.constant(b.divide(b.real(1), b.real(3))) == 1.0 / 3);
}

TEST_CASE("identities are applied only where they are exact") {
  Function function;
  Builder b(function);
  const ValueId x = b.load_cell(b.cell("x")), n = b.load_cell(b.cell("n", Type::integer));
  REQUIRE(b.multiply(b.real(1), x) == x);
  REQUIRE(b.divide(x, b.real(1)) == x);
  REQUIRE(b.subtract(x, b.real(0)) == x);
  REQUIRE(b.add(n, b.integer(0)) == n);
  REQUIRE(b.to_real(x) == x);
  REQUIRE(b.select(b.boolean(false), b.real(1), x) == x);
  REQUIRE(b.add(x, b.real(0)) != x);                   // -0 + 0 is 0
  REQUIRE_FALSE(b.constant(b.multiply(x, b.real(0)))); // infinity * 0 is NaN
}

TEST_CASE("a branch on a constant is written in place") {
  Function function;
  Builder b(function);
  const CellId x = b.cell("x");
  b.if_(
      b.boolean(false), [&] { b.store_cell(x, b.real(1)); }, [&] { b.store_cell(x, b.real(2)); });
  REQUIRE(function.body.back().op == Op::store_cell);
  REQUIRE(b.constant(function.body.back().operands[0]) == 2.0);
}

TEST_CASE("operands of different types are a bug") {
  Function function;
  Builder b(function);
  REQUIRE_THROWS_AS(b.add(b.real(1), b.integer(1)), InternalError);
  REQUIRE_THROWS_AS(b.store_cell(b.cell("x"), b.integer(1)), InternalError);
}

TEST_CASE("a function as text") {
  const Model model = written([](Builder& b) {
    const ArrayId y = b.array("y", Type::real, 1, Binding::variable, 0), scratch = b.array("t", Type::real, 2);
    const CellId sum = b.cell("sum"), first = b.cell("k", Type::integer), second = b.cell("k", Type::integer);
    const ValueId count = b.array_size(y, 0);
    b.declare(scratch, {count, count}, true);
    const ValueId zero = b.integer(0);
    b.for_(zero, b.subtract(count, b.integer(1)), [&](ValueId i) {
      const ValueId sigma = b.math(MathFunction::exp, {b.load(y, {i})});
      b.check(b.compare(Op::greater, sigma, b.real(2)), 0, {sigma});
      b.if_(
          b.is_nan(sigma), [&] { b.break_(); },
          [&] {
            b.store(scratch, sigma, {i, i});
          });
    });
    b.for_(
        b.integer(1), count, [&](ValueId i) { b.store_cell(first, i); }, true);
    b.while_([&] { return b.compare(Op::less, b.load_cell(second), count); },
             [&] { b.store_cell(sum, b.draw_normal(0)); });
    b.tape_push(b.tape_pop(Type::boolean));
    b.print(0, {count});
    b.store_cell(sum, b.real(0.5));
    b.if_(b.is_infinite(b.load_cell(sum)), [&] { b.reject(0); });
  });
  verify(model);
  REQUIRE(to_string(model) == R"(function simulate {
  cell sum: real
  cell k#1: integer
  cell k#2: integer
  array y: real[1], variable y
  array t: real[2], local
  %0 = size y, 0
  declare t[%0, %0], zeros
  %1 = constant 0
  %2 = constant 1
  %3 = subtract %0, %2
  for %4 in %1 .. %3 {
    %5 = load y[%4]
    %6 = exp %5
    %7 = constant 2.0
    %8 = greater %6, %7
    check %8, "sigma is {}, must be > 0", %6
    %9 = is_nan %6
    if %9 {
      break
    } else {
      store t[%4, %4], %6
    }
  }
  %10 = constant 1
  for %11 in %0 down to %10 {
    store k#1, %11
  }
  while {
    %12 = load k#2
    %13 = less %12, %0
    yield %13
  } do {
    %14 = draw_normal site 0
    store sum, %14
  }
  %15 = tape_pop
  tape_push %15
  print "sigma is {}, must be > 0", %0
  %16 = constant 0.5
  store sum, %16
  %17 = load sum
  %18 = is_infinite %17
  if %18 {
    reject "sigma is {}, must be > 0"
  }
}
)");
}

TEST_CASE("the verifier names what is broken and where") {
  Model model = written([](Builder& b) {
    const CellId x = b.cell("x");
    const ValueId old = b.load_cell(x);
    b.if_(b.compare(Op::less, old, b.real(1)), [&] { b.store_cell(x, b.real(2)); });
  });
  Block& body = model.functions[0].body; // %0 = load x; %1 = 1; %2 = less; if { %3 = 2; store x }
  Instruction& branch = body.back();
  REQUIRE(complaint(model).empty());

  SECTION("a value used outside the block that defines it") {
    body.push_back({.op = Op::store_cell, .id = 0, .operands = {3}});
    REQUIRE_THAT(complaint(model), Contains("%3 is not visible in the function `simulate`, at `store x, %3`"));
  }
  SECTION("a value used before its definition") {
    std::swap(body[0], body[2]);
    REQUIRE_THAT(complaint(model), Contains("is not visible"));
  }
  SECTION("two definitions") {
    body.insert(body.begin(), body[0]);
    REQUIRE_THAT(complaint(model), Contains("%0 is defined twice"));
  }
  SECTION("a result that is not counted") {
    model.functions[0].value_count = 3;
    REQUIRE_THAT(complaint(model), Contains("value_count"));
  }
  SECTION("a condition of another type") {
    branch.operands[0] = 0;
    REQUIRE_THAT(complaint(model), Contains("operand 0 has the wrong type"));
  }
  SECTION("a result of another type than its operands give") {
    body[2].type = Type::real;
    REQUIRE_THAT(complaint(model), Contains("the result has the wrong type"));
  }
  SECTION("a branch without its second block") {
    branch.blocks.pop_back();
    REQUIRE_THAT(complaint(model), Contains("1 blocks instead of 2"));
  }
  SECTION("break outside a loop") {
    branch.blocks[0].push_back({.op = Op::break_});
    REQUIRE_THAT(complaint(model), Contains("break or continue outside a loop"));
  }
  SECTION("no such cell") {
    body[0].id = 7;
    REQUIRE_THAT(complaint(model), Contains("no such cell"));
  }
  SECTION("a yield that ends no condition") {
    body.push_back({.op = Op::yield, .operands = {2}});
    REQUIRE_THAT(complaint(model), Contains("a condition ends with its only yield"));
  }
  SECTION("a message that is not there") {
    body.push_back({.op = Op::reject, .id = 4});
    REQUIRE_THAT(complaint(model), Contains("no such message"));
  }
}

TEST_CASE("the verifier on arrays") {
  REQUIRE_THAT(complaint(written([](Builder& b) {
                 const ArrayId t = b.array("t", Type::real, 1);
                 b.if_(b.is_nan(b.load_cell(b.cell("x"))), [&] { b.declare(t, {b.integer(3)}); });
                 b.load(t, {b.integer(0)});
               })),
               Contains("the local array `t` is not declared here"));
  REQUIRE_THAT(complaint(written([](Builder& b) {
                 const ArrayId t = b.array("t", Type::real, 2);
                 b.declare(t, {b.integer(3), b.integer(2)});
                 b.load(t, {b.integer(0)});
               })),
               Contains("1 operands instead of 2"));
  REQUIRE_THAT(complaint(written([](Builder& b) { b.array("y", Type::real, 1, Binding::variable, 5); })),
               Contains("of no variable"));
  REQUIRE_THAT(complaint(written([](Builder& b) {
                 const ArrayId t = b.array("t", Type::real, 1);
                 b.declare(t, {b.integer(3)});
                 b.array_size(t, 1);
               })),
               Contains("no such dimension"));
}

TEST_CASE("the interpreter runs loops, draws and the tape as ir.hpp says") {
  const Model model = written([](Builder& b) {
    const ArrayId y = b.array("y", Type::real, 1, Binding::variable, 0);
    b.declare(y, {b.integer(3)});
    b.for_(b.integer(1), b.integer(2), [&](ValueId i) {
      b.for_(b.integer(5), b.integer(4), [&](ValueId) { b.reject(0); });
      b.store(y, b.draw_uniform(0), {i});
      b.tape_push(i);
    });
    b.for_(
        b.integer(1), b.integer(2),
        [&](ValueId i) {
          const ValueId popped = b.tape_pop(Type::integer);
          b.check(b.compare(Op::equal, popped, i), 0, {b.to_real(popped)});
        },
        true);
  });
  test::Call call;
  call.draw = [](Op, std::uint32_t site, const std::vector<std::int64_t>& iterations) {
    return site + 0.25 + 0.5 * static_cast<double>(iterations.at(0));
  };
  test::interpret(model.functions[0], call);
  REQUIRE_FALSE(call.failure);
  REQUIRE(call.tape_left == 0);
  const std::vector<double>& y = call.variables[0].values;
  REQUIRE(std::isnan(y[0]));
  REQUIRE(y[1] == 0.25);
  REQUIRE(y[2] == 0.75);
}
