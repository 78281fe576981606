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
      if (instruction->op == Op::declare) declarations_[instruction->id].push_back(instruction);
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
    switch (instruction.op) {
    case Op::check:
    case Op::reject:
    case Op::print:
    case Op::break_:
    case Op::continue_:
    case Op::tape_push:
    case Op::tape_pop: return true;
    case Op::declare:
    case Op::store: return structure_.function().arrays[instruction.id].binding != Binding::local;
    default: return false;
    }
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
    switch (instruction.op) {
    case Op::while_: mark(instruction.blocks[0].back()); return;
    case Op::load_cell: return read_cell(instruction.id);
    case Op::load:
    case Op::store:
    case Op::array_size: return read_array(instruction.id);
    default: return;
    }
  }

  void read_cell(CellId cell) {
    if (cells_[cell]) return;
    cells_[cell] = true;
    for (const Instruction* access : structure_.cell_accesses(cell))
      if (access->op == Op::store_cell) mark(*access);
  }

  void read_array(ArrayId array) {
    if (arrays_[array]) return;
    arrays_[array] = true;
    for (const Instruction* access : structure_.array_accesses(array))
      if (access->op == Op::store) mark(*access);
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
