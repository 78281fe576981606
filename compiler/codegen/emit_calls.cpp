// Calls of callees. A callee's code takes the lanes that call it as a mask, and returns those that have not failed in
// it beside its results; every argument and result is one value for each lane. What it allocates it gives back: it
// starts from the caller's free memory and tape, and the caller keeps its own.
//
//   {code, lanes, results...} callee(call, lanes, arena, tape, stack limit, arguments...)
#include "compiler/codegen/emitter.hpp"

#include "compiler/interface/metadata.hpp"
#include "compiler/ir/calls.hpp"

namespace sibyl::codegen {

using llvm::BasicBlock;
using llvm::Type;
using llvm::Value;

llvm::Function* Emitter::declare_callee(llvm::Module& module, const ir::Model& model, std::uint32_t id, Variant variant,
                                        const Machine& machine) {
  const ir::Function& callee = model.callees[id];
  const std::string name = function_symbol("callee_" + std::to_string(id), variant.precision, variant.lanes);
  if (llvm::Function* made = module.getFunction(name)) return made;
  llvm::LLVMContext& context = module.getContext();
  Type *pointer = llvm::PointerType::getUnqual(context), *code = Type::getInt32Ty(context);
  const auto wide = [&](Type* type) -> Type* {
    return variant.lanes == 1 ? type : llvm::FixedVectorType::get(type, static_cast<unsigned>(variant.lanes));
  };
  const auto type_of = [&](ir::Type type) {
    if (type == ir::Type::integer) return wide(Type::getInt32Ty(context));
    if (type == ir::Type::boolean) return wide(Type::getInt1Ty(context));
    return wide(variant.precision == Precision::f32 ? Type::getFloatTy(context) : Type::getDoubleTy(context));
  };
  Type* mask = wide(Type::getInt1Ty(context));
  std::vector<Type*> results = {code, mask}, arguments = {pointer, mask, pointer, pointer, pointer};
  for (const ir::Type type : callee.results) results.push_back(type_of(type));
  for (const ir::Type type : callee.arguments) arguments.push_back(type_of(type));
  auto* type = llvm::FunctionType::get(llvm::StructType::get(context, results), arguments, false);
  auto* function = llvm::Function::Create(type, llvm::Function::InternalLinkage, name, module);
  function->setCallingConv(llvm::CallingConv::Fast);
  add_attributes(*function, machine);
  return function;
}

// Where a callee's own tape may begin: behind what any lane has pushed.
Value* Emitter::free_tape() {
  if (!uniformity_.divergent_tape) return builder_.CreateLoad(builder_.getPtrTy(), tape_);
  Value* tops = builder_.CreateLoad(wide(builder_.getInt32Ty()), tape_);
  Value* most = builder_.CreateZExt(builder_.CreateIntMaxReduce(tops, false), builder_.getInt64Ty());
  const std::uint64_t item_bytes = memory_size(ir::Type::real) * static_cast<std::uint64_t>(variant_.lanes);
  return builder_.CreateGEP(builder_.getInt8Ty(), tape_begin_, builder_.CreateMul(most, builder_.getInt64(item_bytes)));
}

Value* Emitter::frame_address(llvm::IRBuilder<>& builder) {
  return builder.CreateIntrinsic(llvm::Intrinsic::frameaddress, {builder.getPtrTy()}, {builder.getInt32(0)});
}

// Of all calls within one of a model's functions together: a quarter of what a thread has, and more than any but calls
// without end need.
Value* Emitter::stack_limit() {
  constexpr std::int64_t most_stack = std::int64_t{2} << 20;
  if (is_callee_) return code_->getArg(first_argument - 1);
  if (stack_limit_) return stack_limit_;
  BasicBlock& entry = code_->getEntryBlock();
  llvm::IRBuilder<> builder(&entry, entry.getFirstNonPHIOrDbgOrAlloca());
  stack_limit_ =
      builder.CreateConstGEP1_64(builder.getInt8Ty(), frame_address(builder), static_cast<std::uint64_t>(-most_stack));
  return stack_limit_;
}

void Emitter::emit_call(const ir::Instruction& instruction) {
  const ir::Function& described = model_.callees[instruction.id];
  llvm::Function* callee = declare_callee(module_, model_, instruction.id, variant_, machine_);
  called_.push_back(instruction.id);
  std::vector<Value*> arguments = {call_, current_mask(), builder_.CreateLoad(builder_.getPtrTy(), arena_), free_tape(),
                                   stack_limit()};
  for (const ir::ValueId operand : instruction.operands) arguments.push_back(widen(value(operand)));
  llvm::CallInst* returned = builder_.CreateCall(callee, arguments);
  returned->setCallingConv(callee->getCallingConv());

  Value* code = builder_.CreateExtractValue(returned, 0);
  BasicBlock *ended = block("callee_ended"), *goes_on = block("returned");
  branch_unlikely(builder_.CreateICmpUGT(code, builder_.getInt32(SIBYL_SOME_LANES_FAILED)), ended, goes_on);
  builder_.SetInsertPoint(ended);
  leave(code);
  builder_.SetInsertPoint(goes_on);

  std::vector<Value*>& results = call_results_[instruction.result];
  results.clear();
  for (unsigned i = 0; i < described.results.size(); ++i)
    results.push_back(builder_.CreateExtractValue(returned, first_result + i));
  set(instruction, results.front());
  if (!ir::may_fail(model_, described)) return;
  Value* failed = builder_.CreateAnd(current_mask(), builder_.CreateNot(builder_.CreateExtractValue(returned, 1)));
  BasicBlock *failure = block("callee_failed"), *passed = block("passed");
  branch_unlikely(any(failed), failure, passed);
  builder_.SetInsertPoint(failure);
  drop_failed(failed);
  builder_.CreateBr(passed);
  builder_.SetInsertPoint(passed);
}

void Emitter::emit_give(const ir::Instruction& instruction) {
  for (std::size_t i = 0; i < given_.size(); ++i)
    builder_.CreateStore(widen(value(instruction.operands[i])), given_[i]);
}

// A model's function returns the code alone.
void Emitter::leave(Value* code) {
  if (!is_callee_) {
    builder_.CreateRet(code);
    return;
  }
  Value* all = llvm::PoisonValue::get(code_->getReturnType());
  all = builder_.CreateInsertValue(all, code, 0);
  all = builder_.CreateInsertValue(all, builder_.CreateLoad(mask_type_, regions_.front().mask), 1);
  for (unsigned i = 0; i < given_.size(); ++i) {
    Value* result = builder_.CreateLoad(given_[i]->getAllocatedType(), given_[i]);
    all = builder_.CreateInsertValue(all, result, first_result + i);
  }
  builder_.CreateRet(all);
}

} // namespace sibyl::codegen
