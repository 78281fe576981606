// Arrays over lanes: sizes that differ, indices that differ, memory that runs out; the tape; draws.
#include "compiler/ir/build.hpp"
#include "tests/lane_calls.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace sibyl;
using namespace sibyl::ir;
using sibyl::test::DataSet;
using sibyl::test::Tensor;

namespace {

// Data sets with a size n and a vector of that size.
std::vector<DataSet> vectors(int count) {
  std::vector<DataSet> sets;
  for (int i = 0; i < count; ++i) {
    const int n = (i * 5) % 7 + 1;
    DataSet set;
    set.variables[0] = {{}, {double(n)}};
    Tensor x{{n}, std::vector<double>(static_cast<std::size_t>(n))};
    std::iota(x.values.begin(), x.values.end(), 10.0 * i);
    set.variables[1] = x;
    sets.push_back(set);
  }
  return sets;
}

struct Program {
  Function function;
  Builder b{function};
  ArrayId n_in, x_in;
  ValueId n;

  Program() {
    function.name = "transform_data";
    n_in = b.array("n", Type::integer, 0, Binding::variable, 0);
    x_in = b.array("x", Type::real, 1, Binding::variable, 1);
    n = b.load(n_in, {});
  }
};

const int all_lanes[] = {1, 4, 8, 16};
// With and without instructions that read or write where each lane wants to.
const char* const processors[] = {"native", "x86-64"};

} // namespace

TEST_CASE("an output has each lane's own size") {
  Program p;
  auto& b = p.b;
  const ArrayId y = b.array("y", Type::real, 2, Binding::variable, 2);
  b.declare(y, {p.n, b.integer(2)});
  b.for_(b.integer(0), b.subtract(p.n, b.integer(1)), [&](ValueId i) {
    b.store(y, b.load(p.x_in, {i}), {i, b.integer(0)});
    b.store(y, b.negate(b.load(p.x_in, {b.subtract(b.subtract(p.n, b.integer(1)), i)})), {i, b.integer(1)});
  });
  for (const int lanes : all_lanes)
    for (const DataSet& set : test::run_lanes(p.function, vectors(19), {.lanes = lanes})) {
      const Tensor &x = set.variables.at(1), &result = set.variables.at(2);
      const auto size = x.values.size();
      REQUIRE(result.sizes == std::vector<std::int32_t>{x.sizes[0], 2});
      for (std::size_t i = 0; i < size; ++i) {
        CHECK(result.values[2 * i] == x.values[i]);
        CHECK(result.values[2 * i + 1] == -x.values[size - 1 - i]);
      }
    }
}

TEST_CASE("what is declared and not written is NaN, or the smallest integer, or zero on request") {
  Program p;
  auto& b = p.b;
  const ArrayId real = b.array("real", Type::real, 1, Binding::variable, 2);
  const ArrayId integer = b.array("integer", Type::integer, 1, Binding::variable, 3);
  const ArrayId zero = b.array("zero", Type::real, 1, Binding::variable, 4);
  b.declare(real, {p.n});
  b.declare(integer, {p.n});
  b.declare(zero, {p.n}, true);
  for (const int lanes : all_lanes)
    for (const DataSet& set : test::run_lanes(p.function, vectors(5), {.lanes = lanes})) {
      for (const double value : set.variables.at(2).values) CHECK(std::isnan(value));
      for (const double value : set.variables.at(3).values) CHECK(value == std::numeric_limits<std::int32_t>::min());
      for (const double value : set.variables.at(4).values) CHECK(value == 0);
    }
}

TEST_CASE("a lane that fails its range check does not touch memory") {
  Program p;
  auto& b = p.b;
  const ArrayId y = b.array("y", Type::real, 1, Binding::variable, 2);
  b.declare(y, {p.n});
  // Indices far out of range in all lanes with more than four elements.
  const ValueId i = b.select(b.compare(Op::greater, p.n, b.integer(4)), b.integer(1 << 29), b.integer(0));
  b.check(b.compare(Op::less, i, b.array_size(y, 0)), 1, {i});
  b.store(y, b.load(p.x_in, {i}), {i});
  for (const char* processor : processors)
    for (const int lanes : all_lanes)
      for (const DataSet& set : test::run_lanes(p.function, vectors(19), {.lanes = lanes, .processor = processor})) {
        REQUIRE(set.failure.has_value() == (set.variables.at(0).values[0] > 4));
        if (set.failure) CHECK(set.failure->values[0] == 1 << 29);
        else CHECK(set.variables.at(2).values[0] == set.variables.at(1).values[0]);
      }
}

TEST_CASE("temporaries of a loop's body are released after each iteration") {
  Program p;
  auto& b = p.b;
  const ArrayId sum_out = b.array("sum", Type::real, 0, Binding::variable, 2);
  const ArrayId temporary = b.array("t", Type::real, 1);
  b.declare(sum_out, {});
  const CellId sum = b.cell("sum");
  b.for_(b.integer(1), b.integer(10000), [&](ValueId) {
    b.declare(temporary, {b.add(p.n, b.integer(100))});
    b.store(temporary, b.real(1), {b.subtract(p.n, b.integer(1))});
    b.store_cell(sum, b.add(b.load_cell(sum), b.load(temporary, {b.subtract(p.n, b.integer(1))})));
  });
  b.store(sum_out, b.load_cell(sum), {});
  for (const int lanes : all_lanes) {
    const auto results = test::run_lanes(p.function, vectors(9), {.lanes = lanes, .arena_bytes = 1 << 16});
    REQUIRE(test::last_status() == SIBYL_OK);
    for (const DataSet& set : results) CHECK(set.variables.at(2).values[0] == 10000);
  }
}

TEST_CASE("too small an arena or tape is reported, not overrun") {
  Program p;
  auto& b = p.b;
  const ArrayId y = b.array("y", Type::real, 1, Binding::variable, 2);
  b.declare(y, {b.integer(1000)});
  test::run_lanes(p.function, vectors(1), {.lanes = 4, .arena_bytes = 4096});
  CHECK(test::last_status() == SIBYL_ARENA_EXHAUSTED);

  Program q;
  q.b.for_(q.b.integer(1), q.b.integer(1000), [&](ValueId i) { q.b.tape_push(q.b.to_real(i)); });
  test::run_lanes(q.function, vectors(1), {.lanes = 4, .tape_bytes = 4096});
  CHECK(test::last_status() == SIBYL_TAPE_EXHAUSTED);
}

TEST_CASE("the tape gives back what was pushed in branches and loops that lanes do not share") {
  for (const bool fails : {false, true}) {
    Program p;
    auto& b = p.b;
    const ArrayId out = b.array("out", Type::real, 0, Binding::variable, 2);
    b.declare(out, {});
    const ValueId odd = b.compare(Op::equal, b.modulo(p.n, b.integer(2)), b.integer(1));
    b.for_(b.integer(0), b.subtract(p.n, b.integer(1)), [&](ValueId i) {
      b.if_(odd, [&] { b.tape_push(b.load(p.x_in, {i})); });
      b.tape_push(i);
    });
    // A lane that fails between the sweeps must not disturb the others' tape.
    if (fails) b.check(b.compare(Op::not_equal, p.n, b.integer(7)), 1, {});
    const CellId sum = b.cell("sum");
    b.for_(
        b.integer(0), b.subtract(p.n, b.integer(1)),
        [&](ValueId i) {
          const ValueId popped = b.tape_pop(Type::integer);
          b.check(b.compare(Op::equal, popped, i), 2, {popped, i});
          b.if_(odd, [&] {
            const ValueId value = b.multiply(b.tape_pop(Type::real), b.to_real(b.add(i, b.integer(1))));
            b.store_cell(sum, b.add(b.load_cell(sum), value));
          });
        },
        true);
    b.store(out, b.load_cell(sum), {});
    for (const char* processor : processors)
      for (const int lanes : all_lanes)
        for (const DataSet& set : test::run_lanes(p.function, vectors(19), {.lanes = lanes, .processor = processor})) {
          const Tensor& x = set.variables.at(1);
          double expected = 0;
          for (std::size_t i = 0; i < x.values.size(); ++i) expected += x.values[i] * static_cast<double>(i + 1);
          if (x.values.size() % 2 == 0) expected = 0;
          REQUIRE(set.failure.has_value() == (fails && x.values.size() == 7));
          if (!set.failure) CHECK(set.variables.at(2).values[0] == expected);
        }
  }
}

TEST_CASE("draws depend on seed, index, site and iteration, and on nothing else") {
  Program p;
  auto& b = p.b;
  const ArrayId y = b.array("y", Type::real, 3, Binding::variable, 2);
  const ArrayId single = b.array("z", Type::real, 1, Binding::variable, 3);
  b.declare(y, {b.integer(3), p.n, b.integer(9)});
  b.declare(single, {b.integer(3)});
  b.store(single, b.draw_normal(0), {b.integer(0)});
  b.store(single, b.draw_uniform(1), {b.integer(1)});
  b.for_(b.integer(0), b.integer(2), [&](ValueId i) {
    b.for_(b.integer(0), b.subtract(p.n, b.integer(1)), [&](ValueId j) {
      b.for_(b.integer(0), b.integer(8), [&](ValueId k) {
        b.if_(
            b.compare(Op::equal, b.modulo(k, p.n), b.integer(0)),
            [&] {
              b.store(y, b.draw_uniform(2), {i, j, k});
            },
            [&] {
              b.store(y, b.draw_normal(3), {i, j, k});
            });
      });
    });
  });
  b.store(single, b.draw_normal(4), {b.integer(2)});

  for (const Precision precision : {Precision::f32, Precision::f64}) {
    test::LaneOptions options{.precision = precision, .seed = 42, .first_index = 0xfffffff8};
    const auto reference = test::run_lanes(p.function, vectors(19), options);
    for (const int lanes : {4, 8, 16}) {
      options.lanes = lanes;
      CHECK(test::same(reference, test::run_lanes(p.function, vectors(19), options)));
    }
    // Another batch: the same data sets from the third on.
    auto later = vectors(19);
    later.erase(later.begin(), later.begin() + 3);
    options.first_index += 3;
    const auto shifted = test::run_lanes(p.function, later, options);
    CHECK(test::same({reference.begin() + 3, reference.end()}, shifted));

    std::vector<double> values;
    for (const DataSet& set : reference) {
      for (const std::uint32_t variable : {2u, 3u})
        for (const double value : set.variables.at(variable).values) values.push_back(value);
    }
    std::sort(values.begin(), values.end());
    // No number is used twice (in single precision some of so many would coincide by chance).
    if (precision == Precision::f64) CHECK(std::adjacent_find(values.begin(), values.end()) == values.end());
    options.seed = 43;
    options.first_index = 0xfffffff8;
    CHECK_FALSE(test::same(reference, test::run_lanes(p.function, vectors(19), options)));
  }
}
