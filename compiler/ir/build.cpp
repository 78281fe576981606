#include "compiler/ir/build.hpp"

#include "compiler/ir/evaluate.hpp"
#include "compiler/ir/traverse.hpp"
#include "compiler/ir/typing.hpp"
#include "lang/errors.hpp"

#include <fmt/format.h>

#include <utility>

namespace sibyl::ir {
Type result_type(Op op, const std::vector<Type>& operands) {
  if (!is_folding(op))
    throw InternalError("not a pure operation of operands in the intermediate representation");
  const Fit found = fit(op, operands, {.repeats = operands.size()});
  if (!found.mismatch.empty())
    throw InternalError(fmt::format("`{}` in the intermediate representation: {}", fact(op).name, found.mismatch));
  return found.result;
}

Builder::Builder(Function& function) : function_(function), block_(&function.body) {
  types_.assign(function.value_count, Type::none);
  constants_.assign(function.value_count, false);
  numbers_.assign(function.value_count, 0);
  for_each(function.body, [&](const Instruction& instruction) {
    if (instruction.result == none) return;
    types_.at(instruction.result) = instruction.type;
    constants_[instruction.result] = instruction.op == Op::constant;
    numbers_[instruction.result] = instruction.number;
  });
}

std::optional<double> Builder::constant(ValueId value) const {
  if (constants_.at(value)) return numbers_[value];
  return std::nullopt;
}

CellId Builder::cell(std::string name, Type type) {
  function_.cells.push_back({std::move(name), type});
  return static_cast<CellId>(function_.cells.size() - 1);
}

ArrayId Builder::array(std::string name, Type element, int rank, Binding binding, std::uint32_t variable) {
  function_.arrays.push_back({std::move(name), element, rank, binding, variable});
  return static_cast<ArrayId>(function_.arrays.size() - 1);
}

ValueId Builder::emit(Instruction instruction) {
  if (instruction.span == Span{}) instruction.span = span_;
  if (instruction.type != Type::none) {
    instruction.result = function_.value_count++;
    types_.push_back(instruction.type);
    constants_.push_back(instruction.op == Op::constant);
    numbers_.push_back(instruction.number);
  }
  if (writes_array(instruction.op) || has(instruction.op, trait::declares)) {
    if (writes_.size() <= instruction.id) writes_.resize(instruction.id + 1);
    ++writes_[instruction.id];
  }
  const ValueId result = instruction.result;
  block_->push_back(std::move(instruction));
  return result;
}

ValueId Builder::literal(Type type, double number) {
  return emit({.op = Op::constant, .type = type, .number = number});
}
ValueId Builder::real(double number) { return literal(Type::real, number); }
ValueId Builder::integer(std::int32_t number) { return literal(Type::integer, number); }
ValueId Builder::boolean(bool value) { return literal(Type::boolean, value ? 1 : 0); }

ValueId Builder::pure(Op op, std::vector<ValueId> operands, std::uint32_t id) {
  if (op == Op::to_real && type(operands.at(0)) == Type::real) return operands[0];
  if (op == Op::to_integer && type(operands.at(0)) == Type::integer) return operands[0];
  std::vector<Type> types;
  std::vector<std::optional<double>> constants;
  for (ValueId operand : operands) {
    types.push_back(type(operand));
    constants.push_back(constant(operand));
  }
  const Type result = result_type(op, types);
  if (auto number = fold(op, id, types, constants)) return literal(result, *number);
  if (auto operand = same_as_operand(op, types, constants, operands)) return operands[*operand];
  return emit({.op = op, .type = result, .id = id, .operands = std::move(operands)});
}

ValueId Builder::math(MathFunction function, std::vector<ValueId> arguments) {
  return pure(Op::math, std::move(arguments), static_cast<std::uint32_t>(function));
}

ValueId Builder::select(ValueId condition, ValueId if_true, ValueId if_false) {
  return pure(Op::select, {condition, if_true, if_false});
}

ValueId Builder::load_cell(CellId cell) {
  return emit({.op = Op::load_cell, .type = function_.cells.at(cell).type, .id = cell});
}

void Builder::store_cell(CellId cell, ValueId value) {
  if (type(value) != function_.cells.at(cell).type)
    throw InternalError("a value of the wrong type for the cell `" + function_.cells[cell].name + "`");
  emit({.op = Op::store_cell, .id = cell, .operands = {value}});
}

void Builder::declare(ArrayId array, std::vector<ValueId> sizes, bool zeros) {
  emit({.op = Op::declare, .id = array, .number = zeros ? 1.0 : 0.0, .operands = std::move(sizes)});
}

ValueId Builder::load(ArrayId array, std::vector<ValueId> indices) {
  return emit(
      {.op = Op::load, .type = function_.arrays.at(array).element, .id = array, .operands = std::move(indices)});
}

void Builder::store(ArrayId array, ValueId value, std::vector<ValueId> indices) {
  if (type(value) != function_.arrays.at(array).element)
    throw InternalError("a value of the wrong type for the array `" + function_.arrays[array].name + "`");
  std::vector<ValueId> operands{value};
  operands.insert(operands.end(), indices.begin(), indices.end());
  emit({.op = Op::store, .id = array, .operands = std::move(operands)});
}

ValueId Builder::array_size(ArrayId array, int dimension) {
  return emit({.op = Op::array_size, .type = Type::integer, .id = array, .number = static_cast<double>(dimension)});
}

ValueId Builder::draw_uniform(std::uint32_t site) {
  return emit({.op = Op::draw_uniform, .type = Type::real, .id = site});
}

ValueId Builder::draw_normal(std::uint32_t site) {
  return emit({.op = Op::draw_normal, .type = Type::real, .id = site});
}

void Builder::check(ValueId condition, std::uint32_t message, std::vector<ValueId> reported) {
  if (constant(condition).value_or(0) != 0) return;
  std::vector<ValueId> operands{condition};
  operands.insert(operands.end(), reported.begin(), reported.end());
  emit({.op = Op::check, .id = message, .operands = std::move(operands)});
}

void Builder::reject(std::uint32_t message, std::vector<ValueId> reported) {
  emit({.op = Op::reject, .id = message, .operands = std::move(reported)});
}

void Builder::print(std::uint32_t message, std::vector<ValueId> values) {
  emit({.op = Op::print, .id = message, .operands = std::move(values)});
}

void Builder::tape_push(ValueId value) { emit({.op = Op::tape_push, .operands = {value}}); }
ValueId Builder::tape_pop(Type type) { return emit({.op = Op::tape_pop, .type = type}); }

ValueId Builder::argument(std::uint32_t index) {
  return emit(
      {.op = Op::argument, .type = function_.arguments.at(index), .number = static_cast<double>(index)});
}

void Builder::give(std::vector<ValueId> results) { emit({.op = Op::give, .operands = std::move(results)}); }

ValueId Builder::call(std::uint32_t callee, Type result, std::vector<ValueId> arguments, bool as_constant) {
  return emit({.op = Op::call,
               .type = result,
               .id = callee,
               .number = as_constant ? 1.0 : 0.0,
               .operands = std::move(arguments)});
}

ValueId Builder::result_of(ValueId call, std::uint32_t index, Type type) {
  return emit({.op = Op::result_of, .type = type, .number = static_cast<double>(index), .operands = {call}});
}

Block Builder::capture(const Body& body) {
  Block block;
  into(block, body);
  return block;
}

void Builder::into(Block& block, const Body& body) {
  Block* const outer = std::exchange(block_, &block);
  const std::uint32_t outer_number = std::exchange(block_number_, block_count_++);
  if (body) body();
  block_ = outer;
  block_number_ = outer_number;
}

void Builder::if_(ValueId condition, const Body& then, const Body& otherwise) {
  if (auto known = constant(condition)) {
    const Body& taken = *known != 0 ? then : otherwise;
    if (taken) taken();
    return;
  }
  Instruction instruction{.op = Op::if_, .operands = {condition}, .blocks = std::vector<Block>(2), .span = span_};
  into(instruction.blocks[0], then);
  into(instruction.blocks[1], otherwise);
  emit(std::move(instruction));
}

void Builder::for_(ValueId first, ValueId last, const std::function<void(ValueId)>& body, bool descending) {
  Instruction instruction{.op = Op::for_,
                          .number = descending ? 1.0 : 0.0,
                          .operands = {first, last},
                          .blocks = std::vector<Block>(1),
                          .span = span_};
  // Numbered before the body that uses it.
  instruction.type = Type::integer;
  instruction.result = function_.value_count++;
  types_.push_back(Type::integer);
  constants_.push_back(false);
  numbers_.push_back(0);
  into(instruction.blocks[0], [&] { body(instruction.result); });
  block_->push_back(std::move(instruction));
}

void Builder::while_(const std::function<ValueId()>& condition, const Body& body) {
  Instruction instruction{.op = Op::while_, .blocks = std::vector<Block>(2), .span = span_};
  into(instruction.blocks[0], [&] {
    const ValueId value = condition();
    emit({.op = Op::yield, .operands = {value}});
  });
  into(instruction.blocks[1], body);
  emit(std::move(instruction));
}

void Builder::break_() { emit({.op = Op::break_}); }
void Builder::continue_() { emit({.op = Op::continue_}); }

} // namespace sibyl::ir
