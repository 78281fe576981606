// Draws: each value is a function of the seed, the data set's index, the site, and the iterations of the enclosing
// loops, which all lanes count together.
//
// A Philox block's counter is
//   word 0  iteration of the innermost loop / values per block   (0 outside of loops)
//   word 1  iteration of the loop around it
//   word 2  site, mixed with the iterations of the loops further out and with the index's high word
//   word 3  the index's low word
// and its key is the seed. A block serves several iterations of the innermost loop: it is kept until another is needed.
#include "compiler/codegen/emitter.hpp"

#include "compiler/interface/metadata.hpp"
#include "compiler/math/philox.hpp"

#include <cstddef>

namespace sibyl::codegen {

using llvm::AllocaInst;
using llvm::BasicBlock;
using llvm::Type;
using llvm::Value;

Type* Emitter::block_type() {
  return llvm::ArrayType::get(wide(real_), static_cast<std::uint64_t>(values_per_block()));
}

// Buffers for the draws of one loop, not of those within it.
void Emitter::create_draw_buffers(const ir::Block& block, std::vector<DrawBuffer>& created) {
  for (const ir::Instruction& instruction : block) {
    if (has(instruction.op, ir::trait::draws)) {
      const DrawBuffer buffer{&instruction, slot(block_type(), "draws"), slot(builder_.getInt32Ty(), "draws_block")};
      draw_buffers_.insert_or_assign(&instruction, buffer);
      created.push_back(buffer);
    } else if (instruction.op == ir::Op::if_) {
      for (const ir::Block& side : instruction.blocks) create_draw_buffers(side, created);
    }
  }
}

// In a walk every lane starts with a fresh block, so all blocks are filled together, before the steps that use them.
void Emitter::fill_draw_buffers(const ir::Instruction& loop) {
  std::vector<DrawBuffer> buffers;
  for (const ir::Block& block : loop.blocks) create_draw_buffers(block, buffers);
  llvm::AllocaInst* iteration = loops_.back().iteration;
  Value* count = builder_.CreateLoad(iteration->getAllocatedType(), iteration);
  Value* number = builder_.CreateUDiv(count, widen(builder_.getInt32(static_cast<unsigned>(values_per_block()))));
  for (const DrawBuffer& buffer : buffers) draw(*buffer.draw, number, buffer.values);
}

void Emitter::emit_draw(const ir::Instruction& instruction) {
  if (loops_.empty()) return set(instruction, draw(instruction, builder_.getInt32(0), nullptr));
  const Loop& loop = loops_.back();
  Type* i32 = builder_.getInt32Ty();
  const auto value_at = [&](AllocaInst* values, Value* position) {
    Value* place = builder_.CreateGEP(wide(real_), values, builder_.CreateZExt(position, builder_.getInt64Ty()));
    return builder_.CreateLoad(wide(real_), place);
  };
  if (loop.position) {
    Value* position = builder_.CreateLoad(i32, loop.position);
    return set(instruction, value_at(draw_buffers_.at(&instruction).values, position));
  }

  const auto per_block = static_cast<unsigned>(values_per_block());
  Value* iteration = builder_.CreateLoad(loop.iteration->getAllocatedType(), loop.iteration);
  if (is_wide(iteration)) { // lanes are at different places of their blocks
    Value* size = widen(builder_.getInt32(per_block));
    AllocaInst* values = slot(block_type(), "draws");
    draw(instruction, builder_.CreateUDiv(iteration, size), values);
    Value* position = builder_.CreateURem(iteration, size);
    Value* chosen = value_at(values, builder_.getInt32(0));
    for (unsigned i = 1; i < per_block; ++i)
      chosen = builder_.CreateSelect(builder_.CreateICmpEQ(position, widen(builder_.getInt32(i))),
                                     value_at(values, builder_.getInt32(i)), chosen);
    return set(instruction, chosen);
  }

  const DrawBuffer& buffer = draw_buffers_.at(&instruction);
  Value* number = builder_.CreateUDiv(iteration, builder_.getInt32(per_block));
  Value* position = builder_.CreateURem(iteration, builder_.getInt32(per_block));
  BasicBlock *refill = block("refill"), *filled = block("filled");
  Value* is_filled = builder_.CreateICmpEQ(number, builder_.CreateLoad(i32, buffer.filled));
  builder_.CreateCondBr(is_filled, filled, refill);
  builder_.SetInsertPoint(refill);
  draw(instruction, number, buffer.values);
  builder_.CreateStore(number, buffer.filled);
  enter(filled);
  set(instruction, value_at(buffer.values, position));
}

// The first value of a block, or all of them into `values`.
Value* Emitter::draw(const ir::Instruction& instruction, Value* block_number, AllocaInst* values) {
  const std::size_t depth = loops_.size();
  const auto iteration = [&](std::size_t loop) -> Value* {
    AllocaInst* count = loops_[loop].iteration;
    return builder_.CreateLoad(count->getAllocatedType(), count);
  };
  Value* outer = depth >= 2 ? iteration(depth - 2) : builder_.getInt32(0);
  // Multiplication by an odd number and xor with a shift are one to one: few combinations of site and iterations meet.
  Value* site = builder_.getInt32(instruction.id * 0x9e3779b9u);
  for (std::size_t loop = 0; loop + 2 < depth; ++loop) {
    Value* count = iteration(loop);
    if (is_wide(count)) site = widen(site);
    if (is_wide(site)) count = widen(count);
    site = builder_.CreateXor(site, count);
    site = builder_.CreateMul(site, llvm::ConstantInt::get(site->getType(), 0x85ebca6bu));
    site = builder_.CreateXor(site, builder_.CreateLShr(site, 15));
  }
  Value* high = builder_.CreateMul(index_high_, widen(builder_.getInt32(0xc2b2ae35u)));
  const bool lanes_differ = is_wide(block_number) || is_wide(outer);
  if (lanes_differ) block_number = widen(block_number), outer = widen(outer);
  std::vector<Value*> arguments = {load_field(builder_.getInt64Ty(), offsetof(sibyl_call, seed)), block_number, outer,
                                   builder_.CreateXor(widen(site), high), index_low_};
  if (values) arguments.push_back(values);
  return builder_.CreateCall(draw_function(instruction.op, values != nullptr, lanes_differ), arguments);
}

// <W x T> draw(seed, words 0 and 1 (of each lane where they are out of step), words 2 and 3), or void draw_block(...,
// buffer): functions of their own, so that a text with many sites stays small; where there is one site, LLVM puts it in
// place.
llvm::Function* Emitter::draw_function(ir::Op op, bool whole_block, bool lanes_differ) {
  const bool normal = op == ir::Op::draw_normal;
  const std::string name = function_symbol(std::string(normal ? "draw_normal" : "draw_uniform") +
                                               (whole_block ? "_block" : "") + (lanes_differ ? "_out_of_step" : ""),
                                           variant_.precision, variant_.lanes);
  if (llvm::Function* made = module_.getFunction(name)) return made;
  Type *i32 = builder_.getInt32Ty(), *words = wide(i32);
  Type* counts = lanes_differ ? words : i32;
  std::vector<Type*> parameters = {builder_.getInt64Ty(), counts, counts, words, words};
  if (whole_block) parameters.push_back(builder_.getPtrTy());
  auto* type = llvm::FunctionType::get(whole_block ? builder_.getVoidTy() : wide(real_), parameters, false);
  auto* function = llvm::Function::Create(type, llvm::Function::InternalLinkage, name, module_);
  function->setAttributes(llvm::AttributeList::get(context_, llvm::AttributeList::FunctionIndex,
                                                   llvm::AttrBuilder(context_, code_->getAttributes().getFnAttrs())));

  llvm::IRBuilder<> builder(BasicBlock::Create(context_, "entry", function));
  const auto splat = [&](Value* scalar) {
    return single_lane() || is_wide(scalar) ? scalar
                                            : builder.CreateVectorSplat(static_cast<unsigned>(variant_.lanes), scalar);
  };
  Value* seed = function->getArg(0);
  const std::array<Value*, 2> key = {splat(builder.CreateTrunc(seed, i32)),
                                     splat(builder.CreateTrunc(builder.CreateLShr(seed, 32), i32))};
  const std::array<Value*, 4> random = emit_philox(
      builder, {splat(function->getArg(1)), splat(function->getArg(2)), function->getArg(3), function->getArg(4)}, key);
  const std::vector<Value*> values =
      normal ? emit_normals(builder, random, real_) : emit_uniforms(builder, random, real_);
  if (!whole_block) {
    builder.CreateRet(values.front());
    return function;
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    builder.CreateStore(values[i], builder.CreateConstGEP1_64(wide(real_), function->getArg(5), i));
  builder.CreateRetVoid();
  return function;
}

} // namespace sibyl::codegen
