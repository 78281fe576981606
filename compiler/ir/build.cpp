#include "compiler/ir/build.hpp"

#include "compiler/ir/evaluate.hpp"
#include "lang/errors.hpp"

#include <cmath>

namespace sibyl::ir {
namespace {

void collect(const Block& block, std::vector<Type>& types, std::vector<bool>& constants, std::vector<double>& numbers) {
  for (const Instruction& instruction : block) {
    if (instruction.result != none) {
      types.at(instruction.result) = instruction.type;
      constants[instruction.result] = instruction.op == Op::constant;
      numbers[instruction.result] = instruction.number;
    }
    for (const Block& nested : instruction.blocks) collect(nested, types, constants, numbers);
  }
}

} // namespace

Type result_type(Op op, const std::vector<Type>& operands) {
  auto expect = [&](bool fits) {
    if (!fits) throw InternalError("operands of the wrong type for an operation of the intermediate representation");
  };
  auto all = [&](std::size_t count, Type type) {
    if (operands.size() != count) return false;
    for (Type operand : operands)
      if (operand != type) return false;
    return true;
  };
  switch (op) {
  case Op::add:
  case Op::subtract:
  case Op::multiply:
  case Op::divide: expect(all(2, Type::real) || all(2, Type::integer)); return operands[0];
  case Op::negate: expect(all(1, Type::real) || all(1, Type::integer)); return operands[0];
  case Op::modulo:
  case Op::minimum:
  case Op::maximum: expect(all(2, Type::integer)); return Type::integer;
  case Op::math: expect(all(operands.size(), Type::real)); return Type::real;
  case Op::to_real: expect(all(1, Type::integer) || all(1, Type::boolean)); return Type::real;
  case Op::to_integer: expect(all(1, Type::real) || all(1, Type::boolean)); return Type::integer;
  case Op::equal:
  case Op::not_equal:
  case Op::less:
  case Op::less_equal:
  case Op::greater:
  case Op::greater_equal: expect(all(2, Type::real) || all(2, Type::integer)); return Type::boolean;
  case Op::is_nan:
  case Op::is_infinite: expect(all(1, Type::real)); return Type::boolean;
  case Op::logical_and:
  case Op::logical_or: expect(all(2, Type::boolean)); return Type::boolean;
  case Op::logical_not: expect(all(1, Type::boolean)); return Type::boolean;
  case Op::select:
    expect(operands.size() == 3 && operands[0] == Type::boolean && operands[1] == operands[2] &&
           operands[1] != Type::none);
    return operands[1];
  default: throw InternalError("not a pure operation of the intermediate representation");
  }
}

Builder::Builder(Function& function) : function_(function), block_(&function.body) {
  types_.assign(function.value_count, Type::none);
  constants_.assign(function.value_count, false);
  numbers_.assign(function.value_count, 0);
  collect(function.body, types_, constants_, numbers_);
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

void Builder::into(Block& block, const Body& body) {
  Block* const outer = block_;
  block_ = &block;
  if (body) body();
  block_ = outer;
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
