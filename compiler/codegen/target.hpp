// LLVM's side of a Machine: target machines, and the optimizations that already-vector code profits from.
#pragma once

#include "compiler/codegen/machine.hpp"

#include <llvm/Target/TargetMachine.h>

#include <memory>

namespace llvm {
class Module;
}

namespace sibyl::codegen {

// Position-independent, small code model: one object then serves the JIT, the cache and shared libraries.
std::unique_ptr<llvm::TargetMachine> create_target_machine(const Machine& machine, bool fast_compilation = false);

// A pipeline like -O2 without what finds nothing in code that is vectors already: no loop or straight-line
// vectorizer, no partial unrolling.
void optimize(llvm::Module& module, llvm::TargetMachine& target);

} // namespace sibyl::codegen
