// Walks over every instruction of a block, in program order, nested blocks behind their owner.
#pragma once

#include "compiler/ir/ir.hpp"

#include <algorithm>
#include <optional>

namespace sibyl::ir {

template <class Visit>
void for_each_nested(const Instruction& owner, const Visit& visit);

template <class Visit>
void for_each(const Block& block, const Visit& visit) {
  for (const Instruction& instruction : block) {
    visit(instruction);
    for_each_nested(instruction, visit);
  }
}

// Likewise, those in the blocks that it owns.
template <class Visit>
void for_each_nested(const Instruction& owner, const Visit& visit) {
  for (const Block& block : owner.blocks) for_each(block, visit);
}

// Whether a `break_` or `continue_` (or only the one given) in the block or a branch of it leaves it for the loop
// around.
inline bool may_leave(const Block& block, std::optional<Op> how = {}) {
  return std::any_of(block.begin(), block.end(), [&](const Instruction& instruction) {
    if (has(instruction.op, trait::leaves) && (!how || instruction.op == *how)) return true;
    return instruction.op == Op::if_ && std::any_of(instruction.blocks.begin(), instruction.blocks.end(),
                                                    [&](const Block& branch) { return may_leave(branch, how); });
  });
}

// By array: whether the function provides its storage itself.
inline std::vector<bool> declared_arrays(const Function& function) {
  std::vector<bool> declared(function.arrays.size());
  for_each(function.body, [&](const Instruction& instruction) {
    if (has(instruction.op, trait::declares)) declared[instruction.id] = true;
  });
  return declared;
}

} // namespace sibyl::ir
