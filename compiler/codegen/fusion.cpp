#include "compiler/codegen/fusion.hpp"

#include "compiler/ir/traverse.hpp"

namespace sibyl::codegen {

namespace {

struct Candidate {
  const ir::Instruction* product = nullptr; // used once
  const ir::Block* block = nullptr;         // that it is in
};

void fuse(const ir::Block& block, const std::vector<int>& uses, std::vector<Candidate>& candidates, Fusion& fusion) {
  for (const ir::Instruction& instruction : block) {
    for (const ir::Block& inner : instruction.blocks) fuse(inner, uses, candidates, fusion);
    if (instruction.type != ir::Type::real) continue;
    if (instruction.op == ir::Op::multiply && uses[instruction.result] == 1)
      candidates[instruction.result] = {&instruction, &block};
    if (instruction.op != ir::Op::add && instruction.op != ir::Op::subtract) continue;
    for (const ir::ValueId operand : instruction.operands)
      if (candidates[operand].block == &block) {
        fusion.product[operand] = candidates[operand].product;
        break; // one product per addition
      }
  }
}

} // namespace

Fusion find_fusions(const ir::Function& function) {
  std::vector<int> uses(function.value_count);
  ir::for_each(function.body, [&](const ir::Instruction& instruction) {
    for (const ir::ValueId operand : instruction.operands) ++uses[operand];
  });
  std::vector<Candidate> candidates(function.value_count);
  Fusion fusion{std::vector<const ir::Instruction*>(function.value_count)};
  fuse(function.body, uses, candidates, fusion);
  return fusion;
}

} // namespace sibyl::codegen
