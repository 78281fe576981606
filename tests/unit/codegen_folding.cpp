// What is folded while a text is compiled is what machine code computes, in double and in float, down to the sign of
// zero.
#include "compiler/ir/build.hpp"
#include "compiler/ir/evaluate.hpp"
#include "tests/lane_calls.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace sibyl;
using namespace sibyl::ir;
using sibyl::test::DataSet;

namespace {

struct Operation {
  Op op;
  std::uint32_t id = none; // MathFunction
  int operands = 2;
  Type type = Type::real; // of the operands
};

std::vector<Operation> tested() {
  std::vector<Operation> all;
  for (const Op op : {Op::add, Op::subtract, Op::multiply, Op::divide}) all.push_back({op});
  for (const Op op : {Op::equal, Op::not_equal, Op::less, Op::less_equal, Op::greater, Op::greater_equal})
    for (const Type type : {Type::real, Type::integer}) all.push_back({op, none, 2, type});
  for (const Op op : {Op::negate, Op::to_integer, Op::is_nan, Op::is_infinite}) all.push_back({op, none, 1});
  for (std::size_t i = 0; i < math_function_count; ++i)
    all.push_back({Op::math, static_cast<std::uint32_t>(i), math_functions[i].arguments});
  for (const Op op : {Op::add, Op::subtract, Op::multiply, Op::divide, Op::modulo, Op::minimum, Op::maximum})
    all.push_back({op, none, 2, Type::integer});
  for (const Op op : {Op::negate, Op::to_real}) all.push_back({op, none, 1, Type::integer});
  return all;
}

const std::vector<double> reals = {0.0,
                                   -0.0,
                                   1,
                                   -1,
                                   0.5,
                                   -0.5,
                                   2.5,
                                   -3.5,
                                   0.1,
                                   0.3,
                                   1e-3,
                                   16777217,
                                   2147483646.7,
                                   2147483648.0,
                                   -2147483649.0,
                                   1e10,
                                   -1e10,
                                   1e30,
                                   1e-30,
                                   1e300,
                                   1e-300,
                                   0.49999999999999994,
                                   std::numeric_limits<double>::infinity(),
                                   -std::numeric_limits<double>::infinity(),
                                   std::numeric_limits<double>::quiet_NaN()};
const std::vector<double> integers = {0, 1, -1, 2, -2, 7, -7, 3, 46341, 65536, 2147483647, -2147483647, -2147483648.0};

bool same(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

} // namespace

TEST_CASE("what is folded is what machine code computes") {
  std::size_t folded = 0;
  for (const Operation& one : tested()) {
    Function function;
    function.name = "transform_data";
    Builder b(function);
    const ArrayId first = b.array("a", one.type, 0, Binding::variable, 0);
    const ArrayId second = b.array("b", one.type, 0, Binding::variable, 1);
    std::vector<ValueId> operands{b.load(first, {})};
    if (one.operands == 2) operands.push_back(b.load(second, {}));
    const ValueId value =
        one.op == Op::math ? b.math(static_cast<MathFunction>(one.id), operands) : b.pure(one.op, operands);
    const Type result = b.type(value);
    const ArrayId out = b.array("out", result == Type::boolean ? Type::integer : result, 0, Binding::variable, 2);
    b.declare(out, {});
    b.store(out, result == Type::boolean ? b.to_integer(value) : value, {});

    const std::vector<double>& values = one.type == Type::real ? reals : integers;
    const bool divides = one.type == Type::integer && (one.op == Op::divide || one.op == Op::modulo);
    std::vector<DataSet> sets;
    for (const double x : values)
      for (const double y : values) {
        if (divides && y == 0) continue;
        DataSet set;
        set.variables[0] = {{}, {x}};
        set.variables[1] = {{}, {y}};
        sets.push_back(set);
      }
    for (const Precision precision : {Precision::f64, Precision::f32}) {
      test::LaneOptions options;
      options.lanes = 8;
      options.precision = precision;
      const auto computed = test::run_lanes(function, sets, options);
      for (std::size_t i = 0; i < sets.size(); ++i) {
        std::vector<std::optional<double>> constants{sets[i].variables[0].values[0]};
        if (one.operands == 2) constants.push_back(sets[i].variables[1].values[0]);
        const auto known = fold(one.op, one.id, std::vector<Type>(constants.size(), one.type), constants);
        if (!known) continue;
        ++folded;
        const double expected =
            result == Type::real && precision == Precision::f32 ? static_cast<float>(*known) : *known;
        INFO("operation " << static_cast<int>(one.op) << ", function " << one.id << " of " << *constants[0] << ", "
                          << constants.back().value());
        INFO(*known << " was folded, " << computed[i].variables.at(2).values[0] << " is computed");
        CHECK(same(computed[i].variables.at(2).values[0], expected));
      }
    }
  }
  CHECK(folded > 5000);
}
