#include "compiler/codegen/fusion.hpp"

namespace sibyl::codegen {

namespace {

struct Candidate {
  const ir::Instruction* product = nullptr; // used once
  const ir::Block* block = nullptr;         // that it is in
};

void count_uses(const ir::Block& block, std::vector<int>& uses) {
  for (const ir::Instruction& instruction : block) {
    for (const ir::ValueId operand : instruction.operands) ++uses[operand];
    for (const ir::Block& inner : instruction.blocks) count_uses(inner, uses);
  }
}

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
  count_uses(function.body, uses);
  std::vector<Candidate> candidates(function.value_count);
  Fusion fusion{std::vector<const ir::Instruction*>(function.value_count)};
  fuse(function.body, uses, candidates, fusion);
  return fusion;
}

} // namespace sibyl::codegen
