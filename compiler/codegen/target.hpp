// LLVM's side of a Machine: target machines, and the optimizations that already-vector code profits from.
#pragma once

#include "compiler/codegen/machine.hpp"

#include <llvm/Target/TargetMachine.h>

#include <memory>

namespace llvm {
class Module;
}

namespace sibyl::codegen {

// What compiling may cost: code that runs once per data set, or not even that; once per draw; over and over.
enum class Effort { least, little, most };

// Position-independent, small code model: one object then serves the JIT, the cache and shared libraries.
std::unique_ptr<llvm::TargetMachine> create_target_machine(const Machine& machine, Effort effort = Effort::most);

// A pipeline like -O2 without what finds nothing in code that is vectors already: no loop or straight-line
// vectorizer, no partial unrolling. Below Effort::most a shorter one, in half the time and for code that is up to a
// fifth slower. No pipeline changes a result.
void optimize(llvm::Module& module, llvm::TargetMachine& target, Effort effort);

} // namespace sibyl::codegen
