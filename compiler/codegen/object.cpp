// Modules of some functions, optimized, as an object or as text.
#include "compiler/codegen/codegen.hpp"

#include "compiler/codegen/target.hpp"
#include "lang/errors.hpp"

#include <llvm/IR/Constants.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>

namespace sibyl::codegen {

namespace {

// Runs once per data set, or not even that: compiling it fast matters more than running it fast.
bool is_rarely_run(const ir::Function& function) {
  return function.name == "sizes" || function.name == "transform_data" || function.name == "transform_simulated_data";
}

struct Compilation {
  llvm::LLVMContext context;
  llvm::Module module{"sibyl", context};
  std::unique_ptr<llvm::TargetMachine> target;

  Compilation(const ir::Model& model, const std::vector<Entry>& entries, const std::string& metadata,
              const Machine& machine) {
    const bool fast =
        std::all_of(entries.begin(), entries.end(), [](const Entry& entry) { return is_rarely_run(*entry.function); });
    target = create_target_machine(machine, fast);
    module.setTargetTriple(target->getTargetTriple().str());
    module.setDataLayout(target->createDataLayout());
    module.setPICLevel(llvm::PICLevel::BigPIC);
    for (const Entry& entry : entries) emit_function(module, model, *entry.function, entry.variant, machine);
    if (!metadata.empty()) {
      llvm::Constant* text = llvm::ConstantDataArray::getString(context, metadata);
      new llvm::GlobalVariable(module, text->getType(), /*isConstant=*/true, llvm::GlobalValue::ExternalLinkage, text,
                               "sibyl_metadata");
    }
    std::string problem;
    llvm::raw_string_ostream stream(problem);
    if (llvm::verifyModule(module, &stream)) throw InternalError("invalid LLVM code: " + problem);
    optimize(module, *target);
  }

  std::string write(llvm::CodeGenFileType kind) {
    llvm::SmallVector<char, 0> bytes;
    llvm::raw_svector_ostream stream(bytes);
    llvm::legacy::PassManager passes;
    if (target->addPassesToEmitFile(passes, stream, nullptr, kind))
      throw InternalError("LLVM cannot write machine code for this processor");
    passes.run(module);
    return std::string(bytes.begin(), bytes.end());
  }
};

} // namespace

std::string emit_object(const ir::Model& model, const std::vector<Entry>& entries, const std::string& metadata,
                        const Machine& machine) {
  return Compilation(model, entries, metadata, machine).write(llvm::CodeGenFileType::ObjectFile);
}

std::string emit_text(const ir::Model& model, const ir::Function& function, Variant variant, const Machine& machine,
                      TextKind kind) {
  Compilation compilation(model, {{&function, variant}}, "", machine);
  if (kind == TextKind::assembly) return compilation.write(llvm::CodeGenFileType::AssemblyFile);
  std::string text;
  llvm::raw_string_ostream stream(text);
  compilation.module.print(stream, nullptr);
  return text;
}

} // namespace sibyl::codegen
