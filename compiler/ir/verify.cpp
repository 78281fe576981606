// Checks every invariant of ir.hpp, so that a pass that breaks one is caught where it did, not in the machine code.
#include "compiler/interface/abi.h"
#include "compiler/ir/ir.hpp"
#include "compiler/ir/math.hpp"
#include "compiler/ir/typing.hpp"
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
    for (const Cell& cell : function_.cells) require(cell.type != Type::none, "the cell `{}` has no type", cell.name);
    calls_.assign(function_.value_count, none);
    const bool is_callee = !function_.results.empty();
    require(is_callee || function_.arguments.empty(), "arguments without results");
    require(!is_callee || (!function_.body.empty() && function_.body.back().op == Op::give),
            "a callee that does not end with `give`");
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

  // The message is put together only where it is needed: this is asked of every instruction of every model.
  template <class... Values>
  void require(bool holds, fmt::format_string<Values...> what, Values&&... values) const {
    if (!holds) fail(fmt::format(what, std::forward<Values>(values)...));
  }

  void verify_array(std::size_t id) {
    const Array& array = function_.arrays[id];
    require(array.element == Type::real || array.element == Type::integer,
            "the array `{}` holds neither reals nor integers", array.name);
    require(array.rank >= 0, "the array `{}` has a negative rank", array.name);
    switch (array.binding) {
    case Binding::local: return;
    case Binding::variable:
      require(function_.results.empty(), "a callee with an interface");
      require(array.variable < model_.facts.variables.size(), "the array `{}` is of no variable", array.name);
      return;
    case Binding::unconstrained_in:
    case Binding::unconstrained_out:
    case Binding::gradient:
      require(array.rank == 1 && array.element == Type::real, "the array `{}` is not a real vector", array.name);
      return;
    case Binding::block_sizes:
      require(array.rank == 1 && array.element == Type::integer, "the array `{}` is not a vector of integers",
              array.name);
      return;
    case Binding::log_density:
      require(array.rank == 0 && array.element == Type::real, "the array `{}` is not a real scalar", array.name);
      return;
    case Binding::include_jacobian:
      require(array.rank == 0 && array.element == Type::integer, "the array `{}` is not an integer scalar", array.name);
      return;
    }
  }

  Type operand(std::size_t index) const {
    const ValueId id = current_->operands[index];
    require(id < function_.value_count, "operand {} is no value", index);
    require(visible_[id], "%{} is not visible", id);
    return types_[id];
  }

  void subject() const {
    const std::uint32_t id = current_->id;
    switch (fact(current_->op).subject) {
    case Subject::nothing: return;
    case Subject::function: require(id < math_function_count, "no such function"); return;
    case Subject::cell: require(id < function_.cells.size(), "no such cell"); return;
    case Subject::array: require(id < function_.arrays.size(), "no such array"); return;
    case Subject::site: require(id < model_.site_count, "no such draw site"); return;
    case Subject::message: require(id < model_.messages.size(), "no such message"); return;
    case Subject::callee: require(id < model_.callees.size(), "no such callee"); return;
    }
  }

  SignatureContext context() const {
    SignatureContext context{.own = current_->type};
    switch (fact(current_->op).subject) {
    case Subject::function:
      context.repeats = static_cast<std::size_t>(arity(static_cast<MathFunction>(current_->id)));
      break;
    case Subject::cell: context.element = function_.cells[current_->id].type; break;
    case Subject::array:
      context.element = function_.arrays[current_->id].element;
      context.repeats = static_cast<std::size_t>(function_.arrays[current_->id].rank);
      break;
    default: break;
    }
    return context;
  }

  void signature() {
    operand_types_.clear();
    for (std::size_t i = 0; i < current_->operands.size(); ++i) operand_types_.push_back(operand(i));
    const Fit found = fit(current_->op, operand_types_, context());
    require(found.mismatch.empty(), "{}", found.mismatch);
    require(current_->type == found.result, "the result has the wrong type");
    require((current_->result != none) == (found.result != Type::none),
            "a result where none is due, or none where one is");
    const auto blocks = static_cast<std::size_t>(fact(current_->op).blocks);
    require(current_->blocks.size() == blocks, "{} blocks instead of {}", current_->blocks.size(), blocks);
  }

  void define() {
    const ValueId id = current_->result;
    if (id == none) return;
    require(id < function_.value_count, "a result that is not numbered below value_count");
    require(!defined_[id], "%{} is defined twice", id);
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
    subject();
    signature();
    switch (instruction.op) {
    case Op::constant:
      require(instruction.type != Type::none, "a constant without type");
      require(instruction.type == Type::real || instruction.number == static_cast<std::int32_t>(instruction.number),
              "a constant that its type cannot hold");
      return;
    case Op::load:
    case Op::store: {
      const Array& array = function_.arrays[instruction.id];
      require(array.binding != Binding::local || declared_[instruction.id], "the local array `{}` is not declared here",
              array.name);
      return;
    }
    case Op::array_size:
      require(instruction.number >= 0 && instruction.number < function_.arrays[instruction.id].rank,
              "no such dimension");
      return;
    case Op::check:
      require(instruction.operands.size() <= SIBYL_MAX_REPORTED_VALUES + 1, "too many reported values");
      return;
    case Op::reject:
    case Op::print:
      require(instruction.operands.size() <= SIBYL_MAX_REPORTED_VALUES, "too many reported values");
      require(instruction.op == Op::reject || function_.results.empty(), "a callee that prints");
      return;
    case Op::draw_uniform:
    case Op::draw_normal: require(function_.results.empty(), "a callee that draws"); return;
    case Op::if_:
      block(instruction.blocks[0], loops, false);
      block(instruction.blocks[1], loops, false);
      return;
    case Op::for_:
      define();
      block(instruction.blocks[0], loops + 1, false);
      visible_[instruction.result] = false;
      return;
    case Op::while_:
      block(instruction.blocks[0], loops, true);
      block(instruction.blocks[1], loops + 1, false);
      return;
    case Op::break_:
    case Op::continue_: require(loops > 0, "break or continue outside a loop"); return;
    case Op::argument: {
      const std::size_t index = index_of(instruction);
      require(index < function_.arguments.size() && function_.arguments[index] == instruction.type,
              "no such argument");
      return;
    }
    case Op::give:
      require(&instruction == &function_.body.back(), "`give` does not end the body of a callee");
      require(operand_types_ == function_.results, "other results than the callee has");
      return;
    case Op::call: {
      const Function& callee = model_.callees[instruction.id];
      require(operand_types_ == callee.arguments, "other arguments than the callee has");
      require(!callee.results.empty() && instruction.type == callee.results.front(), "the result has the wrong type");
      if (instruction.result < calls_.size()) calls_[instruction.result] = instruction.id;
      return;
    }
    case Op::result_of: {
      const std::uint32_t called = calls_[instruction.operands[0]];
      require(called != none, "the operand is no call");
      const std::vector<Type>& results = model_.callees[called].results;
      const std::size_t index = index_of(instruction);
      require(index > 0 && index < results.size() && results[index] == instruction.type, "no such result");
      return;
    }
    case Op::with_slopes: {
      require(instruction.operands.size() % 2 == 1, "a variable without its slope");
      for (const Type type : operand_types_) require(type == Type::real, "an operand that is not real");
      return;
    }
    case Op::tape_pop: require(instruction.type != Type::none, "a pop without type"); return;
    default: return;
    }
  }

  static std::size_t index_of(const Instruction& instruction) {
    return instruction.number >= 0 ? static_cast<std::size_t>(instruction.number) : static_cast<std::size_t>(none);
  }

  const Function& function_;
  const Model& model_;
  const Instruction* current_ = nullptr;
  std::vector<Type> types_;         // by value, once defined
  std::vector<Type> operand_types_; // of the current instruction
  std::vector<bool> visible_;       // by value, here
  std::vector<bool> defined_;       // by value, anywhere so far
  std::vector<bool> declared_;      // by array, here
  std::vector<std::uint32_t> calls_; // by value: the callee that gives it
};

} // namespace

void verify(const Model& model) {
  for (const Function& function : model.functions) Verifier(function, model).run();
  for (const Function& callee : model.callees)
    if (!callee.body.empty()) Verifier(callee, model).run(); // a derivative has none until reverse mode has written it
}

} // namespace sibyl::ir
