#include "compiler/jit/fingerprint.hpp"

#include "compiler/ir/calls.hpp"
#include "sibyl_code_version.hpp" // generated: changes whenever the code generator's sources do

#include <llvm/ADT/StringExtras.h>
#include <llvm/Support/SHA256.h>

#include <cstring>
#include <type_traits>

namespace sibyl::jit {

namespace {

// The function's structure as bytes; unlike a printed text it keeps every bit of every constant.
class Writer {
 public:
  template <typename T>
  void add(T value) {
    static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    bytes_.append(bytes, sizeof value);
  }
  void add_text(std::string_view text) {
    add(text.size());
    bytes_.append(text);
  }
  void add_function(const ir::Function& function) {
    add(function.value_count);
    add(function.cells.size());
    for (const ir::Cell& cell : function.cells) add(cell.type);
    add(function.arrays.size());
    for (const ir::Array& array : function.arrays) {
      add(array.element);
      add(array.rank);
      add(array.binding);
      add(array.variable);
    }
    for (const auto* types : {&function.arguments, &function.results}) {
      add(types->size());
      for (const ir::Type type : *types) add(type);
    }
    add_block(function.body);
  }
  void add_block(const ir::Block& block) {
    add(block.size());
    for (const ir::Instruction& instruction : block) {
      add(instruction.op);
      add(instruction.type);
      add(instruction.result);
      add(instruction.id);
      add(instruction.number);
      add(instruction.operands.size());
      for (const ir::ValueId operand : instruction.operands) add(operand);
      add(instruction.blocks.size());
      for (const ir::Block& inner : instruction.blocks) add_block(inner);
    }
  }
  std::string digest() const {
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes_.data());
    const auto hash = llvm::SHA256::hash(llvm::ArrayRef(data, bytes_.size()));
    return llvm::toHex(llvm::ArrayRef(hash.data(), hash.size()), /*LowerCase=*/true);
  }

 private:
  std::string bytes_;
};

} // namespace

std::string_view hashed_sources() { return code_sources; }

std::string fingerprint(const ir::Model& model, const ir::Function& function, codegen::Variant variant,
                        const codegen::Machine& machine) {
  Writer writer;
  writer.add_text(code_version);
  writer.add_text(machine.cpu);
  writer.add_text(machine.features);
  writer.add(machine.vector_bits);
  writer.add(variant.precision);
  writer.add(variant.lanes);
  writer.add_text(function.name);
  writer.add_function(function);
  for (const std::uint32_t id : ir::reachable_callees(model, function)) {
    writer.add(id);
    writer.add_function(model.callees[id]);
  }
  return writer.digest();
}

} // namespace sibyl::jit
