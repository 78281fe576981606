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
#include <functional>

namespace sibyl::codegen {

namespace {

Effort effort_for(const Entry& entry) {
  const std::string& name = entry.function->name;
  if (name == "sizes" || name == "transform_data" || name == "transform_simulated_data") return Effort::least;
  return runs_often(*entry.function) ? Effort::most : Effort::little;
}

struct Compilation {
  llvm::LLVMContext context;
  llvm::Module module{"sibyl", context};
  std::unique_ptr<llvm::TargetMachine> target;

  Compilation(
      const ir::Model& model, const std::vector<Entry>& entries, const Machine& machine,
      const std::function<void(llvm::Module&)>& complete = [](llvm::Module&) {}) {
    Effort effort = Effort::least;
    for (const Entry& entry : entries) effort = std::max(effort, effort_for(entry));
    target = create_target_machine(machine, effort);
    module.setTargetTriple(target->getTargetTriple().str());
    module.setDataLayout(target->createDataLayout());
    if (machine.triple.empty()) module.setPICLevel(llvm::PICLevel::BigPIC);
    for (const Entry& entry : entries) emit_function(module, model, *entry.function, entry.variant, machine);
    complete(module);
    std::string problem;
    llvm::raw_string_ostream stream(problem);
    if (llvm::verifyModule(module, &stream)) throw InternalError("invalid LLVM code: " + problem);
    optimize(module, *target, effort);
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

llvm::GlobalVariable* add_constant(llvm::Module& module, llvm::Constant* value, const std::string& name) {
  auto* constant = new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                            llvm::GlobalValue::ExternalLinkage, value, name);
  constant->setAlignment(llvm::Align(16)); // bytes may hold numbers
  return constant;
}

llvm::Constant* add_private(llvm::Module& module, llvm::Constant* value) {
  return new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true, llvm::GlobalValue::PrivateLinkage,
                                  value);
}

// The structs sibyl_linked_function and sibyl_linked_code of compiler/interface/abi.h.
void add_function_table(llvm::Module& module, const Machine& machine) {
  llvm::LLVMContext& context = module.getContext();
  llvm::Type* pointer = llvm::PointerType::getUnqual(context);
  llvm::StructType* row = llvm::StructType::get(pointer, pointer);
  std::vector<llvm::Constant*> rows;
  for (llvm::Function& function : module) {
    if (function.isDeclaration() || !function.hasExternalLinkage()) continue;
    function.setLinkage(llvm::GlobalValue::InternalLinkage);
    llvm::Constant* name = llvm::ConstantDataArray::getString(context, function.getName());
    rows.push_back(llvm::ConstantStruct::get(row, add_private(module, name), &function));
  }
  rows.push_back(llvm::Constant::getNullValue(row));
  llvm::Constant* table = llvm::ConstantArray::get(llvm::ArrayType::get(row, rows.size()), rows);
  const auto integer = [&](int value) { return llvm::ConstantInt::getSigned(llvm::Type::getInt32Ty(context), value); };
  llvm::Constant* code =
      llvm::ConstantStruct::getAnon({integer(machine.vector_bits), integer(preferred_lanes(machine, Precision::f32)),
                                     integer(preferred_lanes(machine, Precision::f64)), add_private(module, table)});
  add_constant(module, code, "sibyl_code_" + std::to_string(machine.vector_bits));
}

} // namespace

bool runs_often(const ir::Function& function) {
  return function.name == "log_density" || function.name == "log_density_gradient" || function.name == "simulate" ||
         function.name == "simulate_data";
}

std::string emit_object(const ir::Model& model, const std::vector<Entry>& entries, const Machine& machine,
                        const std::vector<Constant>& constants) {
  const auto add_all = [&](llvm::Module& module) {
    for (const Constant& one : constants)
      add_constant(module, llvm::ConstantDataArray::getString(module.getContext(), one.bytes), one.name);
  };
  return Compilation(model, entries, machine, add_all).write(llvm::CodeGenFileType::ObjectFile);
}

std::string emit_linked_object(const ir::Model& model, const std::vector<Entry>& entries, const Machine& machine) {
  const auto add_table = [&](llvm::Module& module) { add_function_table(module, machine); };
  return Compilation(model, entries, machine, add_table).write(llvm::CodeGenFileType::ObjectFile);
}

std::string emit_text(const ir::Model& model, const ir::Function& function, Variant variant, const Machine& machine,
                      TextKind kind) {
  Compilation compilation(model, {{&function, variant}}, machine);
  if (kind == TextKind::assembly) return compilation.write(llvm::CodeGenFileType::AssemblyFile);
  std::string text;
  llvm::raw_string_ostream stream(text);
  compilation.module.print(stream, nullptr);
  return text;
}

} // namespace sibyl::codegen
