// Branches and loops: real ones where all lanes agree, masks where they may not.
#include "compiler/codegen/emitter.hpp"

#include "compiler/ir/traverse.hpp"
#include "lang/errors.hpp"

#include <algorithm>
#include <limits>

namespace sibyl::codegen {

using llvm::AllocaInst;
using llvm::BasicBlock;
using llvm::Value;

namespace {

// Cheap, and harmless where no lane wants it: better executed than branched around.
bool can_blend(const ir::Block& block) {
  constexpr std::size_t most_instructions = 12;
  return block.size() <= most_instructions &&
         std::all_of(block.begin(), block.end(),
                     [](const ir::Instruction& instruction) { return has(instruction.op, ir::trait::cheap); });
}

} // namespace

void Emitter::emit_if(const ir::Instruction& instruction) {
  Value* condition = value(instruction.operands.at(0));
  if (!is_wide(condition)) return emit_uniform_if(instruction, condition);
  if (std::all_of(instruction.blocks.begin(), instruction.blocks.end(), can_blend))
    return emit_blended_if(instruction, condition);
  emit_varying_if(instruction, condition);
}

void Emitter::emit_uniform_if(const ir::Instruction& instruction, Value* condition) {
  BasicBlock *join = block("join"), *yes = block("then");
  const bool has_else = instruction.blocks.size() > 1 && !instruction.blocks[1].empty();
  BasicBlock* no = has_else ? block("else") : join;
  builder_.CreateCondBr(condition, yes, no);
  builder_.SetInsertPoint(yes);
  emit(instruction.blocks.at(0));
  builder_.CreateBr(join);
  if (has_else) {
    builder_.SetInsertPoint(no);
    emit(instruction.blocks[1]);
    builder_.CreateBr(join);
  }
  builder_.SetInsertPoint(join);
}

void Emitter::emit_blended_if(const ir::Instruction& instruction, Value* condition) {
  Value* around = current_mask();
  for (std::size_t side = 0; side < instruction.blocks.size(); ++side) {
    if (instruction.blocks[side].empty()) continue;
    AllocaInst* mask = slot(mask_type_);
    builder_.CreateStore(builder_.CreateAnd(around, side == 0 ? condition : builder_.CreateNot(condition)), mask);
    regions_.push_back({mask, nullptr}); // nothing in it can leave
    emit(instruction.blocks[side]);
    regions_.pop_back();
  }
}

void Emitter::emit_varying_if(const ir::Instruction& instruction, Value* condition) {
  bool may_shrink = false; // the mask around it, by lanes that leave an enclosing loop
  for (std::size_t side = 0; side < instruction.blocks.size(); ++side) {
    const ir::Block& body = instruction.blocks[side];
    if (body.empty()) continue;
    may_shrink |= ir::may_leave(body);
    // A lane that has left in the first side takes no part in the second: its own condition keeps it out.
    AllocaInst* mask = slot(mask_type_, side == 0 ? "then_mask" : "else_mask");
    Value* here = builder_.CreateAnd(current_mask(), side == 0 ? condition : builder_.CreateNot(condition));
    builder_.CreateStore(here, mask);
    BasicBlock *run = block(side == 0 ? "then" : "else"), *done = block("done");
    builder_.CreateCondBr(any(here), run, done);
    builder_.SetInsertPoint(run);
    regions_.push_back({mask, done});
    emit(body);
    regions_.pop_back();
    enter(done);
  }
  if (may_shrink) leave_if_empty();
}

void Emitter::begin_loop(const ir::Instruction& instruction, Loop loop) {
  loop.arena = builder_.CreateLoad(builder_.getPtrTy(), arena_, "arena_before");
  loop.iteration = slot(builder_.getInt32Ty(), "iteration");
  builder_.CreateStore(builder_.getInt32(0), loop.iteration);
  loops_.push_back(loop);
  std::vector<DrawBuffer> buffers;
  for (const ir::Block& block : instruction.blocks) create_draw_buffers(block, buffers);
  for (const DrawBuffer& buffer : buffers)
    builder_.CreateStore(builder_.getInt32(std::numeric_limits<std::uint32_t>::max()), buffer.filled);
}

// One iteration: its temporaries are released where it ends.
void Emitter::emit_body(const ir::Block& body) {
  emit(body);
  const Loop& loop = loops_.back();
  enter(loop.next);
  builder_.CreateStore(loop.arena, arena_);
  Value* count = builder_.CreateLoad(builder_.getInt32Ty(), loop.iteration);
  builder_.CreateStore(builder_.CreateAdd(count, builder_.getInt32(1)), loop.iteration);
}

void Emitter::emit_for(const ir::Instruction& instruction) {
  if (const auto walk = uniformity_.walks.find(&instruction); walk != uniformity_.walks.end())
    emit_walk(instruction, walk->second);
  else if (uniformity_.divergent_loops.contains(&instruction)) emit_divergent_for(instruction);
  else emit_uniform_for(instruction);
}

void Emitter::emit_uniform_for(const ir::Instruction& instruction) {
  const bool down = instruction.number != 0;
  Value *first = value(instruction.operands.at(0)), *last = value(instruction.operands.at(1));
  Value *begin = down ? last : first, *end = down ? first : last;
  BasicBlock *body = block("for"), *next = block("next"), *more = block("more"), *exit = block("for_done");
  AllocaInst* variable = slot(builder_.getInt32Ty(), "i");
  builder_.CreateStore(begin, variable);
  begin_loop(instruction, {next, exit, false, 0, 0});
  builder_.CreateCondBr(builder_.CreateICmpSLE(first, last), body, exit);
  builder_.SetInsertPoint(body);
  set(instruction, builder_.CreateLoad(builder_.getInt32Ty(), variable));
  emit_body(instruction.blocks.at(0));
  // Compared before it is counted on, so that a loop to the largest integer ends.
  Value* here = value(instruction.result);
  builder_.CreateCondBr(builder_.CreateICmpEQ(here, end), exit, more);
  builder_.SetInsertPoint(more);
  builder_.CreateStore(builder_.CreateAdd(here, builder_.getInt32(down ? 0xffffffffu : 1u)), variable);
  builder_.CreateBr(body);
  builder_.SetInsertPoint(exit);
  loops_.pop_back();
}

// All lanes enter together and count iterations together: a lane takes part while its own variable is within its own
// bounds. The variable is one scalar where all lanes start at the same place; where they do not, the step k from the
// start is the scalar.
void Emitter::emit_divergent_for(const ir::Instruction& instruction) {
  const bool down = instruction.number != 0;
  Value *first = value(instruction.operands.at(0)), *last = widen(value(instruction.operands.at(1)));
  const bool scalar_variable = !is_wide(first);
  llvm::Type* integer = builder_.getInt32Ty();
  AllocaInst *loop_mask = slot(mask_type_, "loop_mask"), *body_mask = slot(mask_type_, "body_mask");
  AllocaInst* step = slot(integer, "step"); // from `first`
  BasicBlock *head = block("for_head"), *body = block("for"), *next = block("next"), *more = block("more"),
             *exit = block("for_done");

  Value* enters = builder_.CreateAnd(current_mask(), builder_.CreateICmpSLE(widen(first), last));
  builder_.CreateStore(enters, loop_mask);
  Value* distance = builder_.CreateSub(last, widen(first)); // of the last iteration
  Value* none = builder_.CreateVectorSplat(static_cast<unsigned>(variant_.lanes), builder_.getInt32(0));
  Value* longest = builder_.CreateIntMaxReduce(builder_.CreateSelect(enters, distance, none), false);
  builder_.CreateStore(down ? longest : builder_.getInt32(0), step);
  begin_loop(instruction, {next, exit, true, regions_.size(), regions_.size() + 1});
  builder_.CreateCondBr(any(enters), head, exit);

  builder_.SetInsertPoint(head);
  Value* k = builder_.CreateLoad(integer, step);
  Value* within = builder_.CreateICmpULE(widen(k), distance);
  Value* takes_part = builder_.CreateAnd(builder_.CreateLoad(mask_type_, loop_mask), within);
  builder_.CreateStore(takes_part, body_mask);
  set(instruction, scalar_variable ? builder_.CreateAdd(first, k) : builder_.CreateAdd(first, widen(k)));
  // Upwards, lanes that are done stay done; downwards the mask grows, and may be empty where lanes have left.
  if (!down) builder_.CreateStore(takes_part, loop_mask);
  builder_.CreateCondBr(any(takes_part), body, down ? next : exit);

  builder_.SetInsertPoint(body);
  regions_.push_back({loop_mask, exit});
  regions_.push_back({body_mask, next});
  emit_body(instruction.blocks.at(0));
  regions_.resize(regions_.size() - 2);
  builder_.CreateCondBr(builder_.CreateICmpEQ(k, down ? builder_.getInt32(0) : longest), exit, more);
  builder_.SetInsertPoint(more);
  builder_.CreateStore(builder_.CreateAdd(k, builder_.getInt32(down ? 0xffffffffu : 1u)), step);
  builder_.CreateBr(head);
  builder_.SetInsertPoint(exit);
  loops_.pop_back();
}

void Emitter::emit_while(const ir::Instruction& instruction) {
  const ir::Block &condition = instruction.blocks.at(0), &body = instruction.blocks.at(1);
  const bool divergent = uniformity_.divergent_loops.contains(&instruction);
  BasicBlock *head = block("while"), *run = block("while_body"), *next = block("next"), *exit = block("while_done");
  AllocaInst *loop_mask = nullptr, *body_mask = nullptr;
  if (divergent) {
    loop_mask = slot(mask_type_, "loop_mask"), body_mask = slot(mask_type_, "body_mask");
    builder_.CreateStore(current_mask(), loop_mask);
  }
  begin_loop(instruction, {next, exit, divergent, regions_.size(), regions_.size() + 1});
  enter(head);
  if (divergent) regions_.push_back({loop_mask, exit});
  poll_interrupt();
  emit(condition);
  Value* goes_on = value(condition.back().operands.at(0));
  if (divergent) {
    Value* mask = builder_.CreateAnd(current_mask(), widen(goes_on));
    builder_.CreateStore(mask, loop_mask);
    builder_.CreateStore(mask, body_mask);
    goes_on = any(mask);
  }
  builder_.CreateCondBr(goes_on, run, exit);
  builder_.SetInsertPoint(run);
  if (divergent) regions_.push_back({body_mask, next});
  emit_body(body);
  if (divergent) regions_.resize(regions_.size() - 2);
  builder_.CreateBr(head);
  builder_.SetInsertPoint(exit);
  loops_.pop_back();
}

void Emitter::poll_interrupt() {
  llvm::LoadInst* flag = builder_.CreateAlignedLoad(builder_.getInt32Ty(), interrupted_, llvm::Align(4),
                                                    /*isVolatile=*/true);
  flag->setAtomic(llvm::AtomicOrdering::Monotonic); // other threads set it
  BasicBlock* go_on = block("go_on");
  branch_unlikely(builder_.CreateIsNotNull(flag), interrupted_exit_, go_on);
  builder_.SetInsertPoint(go_on);
}

void Emitter::emit_break_or_continue(const ir::Instruction& instruction) {
  if (loops_.empty()) throw InternalError("a jump outside of loops in " + function_.name);
  const Loop& loop = loops_.back();
  const bool leaves = instruction.op == ir::Op::break_;
  if (loop.divergent) {
    remove_lanes(current_mask(), leaves ? loop.loop_region : loop.body_region);
    builder_.CreateBr(regions_.back().exit);
  } else {
    builder_.CreateBr(leaves ? loop.exit : loop.next);
  }
  builder_.SetInsertPoint(block("unreachable")); // what follows in this block is dead
}

} // namespace sibyl::codegen
