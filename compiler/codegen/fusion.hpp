// Which multiplications become part of a fused multiply-add.
//
// Left to LLVM, the choice would depend on the vector width, and results with it. Here it depends on the model alone: a
// product that is used once, by an addition or subtraction of the same block.
#pragma once

#include "compiler/ir/ir.hpp"

#include <vector>

namespace sibyl::codegen {

struct Fusion {
  // By ValueId: the multiplication, where it is part of the addition that uses it and is not computed by itself.
  std::vector<const ir::Instruction*> product;
};

Fusion find_fusions(const ir::Function& function);

} // namespace sibyl::codegen
