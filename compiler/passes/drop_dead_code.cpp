// Keeps what has an effect (outputs, checks, prints, the tape) and what it is computed from; everything else goes.
#include "compiler/passes/simplify.hpp"
#include "compiler/passes/structure.hpp"

#include <algorithm>

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
    if (has(instruction.op, trait::may_fail | trait::visible | trait::leaves | trait::tape)) return true;
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

} // namespace

void drop_dead_code(Function& function) {
  const Liveness liveness(function);
  sweep(function.body, liveness);
}

} // namespace sibyl::ir
