// Checks every invariant of ir.hpp, so that a pass that breaks one is caught where it did, not in the machine code.
#include "compiler/ir/build.hpp"
#include "compiler/ir/evaluate.hpp"
#include "compiler/ir/math.hpp"
#include "lang/errors.hpp"

#include <fmt/format.h>

namespace sibyl::ir {
namespace {

class Verifier {
 public:
  Verifier(const Function& function, const Model& model) : function_(function), model_(model) {}

  void run() {
    types_.assign(function_.value_count, Type::none);
    visible_.assign(function_.value_count, false);
    defined_.assign(function_.value_count, false);
    declared_.assign(function_.arrays.size(), false);
    for (std::size_t i = 0; i < function_.arrays.size(); ++i) verify_array(i);
    for (const Cell& cell : function_.cells)
      require(cell.type != Type::none, "the cell `" + cell.name + "` has no type");
    block(function_.body, 0, false);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    std::string place;
    if (current_) {
      // The instruction alone: its blocks may be what is broken.
      Function excerpt{.name = function_.name, .cells = function_.cells, .arrays = function_.arrays};
      excerpt.body.push_back(*current_);
      const std::string text = to_string(excerpt, model_);
      const std::size_t end = text.size() - 2, begin = text.rfind('\n', end - 1 - (text[end - 1] == '\n')) + 1;
      place = current_->blocks.empty() ? fmt::format(", at `{}`", trim(text.substr(begin, end - begin)))
                                       : fmt::format(", at the instruction that gives {}", result_text());
    }
    throw InternalError(fmt::format("{} in the function `{}`{}", what, function_.name, place));
  }

  std::string result_text() const {
    return current_->result == none ? "nothing (a block's owner)" : fmt::format("%{}", current_->result);
  }

  static std::string trim(const std::string& text) {
    const std::size_t begin = text.find_first_not_of(" \n"), end = text.find_last_not_of(" \n");
    return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
  }

  void require(bool holds, const std::string& what) const {
    if (!holds) fail(what);
  }

  void verify_array(std::size_t id) {
    const Array& array = function_.arrays[id];
    require(array.element == Type::real || array.element == Type::integer,
            "the array `" + array.name + "` holds neither reals nor integers");
    require(array.rank >= 0, "the array `" + array.name + "` has a negative rank");
    switch (array.binding) {
    case Binding::local: return;
    case Binding::variable:
      require(array.variable < model_.facts.variables.size(), "the array `" + array.name + "` is of no variable");
      return;
    case Binding::unconstrained_in:
    case Binding::unconstrained_out:
    case Binding::gradient:
      require(array.rank == 1 && array.element == Type::real, "the array `" + array.name + "` is not a real vector");
      return;
    case Binding::log_density:
      require(array.rank == 0 && array.element == Type::real, "the array `" + array.name + "` is not a real scalar");
      return;
    case Binding::include_jacobian:
      require(array.rank == 0 && array.element == Type::integer,
              "the array `" + array.name + "` is not an integer scalar");
      return;
    }
  }

  Type operand(std::size_t index) const {
    const ValueId id = current_->operands[index];
    require(id < function_.value_count, fmt::format("operand {} is no value", index));
    require(visible_[id], fmt::format("%{} is not visible", id));
    return types_[id];
  }

  void operands(std::size_t count) const {
    require(current_->operands.size() == count,
            fmt::format("{} operands instead of {}", current_->operands.size(), count));
    for (std::size_t i = 0; i < count; ++i) operand(i);
  }

  void operands(std::initializer_list<Type> expected) const {
    operands(expected.size());
    std::size_t index = 0;
    for (Type type : expected) {
      require(operand(index) == type, fmt::format("operand {} has the wrong type", index));
      ++index;
    }
  }

  void result(Type type) const {
    require(current_->type == type, "the result has the wrong type");
    require((current_->result != none) == (type != Type::none), "a result where none is due, or none where one is");
  }

  void blocks(std::size_t count) const {
    require(current_->blocks.size() == count, fmt::format("{} blocks instead of {}", current_->blocks.size(), count));
  }

  const Array& array(std::size_t first_index) const {
    require(current_->id < function_.arrays.size(), "no such array");
    const Array& array = function_.arrays[current_->id];
    require(array.binding != Binding::local || declared_[current_->id],
            "the local array `" + array.name + "` is not declared here");
    indices(array, first_index);
    return array;
  }

  void indices(const Array& array, std::size_t first_index) const {
    operands(first_index + static_cast<std::size_t>(array.rank));
    for (std::size_t i = first_index; i < current_->operands.size(); ++i)
      require(operand(i) == Type::integer, fmt::format("operand {} is not an integer", i));
  }

  const Cell& cell() const {
    require(current_->id < function_.cells.size(), "no such cell");
    return function_.cells[current_->id];
  }

  void reports(std::size_t from) const {
    require(current_->id < model_.messages.size(), "no such message");
    for (std::size_t i = 0; i < current_->operands.size(); ++i) operand(i);
    require(current_->op == Op::print || current_->operands.size() - from <= 4, "more than 4 reported values");
  }

  void pure() const {
    operands(current_->operands.size());
    std::vector<Type> types;
    for (std::size_t i = 0; i < current_->operands.size(); ++i) types.push_back(operand(i));
    if (current_->op == Op::math) {
      require(current_->id < math_function_count, "no such function");
      operands(static_cast<std::size_t>(arity(static_cast<MathFunction>(current_->id))));
    }
    Type expected = Type::none;
    try {
      expected = result_type(current_->op, types);
    } catch (const InternalError&) {
      fail("operands of the wrong type");
    }
    result(expected);
  }

  void define() {
    const ValueId id = current_->result;
    if (id == none) return;
    require(id < function_.value_count, "a result that is not numbered below value_count");
    require(!defined_[id], fmt::format("%{} is defined twice", id));
    defined_[id] = visible_[id] = true;
    types_[id] = current_->type;
  }

  // A block's values and arrays are seen until its end.
  void block(const Block& instructions, int loops, bool is_condition) {
    std::vector<ValueId> values;
    std::vector<ArrayId> arrays;
    for (std::size_t i = 0; i < instructions.size(); ++i) {
      current_ = &instructions[i];
      const bool last = i + 1 == instructions.size();
      require((current_->op == Op::yield) == (is_condition && last), "a condition ends with its only yield");
      verify(instructions[i], loops);
      current_ = &instructions[i];
      if (current_->op == Op::declare && !declared_[current_->id]) {
        declared_[current_->id] = true;
        arrays.push_back(current_->id);
      }
      if (current_->op != Op::for_) {
        define();
        if (current_->result != none) values.push_back(current_->result);
      }
    }
    require(!is_condition || !instructions.empty(), "a condition without yield");
    for (ValueId value : values) visible_[value] = false;
    for (ArrayId array : arrays) declared_[array] = false;
  }

  void verify(const Instruction& instruction, int loops) {
    switch (instruction.op) {
    case Op::constant:
      operands(0);
      require(instruction.type != Type::none, "a constant without type");
      require(instruction.type == Type::real || instruction.number == static_cast<std::int32_t>(instruction.number),
              "a constant that its type cannot hold");
      result(instruction.type);
      return;
    case Op::load_cell:
      operands(0);
      result(cell().type);
      return;
    case Op::store_cell:
      operands({cell().type});
      result(Type::none);
      return;
    case Op::declare: {
      require(instruction.id < function_.arrays.size(), "no such array");
      indices(function_.arrays[instruction.id], 0);
      result(Type::none);
      return;
    }
    case Op::load: result(array(0).element); return;
    case Op::store:
      require(array(1).element == operand(0), "the stored value has the wrong type");
      result(Type::none);
      return;
    case Op::array_size:
      require(instruction.id < function_.arrays.size(), "no such array");
      require(instruction.number >= 0 && instruction.number < function_.arrays[instruction.id].rank,
              "no such dimension");
      operands(0);
      result(Type::integer);
      return;
    case Op::draw_uniform:
    case Op::draw_normal:
      operands(0);
      require(instruction.id < model_.site_count, "no such draw site");
      result(Type::real);
      return;
    case Op::check:
      require(!instruction.operands.empty() && operand(0) == Type::boolean, "a check of no boolean");
      reports(1);
      result(Type::none);
      return;
    case Op::reject:
    case Op::print:
      reports(0);
      result(Type::none);
      return;
    case Op::if_:
      operands({Type::boolean});
      blocks(2);
      result(Type::none);
      block(instruction.blocks[0], loops, false);
      block(instruction.blocks[1], loops, false);
      return;
    case Op::for_:
      operands({Type::integer, Type::integer});
      blocks(1);
      result(Type::integer);
      define();
      block(instruction.blocks[0], loops + 1, false);
      visible_[instruction.result] = false;
      return;
    case Op::while_:
      operands(0);
      blocks(2);
      result(Type::none);
      block(instruction.blocks[0], loops, true);
      block(instruction.blocks[1], loops + 1, false);
      return;
    case Op::yield:
      operands({Type::boolean});
      result(Type::none);
      return;
    case Op::break_:
    case Op::continue_:
      operands(0);
      require(loops > 0, "break or continue outside a loop");
      result(Type::none);
      return;
    case Op::tape_push:
      operands(1);
      result(Type::none);
      return;
    case Op::tape_pop:
      operands(0);
      require(instruction.type != Type::none, "a pop without type");
      result(instruction.type);
      return;
    default: pure(); return;
    }
  }

  const Function& function_;
  const Model& model_;
  const Instruction* current_ = nullptr;
  std::vector<Type> types_;    // by value, once defined
  std::vector<bool> visible_;  // by value, here
  std::vector<bool> defined_;  // by value, anywhere so far
  std::vector<bool> declared_; // by array, here
};

} // namespace

void verify(const Model& model) {
  for (const Function& function : model.functions) Verifier(function, model).run();
}

} // namespace sibyl::ir
