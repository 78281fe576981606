// The operations of the intermediate representation, one row each in a table of what may be assumed of them.
//
// The builder, the verifier, the printer, the passes and the code generator ask this table, so that none of them lists
// operations by what they have in common. To add an operation, write
//   - its name and its row here,
//   - what it computes in evaluate.cpp, where it is pure (constant folding, and the tests' reference interpreter),
//   - its rule in passes/derivatives.cpp, where it is differentiable,
//   - its code in codegen/emit_values.cpp, where it is pure; else in codegen/emit.cpp and the file of its subject.
// A pure operation needs no more: it is typed, checked, printed, folded, shared, moved, dropped and kept uniform by its
// row. `Builder::pure` writes it; a member function of the builder reads better where it is written often.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sibyl::ir {

enum class Op : std::uint8_t {
  constant, // `number` as real, integer or boolean (0 or 1) by the result's type
  add,
  subtract,
  multiply,
  divide,
  negate, // real or integer; integer divide truncates toward zero
  fma,    // reals: operand 0 * operand 1 + operand 2, rounded once
  modulo, // integers, sign of the dividend
  minimum,
  maximum,    // integers
  math,       // real; `id` is the MathFunction
  to_real,    // integer or boolean to real
  to_integer, // real (truncated toward zero) or boolean to integer
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal, // two reals or two integers to boolean; false on NaN but not_equal
  is_nan,
  is_infinite,
  logical_and,
  logical_or,
  logical_not, // booleans; both sides are evaluated
  select,      // (boolean, if true, if false): both sides are evaluated
  hold,        // operand 0, a real, taken as constant: no derivative passes through it
  load_cell,   // `id`: the cell
  store_cell,  // `id`: the cell; operand 0
  declare,     // `id`: the array; operands: its sizes (integer, >= 0 and with a product of at most most_elements:
               // others must have been checked). Fresh storage, filled with NaN or the smallest integer unless `number`
               // is 1: then with zeros.
  load,        // `id`: the array; operands: indices
  store,       // `id`: the array; operands: the value, then indices
  array_size,  // `id`: the array; `number`: the dimension; this lane's extent
  draw_uniform, // real in (0, 1); `id`: the site
  draw_normal,  // real, standard normal; `id`: the site
  check,        // operand 0: boolean; the others: values to report. `id`: the message. Fails when false.
  reject,       // operands: values to report; `id`: the message. Fails.
  print,        // operands: values; `id`: the message
  if_,          // operand 0: boolean; blocks: then, else (else may be empty)
  for_, // operands: first, last; result: the loop variable (integer); blocks: body. `number` 1: from last down to first
  while_, // blocks: condition (its last instruction is `yield`), body
  yield,  // operand 0: boolean
  break_,
  continue_, // of the innermost for_ or while_
  tape_push, // operand 0: saved for the reverse sweep
  tape_pop,  // what was pushed last and not yet popped, of the result's type
  argument,  // of a callee; `number`: which
  give,      // ends a callee's body; operands: its results
  call,      // the first result of a callee; `id`: the callee; operands: its arguments. `number` 1: as a constant, no
             // derivative passes through it
  result_of, // operand 0: a call; `number`: which of its results, from 1 on
  has_stack, // boolean: there is room on the stack for a call within this one
  with_slopes, // operand 0, whose derivatives by operands 1, 3, ... are operands 2, 4, ...
};

// What may be assumed of an operation.
namespace trait {
using Traits = std::uint32_t;
enum : Traits {
  // The result depends on the operands (and `id` and `number`) alone, and there is no effect: it may be folded, shared,
  // computed earlier, again, or not at all.
  pure = 1 << 0,
  // The same with its two operands exchanged.
  commutative = 1 << 1,
  // Costs less than a branch around it, and does no harm in a lane that takes no part.
  cheap = 1 << 2,
  // A real result varies smoothly with the real operands, by a rule of passes/derivatives.cpp.
  differentiable = 1 << 3,
  // Undefined for some operands (an integer divisor of 0, an index out of range, a negative size), which a `check`
  // before it keeps away: it must not run where that check has not. Division of reals is always defined.
  undefined = 1 << 4,
  // Ends the lanes that fail.
  may_fail = 1 << 5,
  // Is seen by the user while it happens.
  visible = 1 << 6,
  // Leaves an iteration or a loop.
  leaves = 1 << 7,
  // May run for ever.
  may_not_end = 1 << 8,
  // The cell's value, or elements of the array.
  reads = 1 << 9,
  writes = 1 << 10,
  // Reads the array's sizes.
  measures = 1 << 11,
  // Sets the array's sizes and provides its storage.
  declares = 1 << 12,
  // A random number: the same whenever it is drawn in the same iteration of the same loops.
  draws = 1 << 13,
  // Moves the top of the tape.
  tape = 1 << 14,
  // Lanes differ in the result whether or not they agree in the operands.
  varies = 1 << 15,
  // Hands its operands to the caller of the function.
  gives = 1 << 16,
};
} // namespace trait

// What `id` is the number of.
enum class Subject : std::uint8_t { nothing, function, cell, array, site, message, callee };

struct OpFact {
  Op op;
  std::string_view name; // as printed
  // The operands' types, ">", the result's type; nothing behind ">": there is none.
  //   r i b  real, integer, boolean
  //   n      real or integer, a  any type: each time the same one within a row
  //   o      any type but the result's
  //   e      the type of the cell, or of the array's elements
  //   t      the instruction's own type, which nothing else decides
  //   *      what is before it once for each of the array's dimensions, or of the function's arguments
  //   ...    any number of values
  std::string_view signature;
  trait::Traits traits = 0;
  Subject subject = Subject::nothing;
  int blocks = 0;
};

// By the enumeration's order.
inline constexpr auto operations = [] {
  using namespace trait;
  return std::to_array<OpFact>({
      {Op::constant, "constant", ">t", pure | cheap},
      {Op::add, "add", "nn>n", pure | cheap | commutative | differentiable},
      {Op::subtract, "subtract", "nn>n", pure | cheap | differentiable},
      {Op::multiply, "multiply", "nn>n", pure | cheap | commutative | differentiable},
      {Op::divide, "divide", "nn>n", pure | differentiable | undefined},
      {Op::negate, "negate", "n>n", pure | cheap | differentiable},
      {Op::fma, "fma", "rrr>r", pure | differentiable},
      {Op::modulo, "modulo", "ii>i", pure | undefined},
      {Op::minimum, "minimum", "ii>i", pure | cheap | commutative},
      {Op::maximum, "maximum", "ii>i", pure | cheap | commutative},
      {Op::math, "math", "r*>r", pure | differentiable, Subject::function},
      {Op::to_real, "to_real", "o>r", pure | cheap},
      {Op::to_integer, "to_integer", "o>i", pure},
      {Op::equal, "equal", "nn>b", pure | cheap | commutative},
      {Op::not_equal, "not_equal", "nn>b", pure | cheap | commutative},
      {Op::less, "less", "nn>b", pure | cheap},
      {Op::less_equal, "less_equal", "nn>b", pure | cheap},
      {Op::greater, "greater", "nn>b", pure | cheap},
      {Op::greater_equal, "greater_equal", "nn>b", pure | cheap},
      {Op::is_nan, "is_nan", "r>b", pure | cheap},
      {Op::is_infinite, "is_infinite", "r>b", pure | cheap},
      {Op::logical_and, "logical_and", "bb>b", pure | cheap | commutative},
      {Op::logical_or, "logical_or", "bb>b", pure | cheap | commutative},
      {Op::logical_not, "logical_not", "b>b", pure | cheap},
      {Op::select, "select", "baa>a", pure | cheap | differentiable},
      {Op::hold, "hold", "r>r", pure | cheap},
      {Op::load_cell, "load_cell", ">e", reads | cheap, Subject::cell},
      {Op::store_cell, "store_cell", "e>", writes | cheap, Subject::cell},
      {Op::declare, "declare", "i*>", declares | undefined, Subject::array},
      {Op::load, "load", "i*>e", reads | undefined | varies, Subject::array},
      {Op::store, "store", "ei*>", writes | undefined, Subject::array},
      {Op::array_size, "array_size", ">i", measures, Subject::array},
      {Op::draw_uniform, "draw_uniform", ">r", draws | varies, Subject::site},
      {Op::draw_normal, "draw_normal", ">r", draws | varies, Subject::site},
      {Op::check, "check", "b...>", may_fail, Subject::message},
      {Op::reject, "reject", "...>", may_fail, Subject::message},
      {Op::print, "print", "...>", visible, Subject::message},
      {Op::if_, "if", "b>", 0, Subject::nothing, 2},
      {Op::for_, "for", "ii>i", 0, Subject::nothing, 1},
      {Op::while_, "while", ">", may_not_end, Subject::nothing, 2},
      {Op::yield, "yield", "b>"},
      {Op::break_, "break", ">", leaves},
      {Op::continue_, "continue", ">", leaves},
      {Op::tape_push, "tape_push", "a>", tape},
      {Op::tape_pop, "tape_pop", ">t", tape | varies},
      {Op::argument, "argument", ">t", cheap | varies},
      {Op::give, "give", "...>", gives},
      // Not to be run where the text does not: it may call itself for ever, or reject.
      {Op::call, "call", "...>t", pure | differentiable | undefined | may_not_end, Subject::callee},
      {Op::result_of, "result_of", "a>t", pure | cheap},
      {Op::has_stack, "has_stack", ">b"},
      {Op::with_slopes, "with_slopes", "r...>r", pure | cheap | differentiable},
  });
}();

constexpr std::optional<Op> find_operation(std::string_view name) {
  for (const OpFact& row : operations)
    if (row.name == name) return row.op;
  return std::nullopt;
}
constexpr const OpFact& fact(Op op) { return operations[static_cast<std::size_t>(op)]; }
// Whether it has one of the traits.
constexpr bool has(Op op, trait::Traits any_of) { return (fact(op).traits & any_of) != 0; }
constexpr bool is_pure(Op op) { return has(op, trait::pure); }
// Pure, and what it computes follows from operands and `id` alone, its type included.
constexpr bool is_folding(Op op) { return is_pure(op) && fact(op).signature.back() != 't'; }
constexpr bool is_comparison(Op op) { return fact(op).signature == "nn>b"; }
// An `if_` or a loop: it owns blocks.
constexpr bool is_region(Op op) { return fact(op).blocks > 0; }

constexpr bool reads_cell(Op op) { return fact(op).subject == Subject::cell && has(op, trait::reads); }
constexpr bool writes_cell(Op op) { return fact(op).subject == Subject::cell && has(op, trait::writes); }
constexpr bool reads_array(Op op) { return fact(op).subject == Subject::array && has(op, trait::reads); }
constexpr bool writes_array(Op op) { return fact(op).subject == Subject::array && has(op, trait::writes); }

constexpr bool has_row_for_every_operation() {
  for (std::size_t i = 0; i < operations.size(); ++i)
    if (operations[i].op != static_cast<Op>(i)) return false;
  return operations.size() == static_cast<std::size_t>(Op::with_slopes) + 1;
}
static_assert(has_row_for_every_operation());

} // namespace sibyl::ir
