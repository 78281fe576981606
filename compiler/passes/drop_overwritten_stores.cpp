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
    if (writes_cell(instruction.op)) dead[i] = !overwritten.insert(instruction.id).second;
    const auto look = [&](const Instruction& one) {
      if (reads_cell(one.op)) overwritten.erase(one.id);
      if (has(one.op, trait::leaves)) overwritten.clear(); // a nested one perhaps leaves this block's loop
    };
    look(instruction);
    for_each_nested(instruction, look);
    for (Block& nested : instruction.blocks) visit(nested);
  }
  std::size_t index = 0;
  block.erase(std::remove_if(block.begin(), block.end(), [&](const Instruction&) { return dead[index++]; }),
              block.end());
}

} // namespace

void drop_overwritten_stores(Function& function) { visit(function.body); }

} // namespace sibyl::ir
