// Control flow over lanes: every program gives, for 1, 4, 8 and 16 lanes, what the reference interpreter gives for each
// data set by itself.
#include "compiler/ir/build.hpp"
#include "tests/lane_calls.hpp"

#include <catch2/catch.hpp>

using namespace sibyl;
using namespace sibyl::ir;
using sibyl::test::DataSet;
using sibyl::test::Tensor;

namespace {

// A function of one integer n and one real x per data set, with a real result.
struct Program {
  Function function;
  Builder b{function};
  ArrayId n_in, x_in, result;
  ValueId n, x;

  Program() {
    function.name = "transform_data";
    n_in = b.array("n", Type::integer, 0, Binding::variable, 0);
    x_in = b.array("x", Type::real, 0, Binding::variable, 1);
    result = b.array("result", Type::real, 0, Binding::variable, 2);
    b.declare(result, {});
    n = b.load(n_in, {});
    x = b.load(x_in, {});
  }
};

std::vector<DataSet> inputs(int count) {
  std::vector<DataSet> sets;
  for (int i = 0; i < count; ++i) {
    DataSet set;
    set.variables[0] = {{}, {double((i * 7) % 11 - 1)}};
    set.variables[1] = {{}, {0.25 * i - 2}};
    sets.push_back(set);
  }
  return sets;
}

void agrees_with_interpreter(const Function& function, const std::vector<DataSet>& sets) {
  std::vector<DataSet> expected = sets;
  for (DataSet& set : expected) {
    test::Call call;
    call.variables = set.variables;
    call.unconstrained = set.unconstrained;
    test::interpret(function, call);
    set.failure = call.failure;
    if (!set.failure) set.variables = call.variables;
  }
  for (const int lanes : {1, 4, 8, 16}) {
    INFO("lanes " << lanes << '\n' << to_string(function, Model{}));
    test::LaneOptions options;
    options.lanes = lanes;
    const auto results = test::run_lanes(function, sets, options);
    for (std::size_t i = 0; i < results.size(); ++i) {
      INFO("data set " << i);
      REQUIRE(results[i].failure.has_value() == expected[i].failure.has_value());
      if (results[i].failure) {
        CHECK(results[i].failure->message == expected[i].failure->message);
        for (std::size_t v = 0; v < expected[i].failure->values.size(); ++v)
          CHECK(results[i].failure->values[v] == expected[i].failure->values[v]);
        continue;
      }
      REQUIRE(results[i].variables.size() == expected[i].variables.size());
      for (const auto& [index, tensor] : expected[i].variables) {
        const Tensor& actual = results[i].variables.at(index);
        CHECK(actual.sizes == tensor.sizes);
        REQUIRE(actual.values.size() == tensor.values.size());
        for (std::size_t e = 0; e < tensor.values.size(); ++e)
          CHECK(actual.values[e] == Approx(tensor.values[e]).epsilon(1e-14).margin(1e-14));
      }
    }
  }
}

} // namespace

TEST_CASE("a branch on a value that differs between lanes writes each lane's side") {
  Program p;
  auto& b = p.b;
  const CellId cell = b.cell("c");
  b.if_(
      b.compare(Op::greater, p.x, b.real(0)), [&] { b.store_cell(cell, b.multiply(p.x, b.real(2))); },
      [&] { b.store_cell(cell, b.divide(b.real(1), b.subtract(p.x, b.real(1)))); });
  b.store(p.result, b.load_cell(cell), {});
  agrees_with_interpreter(p.function, inputs(21));
}

TEST_CASE("a short side without side effects is blended") {
  Program p;
  auto& b = p.b;
  const CellId cell = b.cell("c");
  b.store_cell(cell, p.x);
  b.if_(b.compare(Op::less, p.x, b.real(0)), [&] { b.store_cell(cell, b.negate(p.x)); });
  b.store(p.result, b.load_cell(cell), {});
  agrees_with_interpreter(p.function, inputs(21));
}

TEST_CASE("a loop whose bound differs between lanes runs each lane as often as it should") {
  Program p;
  auto& b = p.b;
  const CellId sum = b.cell("sum");
  b.for_(b.integer(1), p.n,
         [&](ValueId i) { b.store_cell(sum, b.add(b.load_cell(sum), b.multiply(b.to_real(i), p.x))); });
  b.store(p.result, b.load_cell(sum), {});
  agrees_with_interpreter(p.function, inputs(21));
}

TEST_CASE("a loop whose start differs between lanes counts each lane from its own") {
  Program p;
  auto& b = p.b;
  const CellId sum = b.cell("sum");
  b.for_(p.n, b.integer(7),
         [&](ValueId i) { b.store_cell(sum, b.add(b.multiply(b.load_cell(sum), b.real(0.5)), b.to_real(i))); });
  b.store(p.result, b.load_cell(sum), {});
  agrees_with_interpreter(p.function, inputs(21));
}

TEST_CASE("a descending loop visits the same values from the last to the first") {
  for (const bool same_start : {true, false}) {
    Program p;
    auto& b = p.b;
    const CellId sum = b.cell("sum");
    const ValueId first = same_start ? b.integer(0) : b.modulo(p.n, b.integer(3));
    b.for_(
        first, p.n,
        [&](ValueId i) { b.store_cell(sum, b.add(b.multiply(b.load_cell(sum), b.real(0.5)), b.to_real(i))); }, true);
    b.store(p.result, b.load_cell(sum), {});
    agrees_with_interpreter(p.function, inputs(21));
  }
}

TEST_CASE("break and continue concern the lanes that reach them") {
  Program p;
  auto& b = p.b;
  const CellId sum = b.cell("sum");
  b.for_(b.integer(1), b.integer(9), [&](ValueId i) {
    b.if_(b.compare(Op::equal, b.modulo(i, b.integer(3)), b.modulo(p.n, b.integer(3))), [&] {
      b.store_cell(sum, b.add(b.load_cell(sum), b.real(100)));
      b.continue_();
    });
    b.if_(b.compare(Op::greater, i, p.n), [&] {
      b.if_(b.compare(Op::less, p.x, b.real(0)), [&] { b.break_(); });
      b.store_cell(sum, b.add(b.load_cell(sum), b.real(10000)));
    });
    b.store_cell(sum, b.add(b.load_cell(sum), b.to_real(i)));
  });
  b.store(p.result, b.load_cell(sum), {});
  agrees_with_interpreter(p.function, inputs(33));
}

TEST_CASE("a while loop runs until no lane goes on") {
  Program p;
  auto& b = p.b;
  const CellId state = b.cell("state"), steps = b.cell("steps", Type::integer);
  b.store_cell(state, p.x);
  b.while_([&] { return b.compare(Op::less, b.load_cell(state), b.real(10)); },
           [&] {
             b.store_cell(steps, b.add(b.load_cell(steps), b.integer(1)));
             b.if_(b.compare(Op::greater, b.load_cell(steps), b.integer(30)), [&] { b.break_(); });
             b.if_(b.compare(Op::equal, b.modulo(b.load_cell(steps), b.integer(5)), b.integer(2)),
                   [&] { b.continue_(); });
             b.store_cell(state, b.add(b.load_cell(state), b.real(0.75)));
           });
  b.store(p.result, b.add(b.load_cell(state), b.to_real(b.load_cell(steps))), {});
  agrees_with_interpreter(p.function, inputs(29));
}

TEST_CASE("loops nest, and an inner break leaves the inner loop only") {
  Program p;
  auto& b = p.b;
  const CellId sum = b.cell("sum");
  b.for_(b.integer(1), p.n, [&](ValueId i) {
    b.for_(b.integer(1), i, [&](ValueId j) {
      b.if_(b.compare(Op::greater, b.add(j, b.integer(2)), p.n), [&] { b.break_(); });
      b.store_cell(sum, b.add(b.load_cell(sum), b.to_real(b.multiply(i, j))));
    });
    b.store_cell(sum, b.add(b.load_cell(sum), p.x));
  });
  b.store(p.result, b.load_cell(sum), {});
  agrees_with_interpreter(p.function, inputs(33));
}

TEST_CASE("a lane whose check fails stops there; the others go on") {
  Program p;
  auto& b = p.b;
  const CellId sum = b.cell("sum");
  b.for_(b.integer(1), p.n, [&](ValueId i) {
    b.if_(b.compare(Op::greater, p.x, b.real(-1)), [&] {
      b.check(b.compare(Op::less, b.multiply(b.to_real(i), p.x), b.real(9)), 3, {i, p.x});
      b.store_cell(sum, b.add(b.load_cell(sum), b.real(1)));
    });
    b.store_cell(sum, b.add(b.load_cell(sum), b.to_real(i)));
  });
  b.check(b.compare(Op::not_equal, p.n, b.integer(4)), 5, {p.n});
  b.store(p.result, b.load_cell(sum), {});
  agrees_with_interpreter(p.function, inputs(33));
}

TEST_CASE("when every lane fails nothing after it runs") {
  Program p;
  p.b.reject(2, {p.x, p.n});
  p.b.while_([&] { return p.b.boolean(true); }, [] {});
  const auto results = test::run_lanes(p.function, inputs(5), {.lanes = 4});
  for (const DataSet& set : results) {
    REQUIRE(set.failure.has_value());
    CHECK(set.failure->message == 2);
    CHECK(set.failure->values[0] == set.variables.at(1).values[0]);
  }
  CHECK(test::last_status() == SIBYL_SOME_LANES_FAILED);
}

TEST_CASE("integers divide toward zero and wrap, in lanes that take part and in those that do not") {
  Program p;
  auto& b = p.b;
  const CellId result = b.cell("r", Type::integer);
  b.if_(b.compare(Op::not_equal, p.n, b.integer(0)), [&] {
    const ValueId large = b.add(b.multiply(p.n, b.integer(123456789)), b.integer(77));
    b.store_cell(result, b.add(b.divide(large, p.n), b.modulo(large, b.negate(p.n))));
  });
  b.store(p.result, b.to_real(b.load_cell(result)), {});
  agrees_with_interpreter(p.function, inputs(33));
}

TEST_CASE("an endless loop stops when it is interrupted") {
  Program p;
  p.b.while_([&] { return p.b.compare(Op::greater, p.x, p.b.real(-100)); }, [] {});
  for (const int lanes : {1, 8}) {
    test::run_lanes(p.function, inputs(1), {.lanes = lanes, .interrupted = 1});
    CHECK(test::last_status() == SIBYL_INTERRUPTED);
  }
}

TEST_CASE("print reports every lane that reaches it") {
  Program p;
  auto& b = p.b;
  b.if_(b.compare(Op::greater, p.x, b.real(0)), [&] { b.print(4, {p.x, p.n}); });
  const auto sets = inputs(13);
  test::run_lanes(p.function, sets, {.lanes = 8});
  std::size_t expected = 0;
  for (const DataSet& set : sets) expected += set.variables.at(1).values[0] > 0;
  REQUIRE(test::printed().size() == expected);
  CHECK(test::printed().front().message == 4);
  CHECK(test::printed().front().values[0] == 0.25);
}
