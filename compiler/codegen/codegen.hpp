// From a function of the intermediate representation to LLVM's, W lanes at once.
//
// Every value of the model's text becomes one vector <W x T> or, where all lanes agree, one scalar T (uniformity.hpp).
// Control flow that lanes do not share runs under masks; each stretch of code that has a mask of its own is a region
// (emitter.hpp), and code runs only while at least one lane of its region is active. W = 1 is the same emitter: then
// everything is uniform, there are no masks, and branches are branches.
//
// The same text gives the same bits for every W: what is fused into one multiply-add is decided on the intermediate
// representation (fusion.hpp), and draws depend on the data set's index, the site and the iteration, not on the lane.
#pragma once

#include "compiler/codegen/machine.hpp"
#include "compiler/ir/ir.hpp"

#include <memory>
#include <string>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm

namespace sibyl::codegen {

struct Variant {
  Precision precision = Precision::f64;
  int lanes = 1; // 1, 2, 4, 8, 16, 32
};

// Adds the function and the callees that it needs, optimizes nothing. The module must have the machine's data layout
// (target.hpp).
void emit_function(llvm::Module& module, const ir::Model& model, const ir::Function& function, Variant variant,
                   const Machine& machine);

// What `--emit llvm` and `--emit asm` print, after optimization.
enum class TextKind { llvm, assembly };
std::string emit_text(const ir::Model& model, const ir::Function& function, Variant variant, const Machine& machine,
                      TextKind kind);

// Whether inference and training call it over and over, where others run once per draw, or once.
bool runs_often(const ir::Function& function);

// Machine code of some functions as one relocatable, position-independent object.
struct Entry {
  const ir::Function* function;
  Variant variant;
};
// Bytes that the object carries as a constant, seen from outside by this name.
struct Constant {
  std::string name, bytes;
};
// The effort of compiling is that of the entry that runs most often: others belong into an object of their own.
std::string emit_object(const ir::Model& model, const std::vector<Entry>& entries, const Machine& machine,
                        const std::vector<Constant>& constants = {});

// Likewise, but the functions' names stay within the object: they are found through the sibyl_linked_code that it has
// under the name sibyl_code_<bits>. Objects for several levels of processors then go into one program.
std::string emit_linked_object(const ir::Model& model, const std::vector<Entry>& entries, const Machine& machine);

} // namespace sibyl::codegen
