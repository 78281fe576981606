#include "compiler/codegen/target.hpp"

#include "lang/errors.hpp"

#include <llvm/IR/Module.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/TargetParser/Host.h>

#include <mutex>

namespace sibyl::codegen {

namespace {

// The reduction of loops' address arithmetic takes up to a third of all code generation where many arrays are walked
// through, and gains two per cent: loads of x86 add and scale by themselves. LLVM has no switch for it but its command
// line's.
void leave_out_strength_reduction() {
  const char* const arguments[] = {"sibyl", "-disable-lsr"};
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  if (!llvm::cl::ParseCommandLineOptions(2, arguments, "", &stream))
    throw InternalError("LLVM does not know an option: " + problem);
}

// What costs little and gains much, for code that is inlined first: sparse constants into what is called, redundancies,
// invariants out of loops, dead stores. Instructions are combined where that lets the next pass see more.
constexpr char short_pipeline[] =
    "function(sroa<modify-cfg>,early-cse<memssa>,simplifycfg,instcombine<no-verify-fixpoint>),ipsccp,"
    "cgscc(inline,function(sroa<modify-cfg>,early-cse<memssa>,jump-threading,simplifycfg,"
    "instcombine<no-verify-fixpoint>,loop-mssa(loop-rotate<header-duplication>,licm),simplifycfg,"
    "instcombine<no-verify-fixpoint>,loop(loop-idiom,indvars,loop-deletion),gvn,jump-threading,dse,loop-mssa(licm),"
    "simplifycfg<sink-common-insts;hoist-common-insts>,instcombine<no-verify-fixpoint>)),globaldce";

const llvm::Target& find_target(const std::string& triple) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    LLVMInitializeWebAssemblyTargetInfo();
    LLVMInitializeWebAssemblyTarget();
    LLVMInitializeWebAssemblyTargetMC();
    LLVMInitializeWebAssemblyAsmPrinter();
    leave_out_strength_reduction();
  });
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target) throw InternalError("LLVM has no code generator for " + triple + ": " + error);
  return *target;
}

} // namespace

std::unique_ptr<llvm::TargetMachine> create_target_machine(const Machine& machine, Effort effort) {
  llvm::TargetOptions options;
  const auto level = effort == Effort::least ? llvm::CodeGenOptLevel::Less : llvm::CodeGenOptLevel::Default;
  const std::string triple = machine.triple.empty() ? llvm::sys::getProcessTriple() : machine.triple;
  // WebAssembly's position-independent code is for its own kind of shared libraries.
  const auto relocation = machine.triple.empty() ? llvm::Reloc::PIC_ : llvm::Reloc::Static;
  std::unique_ptr<llvm::TargetMachine> target(find_target(triple).createTargetMachine(
      triple, machine.cpu, machine.features, options, relocation, llvm::CodeModel::Small, level, /*JIT=*/false));
  if (!target) throw InternalError("LLVM cannot generate code for " + machine.cpu);
  return target;
}

void optimize(llvm::Module& module, llvm::TargetMachine& target, Effort effort) {
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
  if (effort == Effort::most) {
    builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
    return;
  }
  llvm::ModulePassManager passes;
  if (llvm::Error problem = builder.parsePassPipeline(passes, short_pipeline))
    throw InternalError("LLVM does not know a pass: " + llvm::toString(std::move(problem)));
  passes.run(module, modules);
}

} // namespace sibyl::codegen
