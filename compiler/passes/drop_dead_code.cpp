// Keeps what has an effect (outputs, checks, prints, the tape) and what it is computed from; everything else goes. What
// stays is numbered anew, so that the text of a function does not tell what once was in it.
#include "compiler/passes/simplify.hpp"
#include "compiler/passes/structure.hpp"

namespace sibyl::ir {
namespace {

class Liveness {
 public:
  explicit Liveness(const Function& function)
      : structure_(function), live_(structure_.all().size(), false), cells_(function.cells.size(), false),
        arrays_(function.arrays.size(), false), declarations_(function.arrays.size()) {
    for (const Instruction* instruction : structure_.all())
      if (has(instruction->op, trait::declares)) declarations_[instruction->id].push_back(instruction);
    for (const Instruction* instruction : structure_.all())
      if (has_effect(*instruction)) mark(*instruction);
    while (!pending_.empty()) {
      const Instruction& instruction = *pending_.back();
      pending_.pop_back();
      follow(instruction);
    }
  }

  bool is_live(const Instruction& instruction) const { return live_[structure_.at(instruction).begin]; }

 private:
  bool has_effect(const Instruction& instruction) const {
    if (has(instruction.op, trait::may_fail | trait::visible | trait::leaves | trait::tape | trait::gives)) return true;
    if (!has(instruction.op, trait::declares) && !writes_array(instruction.op)) return false;
    return structure_.function().arrays[instruction.id].binding != Binding::local;
  }

  void mark(const Instruction& instruction) {
    const std::uint32_t index = structure_.at(instruction).begin;
    if (live_[index]) return;
    live_[index] = true;
    pending_.push_back(&instruction);
  }

  void follow(const Instruction& instruction) {
    for (ValueId operand : instruction.operands) mark(*structure_.definition(operand));
    if (const Instruction* owner = structure_.at(instruction).owner) mark(*owner);
    if (instruction.op == Op::while_) mark(instruction.blocks[0].back());
    if (reads_cell(instruction.op)) read_cell(instruction.id);
    // A store needs the storage; what else is stored there may be read wherever this is.
    if (reads_array(instruction.op) || writes_array(instruction.op) || has(instruction.op, trait::measures))
      read_array(instruction.id);
  }

  void read_cell(CellId cell) {
    if (cells_[cell]) return;
    cells_[cell] = true;
    for (const Instruction* access : structure_.cell_accesses(cell))
      if (writes_cell(access->op)) mark(*access);
  }

  void read_array(ArrayId array) {
    if (arrays_[array]) return;
    arrays_[array] = true;
    for (const Instruction* access : structure_.array_accesses(array))
      if (writes_array(access->op)) mark(*access);
    for (const Instruction* declaration : declarations_[array]) mark(*declaration);
  }

  Structure structure_;
  std::vector<bool> live_; // by program order
  std::vector<bool> cells_, arrays_;
  std::vector<InstructionList> declarations_; // by array
  InstructionList pending_;
};

// From the inside out, while the instructions still are where they were.
void sweep(Block& block, const Liveness& liveness) {
  for (Instruction& instruction : block)
    if (liveness.is_live(instruction))
      for (Block& nested : instruction.blocks) sweep(nested, liveness);
  Block kept;
  kept.reserve(block.size());
  for (Instruction& instruction : block)
    if (liveness.is_live(instruction)) kept.push_back(std::move(instruction));
  block = std::move(kept);
}

class Numbering {
 public:
  explicit Numbering(Function& function) : function_(function), values_(function.value_count, none) {}

  void run() {
    std::vector<bool> cells(function_.cells.size()), arrays(function_.arrays.size());
    for_each(function_.body, [&](const Instruction& instruction) {
      if (fact(instruction.op).subject == Subject::cell) cells[instruction.id] = true;
      if (fact(instruction.op).subject == Subject::array) arrays[instruction.id] = true;
    });
    for (ArrayId array = 0; array < arrays.size(); ++array)
      if (function_.arrays[array].binding != Binding::local) arrays[array] = true; // belongs to the interface
    cells_ = keep(function_.cells, cells);
    arrays_ = keep(function_.arrays, arrays);
    number(function_.body);
    function_.value_count = next_;
  }

 private:
  // What stays, and by old number the new one.
  template <class Thing>
  static std::vector<std::uint32_t> keep(std::vector<Thing>& things, const std::vector<bool>& used) {
    std::vector<std::uint32_t> numbers(things.size(), none);
    std::vector<Thing> kept;
    for (std::size_t i = 0; i < things.size(); ++i) {
      if (!used[i]) continue;
      numbers[i] = static_cast<std::uint32_t>(kept.size());
      kept.push_back(std::move(things[i]));
    }
    things = std::move(kept);
    return numbers;
  }

  void number(Block& block) {
    for (Instruction& instruction : block) {
      for (ValueId& operand : instruction.operands) operand = values_[operand];
      if (fact(instruction.op).subject == Subject::cell) instruction.id = cells_[instruction.id];
      if (fact(instruction.op).subject == Subject::array) instruction.id = arrays_[instruction.id];
      if (instruction.result != none) instruction.result = values_[instruction.result] = next_++;
      for (Block& nested : instruction.blocks) number(nested);
    }
  }

  Function& function_;
  std::vector<ValueId> values_; // by old number
  std::vector<CellId> cells_;
  std::vector<ArrayId> arrays_;
  ValueId next_ = 0;
};

} // namespace

void drop_dead_code(Function& function) {
  sweep(function.body, Liveness(function));
  Numbering(function).run();
}

} // namespace sibyl::ir
