#include "compiler/codegen/target.hpp"

#include "lang/errors.hpp"

#include <llvm/IR/Module.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Host.h>

#include <mutex>

namespace sibyl::codegen {

namespace {

const llvm::Target& find_target(const std::string& triple) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    LLVMInitializeWebAssemblyTargetInfo();
    LLVMInitializeWebAssemblyTarget();
    LLVMInitializeWebAssemblyTargetMC();
    LLVMInitializeWebAssemblyAsmPrinter();
  });
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target) throw InternalError("LLVM has no code generator for " + triple + ": " + error);
  return *target;
}

} // namespace

std::unique_ptr<llvm::TargetMachine> create_target_machine(const Machine& machine, bool fast_compilation) {
  llvm::TargetOptions options;
  const auto level = fast_compilation ? llvm::CodeGenOptLevel::Less : llvm::CodeGenOptLevel::Default;
  const std::string triple = machine.triple.empty() ? llvm::sys::getProcessTriple() : machine.triple;
  // WebAssembly's position-independent code is for its own kind of shared libraries.
  const auto relocation = machine.triple.empty() ? llvm::Reloc::PIC_ : llvm::Reloc::Static;
  std::unique_ptr<llvm::TargetMachine> target(find_target(triple).createTargetMachine(
      triple, machine.cpu, machine.features, options, relocation, llvm::CodeModel::Small, level, /*JIT=*/false));
  if (!target) throw InternalError("LLVM cannot generate code for " + machine.cpu);
  return target;
}

void optimize(llvm::Module& module, llvm::TargetMachine& target) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopUnrolling = false;
  tuning.LoopInterleaving = false;
  tuning.MergeFunctions = false;
  llvm::PassBuilder builder(&target, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graph;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graph, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

} // namespace sibyl::codegen
