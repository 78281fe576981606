// The table of operations against what they compute: a property that a pass relies on must hold.
#include "compiler/ir/build.hpp"
#include "compiler/ir/evaluate.hpp"
#include "compiler/ir/typing.hpp"
#include "compiler/passes/derivatives.hpp"
#include "lang/errors.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace sibyl;
using namespace sibyl::ir;

namespace {

const std::vector<Type> types{Type::real, Type::integer, Type::boolean};

std::vector<double> samples(Type type) {
  switch (type) {
  case Type::real: return {-2.5, -0.0, 0.0, 0.75, 3, INFINITY, NAN};
  case Type::integer: return {-7, -1, 0, 1, 2, 2147483647.0};
  default: return {0, 1};
  }
}

// All types that one or two operands of the operation may have.
std::vector<std::vector<Type>> operand_types(Op op, std::size_t count) {
  std::vector<std::vector<Type>> all;
  for (Type a : types)
    for (Type b : types) {
      const std::vector<Type> operands = count == 1 ? std::vector{a} : std::vector{a, b};
      if (fit(op, operands, {.repeats = count}).mismatch.empty()) all.push_back(operands);
      if (count == 1) break;
    }
  return all;
}

bool same(std::optional<double> a, std::optional<double> b) {
  return a.has_value() == b.has_value() && (!a || *a == *b || (std::isnan(*a) && std::isnan(*b)));
}

// Whether exchanging the operands never shows.
bool exchanges(Op op) {
  for (const auto& operands : operand_types(op, 2))
    for (double a : samples(operands[0]))
      for (double b : samples(operands[1]))
        if (!same(evaluate(op, none, operands, {a, b}), evaluate(op, none, operands, {b, a}))) return false;
  return true;
}

// Whether it has no value for some operands.
bool is_undefined_somewhere(Op op, std::size_t count) {
  for (const auto& operands : operand_types(op, count))
    for (double a : samples(operands[0]))
      for (double b : samples(operands.back())) {
        const std::vector<double> values = count == 1 ? std::vector{a} : std::vector{a, b};
        if (!evaluate(op, none, operands, values)) return true;
      }
  return false;
}

bool has_rule(Op op, std::size_t operands) {
  Function function;
  Builder b(function);
  RulePlace place{.result = b.load_cell(b.cell("r")), .adjoint = b.load_cell(b.cell("a"))};
  for (std::size_t i = 0; i < operands; ++i)
    place.operands.push_back(
        b.load_cell(b.cell("x", fact(op).signature.substr(0, i + 1).ends_with('b') ? Type::boolean : Type::real)));
  const Instruction instruction{.op = op, .type = Type::real, .id = 0, .operands = place.operands};
  std::vector<bool> wanted;
  for (std::size_t i = 0; i < operands; ++i) wanted.push_back(is_differentiable(instruction, i));
  std::vector<bool> contributed(operands);
  try {
    differentiate(b, instruction, place, wanted, [&](std::size_t i, ValueId) { contributed[i] = true; });
  } catch (const InternalError&) {
    return false;
  }
  return contributed == wanted && std::count(wanted.begin(), wanted.end(), true) > 0;
}

std::size_t operand_count(const OpFact& row) {
  if (row.op == Op::math) return 1;        // exp
  if (row.op == Op::with_slopes) return 3; // by one variable
  return row.signature.find('>');
}

} // namespace

TEST_CASE("a pure operation is undefined and commutes where the table says so") {
  for (const OpFact& row : operations) {
    const std::size_t count = operand_count(row);
    if (!is_folding(row.op) || row.op == Op::math || count > 2) continue;
    INFO(row.name);
    CHECK(has(row.op, trait::undefined) == is_undefined_somewhere(row.op, count));
    if (count == 2) CHECK(has(row.op, trait::commutative) == exchanges(row.op));
  }
}

TEST_CASE("a differentiable operation has its rule, and no other has one") {
  for (const OpFact& row : operations) {
    if (!is_folding(row.op)) continue; // a call's derivative is made before reverse mode
    INFO(row.name);
    CHECK(has(row.op, trait::differentiable) == has_rule(row.op, operand_count(row)));
  }
}

TEST_CASE("what is run in lanes that take no part is always defined") {
  for (const OpFact& row : operations) {
    INFO(row.name);
    using namespace trait;
    if (has(row.op, cheap)) CHECK_FALSE(has(row.op, undefined | may_fail | visible | leaves | may_not_end | tape));
    if (has(row.op, trait::pure))
      CHECK_FALSE(has(row.op, reads | writes | measures | declares | draws | tape | varies));
  }
}

TEST_CASE("signatures decide which operands fit") {
  CHECK(fit(Op::add, {Type::integer, Type::integer}, {}).result == Type::integer);
  CHECK(fit(Op::add, {Type::integer, Type::real}, {}).mismatch == "operand 1 has the wrong type");
  CHECK(fit(Op::add, {Type::boolean, Type::boolean}, {}).mismatch == "operand 0 has the wrong type");
  CHECK(fit(Op::less, {Type::real}, {}).mismatch == "1 operands instead of 2");
  CHECK(fit(Op::to_real, {Type::boolean}, {}).result == Type::real);
  CHECK_FALSE(fit(Op::to_real, {Type::real}, {}).mismatch.empty());
  CHECK(fit(Op::select, {Type::boolean, Type::integer, Type::integer}, {}).result == Type::integer);
  CHECK(fit(Op::select, {Type::boolean, Type::integer, Type::real}, {}).mismatch == "operand 2 has the wrong type");
  CHECK(fit(Op::store, {Type::real, Type::integer, Type::integer}, {.element = Type::real, .repeats = 2}).mismatch ==
        "");
  CHECK(fit(Op::load, {}, {.element = Type::integer, .repeats = 0}).result == Type::integer);
  CHECK(fit(Op::check, {}, {}).mismatch == "fewer than 1 operands");
  CHECK(fit(Op::check, {Type::boolean, Type::real, Type::integer}, {}).mismatch == "");
  CHECK(fit(Op::tape_pop, {}, {.own = Type::boolean}).result == Type::boolean);
}
