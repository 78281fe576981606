// Instructions that compute values and cells: pure, the same for any control flow.
#include "compiler/codegen/emitter.hpp"

#include "compiler/math/vector_math.hpp"
#include "lang/errors.hpp"

#include <llvm/IR/Intrinsics.h>

namespace sibyl::codegen {

using llvm::Type;
using llvm::Value;
using llvm::Intrinsic::ID;

void Emitter::emit_value(const ir::Instruction& instruction) {
  using ir::Op;
  const auto operand = [&](std::size_t i) { return value(instruction.operands.at(i)); };
  switch (instruction.op) {
  case Op::constant: {
    Type* type = scalar_type(instruction.type);
    if (instruction.type == ir::Type::real) return set(instruction, llvm::ConstantFP::get(type, instruction.number));
    return set(instruction, llvm::ConstantInt::getSigned(type, -static_cast<std::int64_t>(-instruction.number)));
  }
  case Op::load_cell: {
    llvm::AllocaInst* cell = cells_[instruction.id];
    return set(instruction, builder_.CreateLoad(cell->getAllocatedType(), cell));
  }
  case Op::store_cell: {
    llvm::AllocaInst* cell = cells_[instruction.id];
    Value* stored = operand(0);
    if (!cell->getAllocatedType()->isVectorTy()) {
      builder_.CreateStore(stored, cell);
      return;
    }
    stored = widen(stored);
    if (masked())
      stored = builder_.CreateSelect(current_mask(), stored, builder_.CreateLoad(cell->getAllocatedType(), cell));
    builder_.CreateStore(stored, cell);
    return;
  }
  case Op::select: {
    Value *condition = operand(0), *yes = operand(1), *no = operand(2);
    if (is_wide(condition) || is_wide(yes) || is_wide(no)) yes = widen(yes), no = widen(no);
    return set(instruction, builder_.CreateSelect(condition, yes, no));
  }
  case Op::hold:
  case Op::with_slopes: return set(instruction, operand(0));
  case Op::argument:
    return set(instruction, code_->getArg(first_argument + static_cast<unsigned>(instruction.number)));
  case Op::has_stack: return set(instruction, builder_.CreateICmpUGT(frame_address(builder_), stack_limit()));
  case Op::result_of: {
    const std::vector<Value*>& results = call_results_.at(instruction.operands.at(0));
    return set(instruction, results.at(static_cast<std::size_t>(instruction.number)));
  }
  case Op::fma: {
    Value *x = operand(0), *y = operand(1), *z = operand(2);
    same_width(x, y, z);
    return set(instruction, builder_.CreateIntrinsic(x->getType(), llvm::Intrinsic::fma, {x, y, z}));
  }
  case Op::is_nan: return set(instruction, builder_.CreateFCmpUNO(operand(0), operand(0)));
  case Op::is_infinite: {
    Value* magnitude = builder_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, operand(0));
    return set(instruction, builder_.CreateFCmpOEQ(magnitude, llvm::ConstantFP::getInfinity(magnitude->getType())));
  }
  case Op::logical_not: return set(instruction, builder_.CreateNot(operand(0)));
  case Op::negate:
    return set(instruction,
               instruction.type == ir::Type::real ? builder_.CreateFNeg(operand(0)) : builder_.CreateNeg(operand(0)));
  case Op::to_real: {
    Value* from = operand(0);
    const bool boolean = from->getType()->getScalarType()->isIntegerTy(1);
    Type* type = is_wide(from) ? wide(real_) : real_;
    return set(instruction, boolean ? builder_.CreateUIToFP(from, type) : builder_.CreateSIToFP(from, type));
  }
  case Op::to_integer: {
    Value* from = operand(0);
    Type* type = is_wide(from) ? wide(builder_.getInt32Ty()) : builder_.getInt32Ty();
    if (from->getType()->getScalarType()->isIntegerTy(1)) return set(instruction, builder_.CreateZExt(from, type));
    return set(instruction, builder_.CreateIntrinsic(type, llvm::Intrinsic::fptosi_sat, {from}));
  }
  case Op::math: {
    std::vector<Value*> arguments;
    bool varying = false;
    for (const ir::ValueId id : instruction.operands) varying |= is_wide(value(id));
    for (const ir::ValueId id : instruction.operands) arguments.push_back(varying ? widen(value(id)) : value(id));
    return set(instruction, emit_math(builder_, static_cast<ir::MathFunction>(instruction.id), arguments));
  }
  case Op::equal:
  case Op::not_equal:
  case Op::less:
  case Op::less_equal:
  case Op::greater:
  case Op::greater_equal: return set(instruction, compare(instruction));
  default:
    if (instruction.op == Op::multiply && fusion_.product[instruction.result]) return; // part of an addition
    return set(instruction, arithmetic(instruction));
  }
}

Value* Emitter::arithmetic(const ir::Instruction& instruction) {
  using ir::Op;
  const bool real = instruction.type == ir::Type::real;
  if (real && (instruction.op == Op::add || instruction.op == Op::subtract)) return add_or_fuse(instruction);
  Value *a = value(instruction.operands.at(0)), *b = value(instruction.operands.at(1));
  same_width(a, b);
  switch (instruction.op) {
  case Op::add: return builder_.CreateAdd(a, b);
  case Op::subtract: return builder_.CreateSub(a, b);
  case Op::multiply: return real ? builder_.CreateFMul(a, b) : builder_.CreateMul(a, b);
  case Op::divide: return real ? builder_.CreateFDiv(a, b) : divide_integers(a, b);
  case Op::modulo: return builder_.CreateSub(a, builder_.CreateMul(divide_integers(a, b), b));
  case Op::minimum: return builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, a, b);
  case Op::maximum: return builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, a, b);
  case Op::logical_and: return builder_.CreateAnd(a, b);
  case Op::logical_or: return builder_.CreateOr(a, b);
  default: throw InternalError("no code for operation " + std::to_string(static_cast<int>(instruction.op)));
  }
}

// One multiply-add where the processor has it, a product and a sum where not: the same for every number of lanes.
Value* Emitter::add_or_fuse(const ir::Instruction& instruction) {
  const bool subtracts = instruction.op == ir::Op::subtract;
  for (std::size_t i = 0; i < 2; ++i) {
    const ir::Instruction* product = fusion_.product[instruction.operands.at(i)];
    if (!product) continue;
    Value *x = value(product->operands[0]), *y = value(product->operands[1]), *z = value(instruction.operands[1 - i]);
    same_width(x, y, z);
    if (subtracts && i == 0) z = builder_.CreateFNeg(z);
    if (subtracts && i == 1) x = builder_.CreateFNeg(x);
    return builder_.CreateIntrinsic(x->getType(), llvm::Intrinsic::fmuladd, {x, y, z});
  }
  Value *a = value(instruction.operands[0]), *b = value(instruction.operands[1]);
  same_width(a, b);
  return subtracts ? builder_.CreateFSub(a, b) : builder_.CreateFAdd(a, b);
}

// Processors have no vector division of integers, and a lane that takes no part may have any divisor. The quotient of
// two int32 as doubles, truncated, is exact; it saturates where the division overflows or its divisor is zero.
Value* Emitter::divide_integers(Value* dividend, Value* divisor) {
  Type* integer = dividend->getType();
  Type* number = integer->getWithNewType(builder_.getDoubleTy());
  Value* quotient =
      builder_.CreateFDiv(builder_.CreateSIToFP(dividend, number), builder_.CreateSIToFP(divisor, number));
  Type* wide_integer = integer->getWithNewType(builder_.getInt64Ty());
  // Through 64 bits: the one quotient that int32 cannot hold, 2^31, wraps as the page on the representation says.
  Value* whole = builder_.CreateIntrinsic(wide_integer, llvm::Intrinsic::fptosi_sat, {quotient});
  return builder_.CreateTrunc(whole, integer);
}

Value* Emitter::compare(const ir::Instruction& instruction) {
  using llvm::CmpInst;
  Value *a = value(instruction.operands.at(0)), *b = value(instruction.operands.at(1));
  same_width(a, b);
  const bool real = a->getType()->isFPOrFPVectorTy();
  CmpInst::Predicate predicate;
  switch (instruction.op) {
  case ir::Op::equal: predicate = real ? CmpInst::FCMP_OEQ : CmpInst::ICMP_EQ; break;
  case ir::Op::not_equal: predicate = real ? CmpInst::FCMP_UNE : CmpInst::ICMP_NE; break;
  case ir::Op::less: predicate = real ? CmpInst::FCMP_OLT : CmpInst::ICMP_SLT; break;
  case ir::Op::less_equal: predicate = real ? CmpInst::FCMP_OLE : CmpInst::ICMP_SLE; break;
  case ir::Op::greater: predicate = real ? CmpInst::FCMP_OGT : CmpInst::ICMP_SGT; break;
  default: predicate = real ? CmpInst::FCMP_OGE : CmpInst::ICMP_SGE; break;
  }
  return builder_.CreateCmp(predicate, a, b);
}

Value* Emitter::convert_to_memory(Value* value, ir::Type type) {
  if (type != ir::Type::boolean) return value;
  return builder_.CreateZExt(value, value->getType()->getWithNewBitWidth(32));
}

Value* Emitter::convert_from_memory(Value* value, ir::Type type) {
  if (type != ir::Type::boolean) return value;
  return builder_.CreateICmpNE(value, llvm::Constant::getNullValue(value->getType()));
}

} // namespace sibyl::codegen
