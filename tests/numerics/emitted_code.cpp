#include "tests/numerics/emitted_code.hpp"

#include "compiler/codegen/machine.hpp"
#include "compiler/codegen/target.hpp"
#include "compiler/math/philox.hpp"
#include "compiler/math/vector_math.hpp"

#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/raw_ostream.h>

#include <functional>
#include <stdexcept>
#include <string>

namespace sibyl::test {

namespace {

using llvm::Type;
using llvm::Value;

template <typename R>
R unwrap(llvm::Expected<R> expected) {
  if (!expected) throw std::runtime_error(llvm::toString(expected.takeError()));
  return std::move(*expected);
}

// Functions `void name(const T* a, const T* b, T* out, i64 blocks)`, each a loop over blocks of W elements.
class Writer {
 public:
  Writer(llvm::Module& module, Type* element, unsigned lanes)
      : module_(module), builder_(module.getContext()), element_(element), lanes_(lanes) {}

  llvm::IRBuilder<>& builder() { return builder_; }
  Type* wide(Type* type) const { return lanes_ == 1 ? type : llvm::FixedVectorType::get(type, lanes_); }

  // `body(first, second, out, position)`: position is that of the block's first element.
  void loop(const std::string& name, const std::function<void(Value*, Value*, Value*, Value*)>& body) {
    llvm::LLVMContext& context = module_.getContext();
    Type *pointer = builder_.getPtrTy(), *i64 = builder_.getInt64Ty();
    auto* type = llvm::FunctionType::get(builder_.getVoidTy(), {pointer, pointer, pointer, i64}, false);
    auto* function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, module_);
    const std::string bits = std::to_string(codegen::host_machine().vector_bits);
    function->addFnAttr("prefer-vector-width", bits);
    function->addFnAttr("min-legal-vector-width", bits);
    auto* entry = llvm::BasicBlock::Create(context, "entry", function);
    auto* repeat = llvm::BasicBlock::Create(context, "repeat", function);
    auto* done = llvm::BasicBlock::Create(context, "done", function);
    builder_.SetInsertPoint(entry);
    builder_.CreateBr(repeat);
    builder_.SetInsertPoint(repeat);
    llvm::PHINode* block = builder_.CreatePHI(i64, 2);
    block->addIncoming(builder_.getInt64(0), entry);
    body(function->getArg(0), function->getArg(1), function->getArg(2),
         builder_.CreateMul(block, builder_.getInt64(lanes_)));
    Value* next = builder_.CreateAdd(block, builder_.getInt64(1));
    block->addIncoming(next, builder_.GetInsertBlock());
    builder_.CreateCondBr(builder_.CreateICmpULT(next, function->getArg(3)), repeat, done);
    builder_.SetInsertPoint(done);
    builder_.CreateRetVoid();
  }

  Value* load(Type* type, Value* base, Value* position) {
    return builder_.CreateAlignedLoad(wide(type), builder_.CreateGEP(type, base, position), llvm::Align(4));
  }
  void store(Type* type, Value* value, Value* base, Value* position) {
    builder_.CreateAlignedStore(value, builder_.CreateGEP(type, base, position), llvm::Align(4));
  }
  Value* splat(Value* scalar) { return lanes_ == 1 ? scalar : builder_.CreateVectorSplat(lanes_, scalar); }

  void math(ir::MathFunction function) {
    loop("math_" + std::string(name_of(function)), [&](Value* x, Value* y, Value* out, Value* position) {
      std::vector<Value*> arguments{load(element_, x, position)};
      if (arity(function) == 2) arguments.push_back(load(element_, y, position));
      store(element_, emit_math(builder_, function, arguments), out, position);
    });
  }

  // Arrays of structures of arrays: word k of the block at `position` lies k * blocks elements further.
  void random() {
    Type* i32 = builder_.getInt32Ty();
    loop("random", [&](Value* counters, Value* key, Value* out, Value* position) {
      Value* total = builder_.CreateMul(builder_.GetInsertBlock()->getParent()->getArg(3), builder_.getInt64(lanes_));
      const auto at = [&](std::uint64_t k) {
        return builder_.CreateAdd(position, builder_.CreateMul(total, builder_.getInt64(k)));
      };
      std::array<Value*, 4> counter;
      for (std::uint64_t k = 0; k < 4; ++k) counter[k] = load(i32, counters, at(k));
      std::array<Value*, 2> keys;
      for (std::uint64_t k = 0; k < 2; ++k)
        keys[k] = splat(builder_.CreateLoad(i32, builder_.CreateConstGEP1_64(i32, key, k)));
      const auto words = emit_philox(builder_, counter, keys);
      for (std::uint64_t k = 0; k < 4; ++k) store(i32, words[k], counters, at(k));
      std::uint64_t k = 0;
      for (Value* value : emit_uniforms(builder_, words, element_)) store(element_, value, out, at(k++));
      for (Value* value : emit_normals(builder_, words, element_)) store(element_, value, out, at(k++));
    });
  }

  void normals_only() {
    Type* i32 = builder_.getInt32Ty();
    loop("normals", [&](Value* first, Value*, Value* out, Value* position) {
      Value* counter = splat(builder_.CreateAdd(builder_.CreateLoad(i32, first), builder_.CreateTrunc(position, i32)));
      for (unsigned lane = 0; lane < lanes_ && lanes_ > 1; ++lane)
        counter = builder_.CreateInsertElement(
            counter, builder_.CreateAdd(builder_.CreateExtractElement(counter, lane), builder_.getInt32(lane)), lane);
      Value* zero = splat(builder_.getInt32(0));
      const auto words = emit_philox(builder_, {counter, zero, zero, zero}, {zero, zero});
      Value* sum = load(element_, out, builder_.getInt64(0));
      for (Value* value : emit_normals(builder_, words, element_)) sum = builder_.CreateFAdd(sum, value);
      store(element_, sum, out, builder_.getInt64(0));
    });
  }

 private:
  llvm::Module& module_;
  llvm::IRBuilder<> builder_;
  Type* element_;
  unsigned lanes_;
};

using Code = void (*)(const void*, const void*, void*, std::int64_t);

} // namespace

template <typename T>
struct EmittedCode<T>::Linked {
  std::size_t lanes;
  std::unique_ptr<llvm::orc::LLJIT> jit;

  Code find(const std::string& name) const { return unwrap(jit->lookup(name)).template toPtr<Code>(); }
  // Blocks of whole lanes.
  std::size_t blocks(std::size_t count) const { return (count + lanes - 1) / lanes; }
};

template <typename T>
EmittedCode<T>::EmittedCode(int lanes) : linked_(std::make_unique<Linked>()) {
  linked_->lanes = static_cast<std::size_t>(lanes);
  const auto target = codegen::create_target_machine(codegen::host_machine());
  llvm::LLVMContext context;
  llvm::Module module("emitted", context);
  module.setTargetTriple(target->getTargetTriple().str());
  module.setDataLayout(target->createDataLayout());
  Type* element = sizeof(T) == 8 ? Type::getDoubleTy(context) : Type::getFloatTy(context);
  Writer writer(module, element, static_cast<unsigned>(lanes));
  for (std::size_t i = 0; i < ir::math_function_count; ++i) writer.math(static_cast<ir::MathFunction>(i));
  writer.random();
  writer.normals_only();
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  if (llvm::verifyModule(module, &stream)) throw std::runtime_error(problem);
  codegen::optimize(module, *target, codegen::Effort::most);
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream object(bytes);
  llvm::legacy::PassManager passes;
  target->addPassesToEmitFile(passes, object, nullptr, llvm::CodeGenFileType::ObjectFile);
  passes.run(module);
  linked_->jit = unwrap(llvm::orc::LLJITBuilder().setPlatformSetUp(llvm::orc::setUpInactivePlatform).create());
  if (auto error = linked_->jit->addObjectFile(
          llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(bytes.data(), bytes.size()), "emitted")))
    throw std::runtime_error(llvm::toString(std::move(error)));
}

template <typename T>
EmittedCode<T>::~EmittedCode() = default;

template <typename T>
std::vector<T> EmittedCode<T>::operator()(ir::MathFunction function, std::vector<T> x, std::vector<T> y) const {
  const std::size_t count = x.size(), blocks = linked_->blocks(count);
  x.resize(blocks * linked_->lanes, T(1));
  y.resize(blocks * linked_->lanes, T(1));
  std::vector<T> out(x.size());
  linked_->find("math_" + std::string(name_of(function)))(x.data(), y.data(), out.data(),
                                                          static_cast<std::int64_t>(blocks));
  out.resize(count);
  return out;
}

template <typename T>
std::vector<typename EmittedCode<T>::Block> EmittedCode<T>::random(std::vector<Words> counters,
                                                                   std::array<std::uint32_t, 2> key) const {
  const std::size_t count = counters.size(), blocks = linked_->blocks(count), total = blocks * linked_->lanes;
  constexpr std::size_t per_block = sizeof(T) == 8 ? 2 : 4;
  std::vector<std::uint32_t> words(4 * total);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t k = 0; k < 4; ++k) words[k * total + i] = counters[i][k];
  std::vector<T> values(2 * per_block * total);
  linked_->find("random")(words.data(), key.data(), values.data(), static_cast<std::int64_t>(blocks));
  std::vector<Block> result(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < 4; ++k) result[i].words[k] = words[k * total + i];
    for (std::size_t k = 0; k < per_block; ++k) {
      result[i].uniforms.push_back(values[k * total + i]);
      result[i].normals.push_back(values[(per_block + k) * total + i]);
    }
  }
  return result;
}

template <typename T>
double EmittedCode<T>::sum_of_normals(std::uint32_t first, std::size_t count) const {
  std::vector<T> sums(linked_->lanes);
  linked_->find("normals")(&first, nullptr, sums.data(), static_cast<std::int64_t>(linked_->blocks(count)));
  double total = 0;
  for (const T sum : sums) total += static_cast<double>(sum);
  return total;
}

template class EmittedCode<float>;
template class EmittedCode<double>;

} // namespace sibyl::test
