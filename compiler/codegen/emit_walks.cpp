// Walks out of step (walks.hpp). Lanes are in one of three states, each with its mask: starting (the head runs for
// them), running (the walk's next steps), finished (the tail runs, then they start again or are done).
//
// Steps are taken as many at a time as a block of random words has values, so that a lane always starts a walk together
// with a fresh block, and all lanes share the position in their blocks.
#include "compiler/codegen/emitter.hpp"

#include <set>

namespace sibyl::codegen {

using llvm::AllocaInst;
using llvm::BasicBlock;
using llvm::Type;
using llvm::Value;

namespace {

void collect_operands(ir::Block::const_iterator begin, ir::Block::const_iterator end, std::set<ir::ValueId>& operands) {
  for (; begin != end; ++begin) {
    operands.insert(begin->operands.begin(), begin->operands.end());
    for (const ir::Block& inner : begin->blocks) collect_operands(inner.begin(), inner.end(), operands);
  }
}

} // namespace

void Emitter::emit_walk(const ir::Instruction& instruction, const Walk& walk) {
  const ir::Block& body = instruction.blocks.at(0);
  const ir::Instruction& steps = body.at(walk.position);
  const auto middle = body.begin() + static_cast<std::ptrdiff_t>(walk.position);
  Type* words = wide(builder_.getInt32Ty());
  Value *first = widen(value(instruction.operands.at(0))), *last = widen(value(instruction.operands.at(1)));
  Value* zero = llvm::Constant::getNullValue(words);
  Value* one = widen(builder_.getInt32(1));
  AllocaInst *active = slot(mask_type_, "active"), *starting = slot(mask_type_, "starting"),
             *running = slot(mask_type_, "running"), *finished = slot(mask_type_, "finished"),
             *stepping = slot(mask_type_, "stepping");
  AllocaInst *round = slot(words, "round"), *step = slot(words, "step"),
             *position = slot(builder_.getInt32Ty(), "step");
  BasicBlock *start = block("walk_start"), *begin = block("walk_begin"), *run = block("walk_run"),
             *test = block("walk_test"), *move = block("walk_step"), *next = block("walk_next"),
             *pause = block("walk_pause"), *finish = block("walk_finish"), *advance = block("walk_advance"),
             *wait = block("walk_wait"), *exit = block("walk_done");
  const auto load = [&](AllocaInst* from) { return builder_.CreateLoad(from->getAllocatedType(), from); };

  Value* enters = builder_.CreateAnd(current_mask(), builder_.CreateICmpSLE(first, last));
  builder_.CreateStore(enters, active);
  builder_.CreateStore(enters, starting);
  builder_.CreateStore(llvm::Constant::getNullValue(mask_type_), running);
  builder_.CreateStore(zero, round);
  builder_.CreateStore(zero, step);
  builder_.CreateCondBr(any(enters), start, exit);
  regions_.push_back({active, exit});
  Loop outer{nullptr, nullptr, true, regions_.size() - 1, regions_.size()};
  outer.iteration = round;
  loops_.push_back(outer);

  // The values of the head that walk and tail use are kept for each lane.
  std::vector<std::pair<Value**, AllocaInst*>> kept;
  const auto reload = [&] {
    values_[instruction.result] = builder_.CreateAdd(first, load(round));
    for (const auto& [place, from] : kept) *place = load(from);
  };
  const auto keep = [&](Value*& place) {
    if (!place || llvm::isa<llvm::Constant>(place)) return;
    AllocaInst* to = slot(place->getType(), "kept");
    builder_.CreateStore(is_wide(place) ? builder_.CreateSelect(current_mask(), place, load(to)) : place, to);
    kept.emplace_back(&place, to);
  };

  builder_.SetInsertPoint(start);
  reload();
  regions_.push_back({starting, begin});
  for (auto one = body.begin(); one != middle; ++one) emit(*one);
  std::set<ir::ValueId> used;
  collect_operands(middle, body.end(), used);
  for (const ir::ValueId id : std::set<ir::ValueId>(used)) // factors of a product that is part of a later addition
    if (const ir::Instruction* product = fusion_.product[id])
      used.insert(product->operands.begin(), product->operands.end());
  for (auto one = body.begin(); one != middle; ++one) {
    const ir::Instruction& made = *one;
    if (made.result == ir::none || !used.contains(made.result)) continue;
    keep(values_[made.result]);
    if (made.op == ir::Op::call)
      for (Value*& further : call_results_.at(made.result)) keep(further);
  }
  regions_.pop_back();
  enter(begin);
  builder_.CreateStore(builder_.CreateSelect(load(starting), zero, load(step)), step);
  builder_.CreateStore(builder_.CreateOr(load(running), load(starting)), running);
  enter(run);

  Loop inner{next, pause, true, regions_.size(), regions_.size() + 1};
  inner.iteration = step;
  inner.position = position;
  inner.arena = builder_.CreateLoad(builder_.getPtrTy(), arena_);
  loops_.push_back(inner);
  builder_.CreateStore(builder_.getInt32(0), position);
  fill_draw_buffers(steps);
  enter(test);
  reload();
  regions_.push_back({running, pause});
  poll_interrupt();
  emit(steps.blocks.at(0));
  Value* goes_on = builder_.CreateAnd(current_mask(), widen(value(steps.blocks[0].back().operands.at(0))));
  builder_.CreateStore(goes_on, running);
  builder_.CreateStore(goes_on, stepping);
  builder_.CreateCondBr(any(goes_on), move, pause);
  builder_.SetInsertPoint(move);
  regions_.push_back({stepping, next});
  emit(steps.blocks.at(1));
  regions_.resize(regions_.size() - 2);
  enter(next);
  builder_.CreateStore(builder_.CreateAdd(load(step), one), step);
  Value* taken = builder_.CreateAdd(load(position), builder_.getInt32(1));
  builder_.CreateStore(taken, position);
  Value* block_is_used = builder_.CreateICmpEQ(taken, builder_.getInt32(static_cast<unsigned>(values_per_block())));
  builder_.CreateCondBr(block_is_used, pause, test);
  loops_.pop_back();

  builder_.SetInsertPoint(pause);
  Value* arrived = builder_.CreateAnd(load(active), builder_.CreateNot(load(running)));
  builder_.CreateStore(arrived, finished);
  builder_.CreateCondBr(any(arrived), finish, run);

  builder_.SetInsertPoint(finish);
  reload();
  regions_.push_back({finished, advance});
  for (auto one = middle + 1; one != body.end(); ++one) emit(*one);
  regions_.pop_back();
  enter(advance);
  Value* here = builder_.CreateAdd(first, load(round));
  Value* goes_again = builder_.CreateAnd(load(finished), builder_.CreateICmpSLT(here, last));
  builder_.CreateStore(goes_again, starting);
  builder_.CreateStore(builder_.CreateAdd(load(round), builder_.CreateZExt(goes_again, words)), round);
  builder_.CreateStore(builder_.CreateOr(load(running), goes_again), active);
  builder_.CreateCondBr(any(goes_again), start, wait);
  builder_.SetInsertPoint(wait);
  builder_.CreateCondBr(any(load(running)), run, exit);

  loops_.pop_back();
  regions_.pop_back();
  builder_.SetInsertPoint(exit);
}

} // namespace sibyl::codegen
