// Walks, whose lanes run out of step, give what one lane alone gives: bit for bit, with draws, failures and jumps.
#include "compiler/codegen/walks.hpp"
#include "compiler/ir/build.hpp"
#include "compiler/passes/hoist_guarded.hpp"
#include "tests/lane_calls.hpp"

#include <catch2/catch.hpp>

using namespace sibyl;
using namespace sibyl::ir;
using sibyl::test::DataSet;

namespace {

struct WalkOptions {
  bool checks = false, jumps = false, draws_around = false, nested = false, varying_start = false;
};

// n first passages of a random walk, each with its own threshold.
Function first_passages(const WalkOptions& options) {
  Function function;
  function.name = "transform_data";
  Builder b(function);
  const ArrayId n_in = b.array("n", Type::integer, 0, Binding::variable, 0);
  const ArrayId group = b.array("group", Type::integer, 1, Binding::variable, 1);
  const ArrayId drift = b.array("drift", Type::real, 1, Binding::variable, 2);
  const ArrayId times = b.array("times", Type::real, 2, Binding::variable, 3);
  const ValueId n = b.load(n_in, {}), zero = b.integer(0), one = b.integer(1);
  b.declare(times, {b.integer(2), n});
  const CellId x = b.cell("x"), t = b.cell("t", Type::integer);
  const auto passages = [&](ValueId row) {
    const ValueId first = options.varying_start ? b.modulo(n, b.integer(3)) : zero;
    b.for_(first, b.subtract(n, one), [&](ValueId i) {
      const ValueId scaled = b.multiply(b.to_real(i), b.real(0.01)); // a product that the tail adds
      b.store_cell(x, options.draws_around ? b.multiply(b.draw_uniform(1), b.real(0.3)) : b.real(0.1));
      b.store_cell(t, zero);
      if (options.checks) b.check(b.compare(Op::not_equal, b.add(i, n), b.integer(9)), 1, {i, n});
      b.while_([&] { return b.compare(Op::less, b.load_cell(x), b.real(2)); },
               [&] {
                 const ValueId noise = b.draw_normal(0);
                 const ValueId g = b.load(group, {i});
                 b.check(b.compare(Op::less, g, b.array_size(drift, 0)), 2, {g});
                 b.store_cell(t, b.add(b.load_cell(t), one));
                 if (options.jumps) {
                   b.if_(b.compare(Op::greater, b.load_cell(t), b.integer(25)), [&] { b.break_(); });
                   b.if_(b.compare(Op::greater, noise, b.real(1.5)), [&] { b.continue_(); });
                 }
                 const ValueId step = b.add(b.load(drift, {g}), b.multiply(b.real(0.4), noise));
                 b.store_cell(x, b.add(b.load_cell(x), step));
                 if (options.checks) b.check(b.compare(Op::greater, b.load_cell(x), b.real(-2.5)), 3, {b.load_cell(x)});
               });
      ValueId time = b.add(scaled, b.to_real(b.load_cell(t)));
      if (options.draws_around) time = b.add(time, b.draw_normal(2));
      if (options.checks) b.check(b.compare(Op::less, b.load_cell(t), b.integer(60)), 4, {b.load_cell(t)});
      b.store(times, time, {row, i});
    });
  };
  if (options.nested) b.for_(zero, one, passages);
  else passages(zero);
  return function;
}

std::vector<DataSet> data_sets(int count, int groups) {
  std::vector<DataSet> sets;
  for (int i = 0; i < count; ++i) {
    const int n = (i * 5) % 9;
    DataSet set;
    set.variables[0] = {{}, {double(n)}};
    test::Tensor group{{n}, {}};
    for (int k = 0; k < n; ++k) group.values.push_back((k * k + i) % groups);
    set.variables[1] = group;
    set.variables[2] = {{2}, {0.05 + 0.01 * i, 0.3}};
    sets.push_back(set);
  }
  return sets;
}

void same_for_all_lanes(const Function& function, const std::vector<DataSet>& sets) {
  for (const Precision precision : {Precision::f32, Precision::f64}) {
    test::LaneOptions options{.precision = precision, .seed = 5};
    const auto reference = test::run_lanes(function, sets, options);
    for (const int lanes : {4, 8, 16}) {
      options.lanes = lanes;
      INFO("lanes " << lanes);
      CHECK(test::same(reference, test::run_lanes(function, sets, options)));
    }
  }
}

} // namespace

TEST_CASE("a loop over walks is one, a loop over rejection sampling is not") {
  const Function walks = first_passages({});
  CHECK(codegen::find_walk(walks.body.back(), walks));
  Function rejection;
  Builder b(rejection);
  const CellId accepted = b.cell("accepted", Type::boolean), value = b.cell("value");
  b.for_(b.integer(0), b.integer(9), [&](ValueId) {
    b.while_([&] { return b.logical_not(b.load_cell(accepted)); },
             [&] {
               b.store_cell(value, b.draw_normal(0));
               b.store_cell(accepted, b.compare(Op::greater, b.load_cell(value), b.real(0)));
             });
  });
  CHECK_FALSE(codegen::find_walk(rejection.body.back(), rejection));
}

TEST_CASE("walks are the same for all numbers of lanes") { same_for_all_lanes(first_passages({}), data_sets(37, 2)); }

TEST_CASE("walks with draws before and after them") {
  same_for_all_lanes(first_passages({.draws_around = true}), data_sets(37, 2));
}

TEST_CASE("walks that lanes leave and skip") { same_for_all_lanes(first_passages({.jumps = true}), data_sets(37, 2)); }

TEST_CASE("walks in which lanes fail: before, at once, on the way and after") {
  same_for_all_lanes(first_passages({.checks = true}), data_sets(37, 2));
  same_for_all_lanes(first_passages({.checks = true, .draws_around = true}), data_sets(37, 3));
}

TEST_CASE("walks within another loop, from starts that differ") {
  same_for_all_lanes(first_passages({.jumps = true, .draws_around = true, .nested = true, .varying_start = true}),
                     data_sets(37, 2));
}

TEST_CASE("reads and checks move out of a walk with its first test, and change nothing") {
  for (const int groups : {2, 3}) {
    const Function plain = first_passages({.draws_around = true});
    Function hoisted = plain;
    hoist_guarded(hoisted);
    const auto count_loads = [](const Function& function) {
      std::size_t count = 0;
      for (const Instruction& instruction : function.body.back().blocks[0])
        if (instruction.op == Op::while_)
          for (const Instruction& inner : instruction.blocks[1]) count += inner.op == Op::load || inner.op == Op::check;
      return count;
    };
    CHECK(count_loads(plain) == 3);
    CHECK(count_loads(hoisted) == 0);
    for (const int lanes : {1, 16}) {
      const test::LaneOptions options{.lanes = lanes};
      CHECK(test::same(test::run_lanes(plain, data_sets(37, groups), options),
                       test::run_lanes(hoisted, data_sets(37, groups), options)));
    }
  }
}
