// Within a block, from its end: a store to a cell that is stored again before anything reads it does nothing.
#include "compiler/passes/simplify.hpp"
#include "compiler/passes/structure.hpp"

#include <algorithm>

namespace sibyl::ir {
namespace {

// Cells that are certainly stored before they are read, from here to the end of the block.
void visit(Block& block) {
  CellSet overwritten;
  std::vector<bool> dead(block.size(), false);
  for (std::size_t i = block.size(); i-- > 0;) {
    Instruction& instruction = block[i];
    switch (instruction.op) {
    case Op::store_cell: dead[i] = !overwritten.insert(instruction.id).second; break;
    case Op::load_cell: overwritten.erase(instruction.id); break;
    case Op::break_:
    case Op::continue_: overwritten.clear(); break;
    default: break;
    }
    for_each_nested(instruction, [&](const Instruction& inner) {
      if (inner.op == Op::load_cell) overwritten.erase(inner.id);
      if (inner.op == Op::break_ || inner.op == Op::continue_) overwritten.clear(); // perhaps of this block's loop
    });
    for (Block& nested : instruction.blocks) visit(nested);
  }
  std::size_t index = 0;
  block.erase(std::remove_if(block.begin(), block.end(), [&](const Instruction&) { return dead[index++]; }),
              block.end());
}

} // namespace

void drop_overwritten_stores(Function& function) { visit(function.body); }

} // namespace sibyl::ir
