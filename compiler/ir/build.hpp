// Writing functions of the intermediate representation: numbers values, knows their types, nests blocks.
//
// Who makes IR (lowering, reverse mode) says what is computed; the builder numbers the results, derives their types
// from the operands, and folds what is already constant, so that `2 * 3` or `x * 1` never becomes an instruction.
// Nested blocks are written by callables:
//
//   Builder b(function);
//   CellId total = b.cell("total", Type::real);
//   b.for_(b.integer(1), n, [&](ValueId i) {
//     b.store_cell(total, b.add(b.load_cell(total), b.load(x, {b.subtract(i, b.integer(1))})));
//   });
#pragma once

#include "compiler/ir/ir.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sibyl::ir {

class Builder {
 public:
  // Appends to the function's body; values, cells and arrays that it already has keep their numbers.
  explicit Builder(Function& function);
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  Function& function() { return function_; }
  Type type(ValueId value) const { return types_.at(value); }
  // Where the value is a constant: its number (integers and booleans too).
  std::optional<double> constant(ValueId value) const;
  // What is emitted from now on belongs to this place of the model text.
  void set_span(Span span) { span_ = span; }
  Span span() const { return span_; }

  CellId cell(std::string name, Type type = Type::real);
  ArrayId array(std::string name, Type element, int rank, Binding binding = Binding::local,
                std::uint32_t variable = none);

  ValueId real(double number);
  ValueId integer(std::int32_t number);
  ValueId boolean(bool value);

  // Two reals or two integers.
  ValueId add(ValueId a, ValueId b) { return pure(Op::add, {a, b}); }
  ValueId subtract(ValueId a, ValueId b) { return pure(Op::subtract, {a, b}); }
  ValueId multiply(ValueId a, ValueId b) { return pure(Op::multiply, {a, b}); }
  ValueId divide(ValueId a, ValueId b) { return pure(Op::divide, {a, b}); }
  ValueId negate(ValueId a) { return pure(Op::negate, {a}); }
  ValueId modulo(ValueId a, ValueId b) { return pure(Op::modulo, {a, b}); }
  ValueId minimum(ValueId a, ValueId b) { return pure(Op::minimum, {a, b}); }
  ValueId maximum(ValueId a, ValueId b) { return pure(Op::maximum, {a, b}); }
  ValueId math(MathFunction function, std::vector<ValueId> arguments);
  ValueId to_real(ValueId a) { return pure(Op::to_real, {a}); }             // a real stays as it is
  ValueId to_integer(ValueId a) { return pure(Op::to_integer, {a}); }       // likewise an integer
  ValueId compare(Op op, ValueId a, ValueId b) { return pure(op, {a, b}); } // equal .. greater_equal
  ValueId is_nan(ValueId a) { return pure(Op::is_nan, {a}); }
  ValueId is_infinite(ValueId a) { return pure(Op::is_infinite, {a}); }
  ValueId logical_and(ValueId a, ValueId b) { return pure(Op::logical_and, {a, b}); }
  ValueId logical_or(ValueId a, ValueId b) { return pure(Op::logical_or, {a, b}); }
  ValueId logical_not(ValueId a) { return pure(Op::logical_not, {a}); }
  ValueId select(ValueId condition, ValueId if_true, ValueId if_false);
  ValueId hold(ValueId a) { return pure(Op::hold, {a}); } // without its derivative

  ValueId load_cell(CellId cell);
  void store_cell(CellId cell, ValueId value);
  void declare(ArrayId array, std::vector<ValueId> sizes, bool zeros = false);
  ValueId load(ArrayId array, std::vector<ValueId> indices);
  void store(ArrayId array, ValueId value, std::vector<ValueId> indices);
  ValueId array_size(ArrayId array, int dimension);
  ValueId draw_uniform(std::uint32_t site);
  ValueId draw_normal(std::uint32_t site);
  void check(ValueId condition, std::uint32_t message, std::vector<ValueId> reported = {});
  void reject(std::uint32_t message, std::vector<ValueId> reported = {});
  void print(std::uint32_t message, std::vector<ValueId> values);
  void tape_push(ValueId value);
  ValueId tape_pop(Type type);
  ValueId argument(std::uint32_t index); // of the function's `arguments`
  void give(std::vector<ValueId> results);
  ValueId call(std::uint32_t callee, Type result, std::vector<ValueId> arguments, bool as_constant = false);
  ValueId result_of(ValueId call, std::uint32_t index, Type type);

  using Body = std::function<void()>;
  // A constant condition emits the chosen block alone, in place.
  void if_(ValueId condition, const Body& then, const Body& otherwise = {});
  void for_(ValueId first, ValueId last, const std::function<void(ValueId)>& body, bool descending = false);
  // `condition` emits the condition's block and returns its boolean.
  void while_(const std::function<ValueId()>& condition, const Body& body);
  void break_();
  void continue_();

  // Any instruction as it is, into the current block; numbers its result (unless Type::none) and returns it.
  ValueId emit(Instruction instruction);
  // What `body` emits, as a block of its own that is not yet anywhere; `append` puts its instructions where they shall
  // be, with the numbers that they have.
  Block capture(const Body& body);
  // Of the block that is being written: no other has its number.
  std::uint32_t block_number() const { return block_number_; }
  // How often something was written into the array so far.
  std::uint32_t writes_to(ArrayId array) const { return array < writes_.size() ? writes_[array] : 0; }
  void append(Instruction instruction) { block_->push_back(std::move(instruction)); }
  // A pure operation (constant .. hold) of the given operands: its type is derived, trivial cases are folded.
  ValueId pure(Op op, std::vector<ValueId> operands, std::uint32_t id = none);

 private:
  ValueId literal(Type type, double number);
  void into(Block& block, const Body& body);

  Function& function_;
  Block* block_;
  std::uint32_t block_number_ = 0, block_count_ = 1;
  Span span_;
  std::vector<Type> types_;     // by value
  std::vector<bool> constants_; // by value: is a constant, with its number in numbers_
  std::vector<double> numbers_;
  std::vector<std::uint32_t> writes_; // by array
};

// The type that a pure operation has for operands of these types; InternalError where they do not fit.
Type result_type(Op op, const std::vector<Type>& operands);

} // namespace sibyl::ir
