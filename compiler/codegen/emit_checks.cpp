// Checks, rejections and print statements. The fast path of a check is one test and a branch that is never taken.
#include "compiler/codegen/emitter.hpp"

#include <cstddef>

namespace sibyl::codegen {

using llvm::BasicBlock;
using llvm::Type;
using llvm::Value;

void Emitter::emit_check(const ir::Instruction& instruction) {
  const bool always = instruction.op == ir::Op::reject;
  Value* lanes = current_mask();
  if (!always) {
    Value* wrong = builder_.CreateNot(value(instruction.operands.at(0)));
    if (is_wide(wrong) || single_lane()) lanes = builder_.CreateAnd(lanes, wrong);
    else lanes = builder_.CreateSelect(wrong, lanes, llvm::Constant::getNullValue(mask_type_));
  }
  BasicBlock *failure = block("check_failed"), *passed = block("passed");
  branch_unlikely(any(lanes), failure, passed);
  builder_.SetInsertPoint(failure);
  fail(lanes, instruction, always ? 0 : 1);
  builder_.CreateBr(passed);
  builder_.SetInsertPoint(passed);
}

// Records the lanes, takes them out of every mask, and goes to the exit of the outermost region that is now empty; goes
// on where there is none.
void Emitter::fail(Value* lanes, const ir::Instruction& instruction, std::size_t first_value) {
  Value* values = store_reported(instruction, first_value);
  const auto count = static_cast<unsigned>(instruction.operands.size() - first_value);
  builder_.CreateCall(reporter(false),
                      {call_, builder_.getInt32(instruction.id), lane_bits(lanes), values, builder_.getInt32(count)});
  drop_failed(lanes);
}

void Emitter::drop_failed(Value* lanes) {
  builder_.CreateStore(builder_.getInt32(SIBYL_SOME_LANES_FAILED), status_);
  remove_lanes(lanes, 0);
  for (const Region& region : regions_) {
    BasicBlock* stay = block("stay");
    builder_.CreateCondBr(any(builder_.CreateLoad(mask_type_, region.mask)), stay, region.exit);
    builder_.SetInsertPoint(stay);
  }
}

// The values of a message as doubles, [value][lane].
Value* Emitter::store_reported(const ir::Instruction& instruction, std::size_t first_value) {
  Type* row = wide(builder_.getDoubleTy());
  if (!reported_) reported_ = slot(llvm::ArrayType::get(row, SIBYL_MAX_REPORTED_VALUES), "reported");
  for (std::size_t i = first_value; i < instruction.operands.size(); ++i) {
    Value* reported = value(instruction.operands[i]);
    Type* type = is_wide(reported) ? row : builder_.getDoubleTy();
    Type* from = reported->getType()->getScalarType();
    if (from->isIntegerTy(1)) reported = builder_.CreateUIToFP(reported, type);
    else if (from->isIntegerTy()) reported = builder_.CreateSIToFP(reported, type);
    else if (from->isFloatTy()) reported = builder_.CreateFPExt(reported, type);
    builder_.CreateAlignedStore(widen(reported), builder_.CreateConstGEP1_64(row, reported_, i - first_value),
                                llvm::Align(8));
  }
  return reported_;
}

Value* Emitter::lane_bits(Value* lanes) {
  if (!single_lane()) lanes = builder_.CreateBitCast(lanes, builder_.getIntNTy(static_cast<unsigned>(variant_.lanes)));
  return builder_.CreateZExt(lanes, builder_.getInt64Ty());
}

void Emitter::emit_print(const ir::Instruction& instruction) {
  Value* values = store_reported(instruction, 0);
  const auto count = static_cast<unsigned>(instruction.operands.size());
  builder_.CreateCall(reporter(true), {call_, builder_.getInt32(instruction.id), lane_bits(current_mask()), values,
                                       builder_.getInt32(count)});
}

// void report(call, message, lanes as bits, values [value][lane], count): for each lane in turn, either writes the
// failure where the caller looks for it, or calls the caller's print. Out of line: it is rare, and checks are many.
llvm::Function* Emitter::reporter(bool prints) {
  const std::string name = std::string(prints ? "print_x" : "record_failure_x") + std::to_string(variant_.lanes);
  if (llvm::Function* made = module_.getFunction(name)) return made;
  llvm::IRBuilder<> builder(context_);
  Type *i32 = builder.getInt32Ty(), *i64 = builder.getInt64Ty(), *pointer = builder.getPtrTy(),
       *number = builder.getDoubleTy();
  auto* function =
      llvm::Function::Create(llvm::FunctionType::get(builder.getVoidTy(), {pointer, i32, i64, pointer, i32}, false),
                             llvm::Function::InternalLinkage, name, module_);
  function->addFnAttr(llvm::Attribute::NoInline);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  function->addFnAttr(llvm::Attribute::Cold);
  Value *call = function->getArg(0), *message = function->getArg(1), *bits = function->getArg(2),
        *values = function->getArg(3), *count = function->getArg(4);
  const auto block = [&](const char* label) { return BasicBlock::Create(context_, label, function); };
  BasicBlock *entry = block("entry"), *lane_head = block("lane"), *take = block("take"), *value_head = block("value"),
             *copy = block("copy"), *copied = block("copied"), *next = block("next"), *done = block("done");
  const auto load_pointer = [&](std::size_t offset) {
    return builder.CreateLoad(pointer, builder.CreateConstGEP1_64(builder.getInt8Ty(), call, offset));
  };
  Value* width = builder.getInt64(static_cast<unsigned>(variant_.lanes));

  builder.SetInsertPoint(entry);
  Value* list = builder.CreateAlloca(llvm::ArrayType::get(number, SIBYL_MAX_REPORTED_VALUES));
  Value* print = prints ? load_pointer(offsetof(sibyl_call, print)) : nullptr;
  Value* messages = load_pointer(offsetof(sibyl_call, failed_message));
  Value* failed_values = load_pointer(offsetof(sibyl_call, failed_values));
  Value* wide_count = builder.CreateZExt(count, i64);
  if (prints) builder.CreateCondBr(builder.CreateIsNull(print), done, lane_head);
  else builder.CreateBr(lane_head);

  builder.SetInsertPoint(lane_head);
  llvm::PHINode* lane = builder.CreatePHI(i64, 2);
  lane->addIncoming(builder.getInt64(0), entry);
  Value* bit = builder.CreateAnd(builder.CreateLShr(bits, lane), builder.getInt64(1));
  builder.CreateCondBr(builder.CreateIsNull(bit), next, take);

  builder.SetInsertPoint(take);
  Value* target = list;
  if (!prints) {
    builder.CreateStore(message, builder.CreateGEP(i32, messages, lane));
    Value* row = builder.CreateMul(lane, builder.getInt64(SIBYL_MAX_REPORTED_VALUES));
    target = builder.CreateGEP(number, failed_values, row);
  }
  builder.CreateBr(value_head);

  builder.SetInsertPoint(value_head);
  llvm::PHINode* i = builder.CreatePHI(i64, 2);
  i->addIncoming(builder.getInt64(0), take);
  builder.CreateCondBr(builder.CreateICmpULT(i, wide_count), copy, copied);
  builder.SetInsertPoint(copy);
  Value* from = builder.CreateGEP(number, values, builder.CreateAdd(builder.CreateMul(i, width), lane));
  builder.CreateStore(builder.CreateAlignedLoad(number, from, llvm::Align(8)), builder.CreateGEP(number, target, i));
  i->addIncoming(builder.CreateAdd(i, builder.getInt64(1)), copy);
  builder.CreateBr(value_head);

  builder.SetInsertPoint(copied);
  if (prints) {
    auto* type = llvm::FunctionType::get(builder.getVoidTy(), {pointer, i32, i32, pointer, i32}, false);
    builder.CreateCall(type, print, {call, message, builder.CreateTrunc(lane, i32), list, count});
  }
  builder.CreateBr(next);

  builder.SetInsertPoint(next);
  Value* following = builder.CreateAdd(lane, builder.getInt64(1));
  lane->addIncoming(following, next);
  builder.CreateCondBr(builder.CreateICmpULT(following, width), lane_head, done);
  builder.SetInsertPoint(done);
  builder.CreateRetVoid();
  return function;
}

} // namespace sibyl::codegen
