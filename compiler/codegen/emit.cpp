// The function's frame: what is read from the call at the start, the lanes that take part, and the ways out.
#include "compiler/codegen/emitter.hpp"

#include "compiler/interface/metadata.hpp"
#include "compiler/ir/calls.hpp"
#include "compiler/ir/traverse.hpp"
#include "lang/errors.hpp"

#include <llvm/IR/MDBuilder.h>

#include <algorithm>
#include <cstddef>

namespace sibyl::codegen {

using llvm::AllocaInst;
using llvm::BasicBlock;
using llvm::ConstantInt;
using llvm::Type;
using llvm::Value;

void add_attributes(llvm::Function& function, const Machine& machine) {
  function.addFnAttr(llvm::Attribute::NoUnwind);
  const std::string bits = std::to_string(machine.vector_bits);
  function.addFnAttr("prefer-vector-width", bits);
  function.addFnAttr("min-legal-vector-width", bits);
}

void emit_function(llvm::Module& module, const ir::Model& model, const ir::Function& function, Variant variant,
                   const Machine& machine) {
  Emitter emitter(module, model, function, variant, machine);
  emitter.emit();
  std::vector<std::uint32_t> open = emitter.called();
  while (!open.empty()) {
    const std::uint32_t id = open.back();
    open.pop_back();
    if (!Emitter::declare_callee(module, model, id, variant, machine)->isDeclaration()) continue;
    Emitter callee(module, model, model.callees[id], variant, machine);
    callee.emit();
    open.insert(open.end(), callee.called().begin(), callee.called().end());
  }
}

Emitter::Emitter(llvm::Module& module, const ir::Model& model, const ir::Function& function, Variant variant,
                 const Machine& machine)
    : module_(module), context_(module.getContext()), model_(model), function_(function), variant_(variant),
      machine_(machine), uniformity_(analyze_uniformity(function, variant.lanes)), fusion_(find_fusions(function)),
      builder_(context_), values_(function.value_count), definitions_(function.value_count) {
  real_ = variant.precision == Precision::f32 ? builder_.getFloatTy() : builder_.getDoubleTy();
  mask_type_ = wide(builder_.getInt1Ty());
  ir::for_each(function.body, [this](const ir::Instruction& instruction) {
    if (instruction.result != ir::none) definitions_[instruction.result] = &instruction;
  });
  const auto callee = std::find_if(model.callees.begin(), model.callees.end(),
                                   [&](const ir::Function& one) { return &one == &function; });
  is_callee_ = callee != model.callees.end();
  const auto id = static_cast<std::uint32_t>(callee - model.callees.begin());
  if (is_callee_) {
    code_ = declare_callee(module, model, id, variant, machine);
    const std::vector<std::uint32_t> needed = ir::reachable_callees(model, function);
    is_recursive_ = std::find(needed.begin(), needed.end(), id) != needed.end();
  } else {
    auto* type = llvm::FunctionType::get(builder_.getInt32Ty(), {builder_.getPtrTy()}, false);
    code_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage,
                                   function_symbol(function.name, variant.precision, variant.lanes), module);
    add_attributes(*code_, machine);
  }
}

void Emitter::emit() {
  call_ = code_->getArg(0);
  call_->setName("call");

  BasicBlock* entry = BasicBlock::Create(context_, "entry", code_);
  finish_ = block("finish");
  arena_exhausted_ = block("arena_exhausted");
  tape_exhausted_ = block("tape_exhausted");
  interrupted_exit_ = block("interrupted");

  builder_.SetInsertPoint(entry);
  variables_ = load_field(builder_.getPtrTy(), offsetof(sibyl_call, variables));
  arena_end_ = load_field(builder_.getPtrTy(), offsetof(sibyl_call, arena_end));
  tape_end_ = load_field(builder_.getPtrTy(), offsetof(sibyl_call, tape_end));
  arena_ = slot(builder_.getPtrTy(), "arena");
  builder_.CreateStore(is_callee_ ? code_->getArg(2) : load_field(builder_.getPtrTy(), offsetof(sibyl_call, arena)),
                       arena_);
  start_tape();
  start_lanes();
  create_arrays();
  create_cells();
  for (const ir::Type result : function_.results) given_.push_back(slot(wide(scalar_type(result)), "given"));
  if (is_recursive_) poll_interrupt();
  emit(function_.body);
  builder_.CreateBr(finish_);
  finish();
}

void Emitter::start_tape() {
  Value* begin = is_callee_ ? code_->getArg(3) : load_field(builder_.getPtrTy(), offsetof(sibyl_call, tape));
  tape_begin_ = begin;
  if (!uniformity_.divergent_tape) {
    tape_ = slot(builder_.getPtrTy(), "tape");
    builder_.CreateStore(begin, tape_);
    return;
  }
  tape_ = slot(wide(builder_.getInt32Ty()), "tape");
  builder_.CreateStore(llvm::Constant::getNullValue(tape_->getAllocatedType()), tape_);
  const std::uint64_t item_bytes = memory_size(ir::Type::real) * static_cast<std::uint64_t>(variant_.lanes);
  Value* bytes = builder_.CreatePtrDiff(builder_.getInt8Ty(), tape_end_, begin);
  Value* items = builder_.CreateUDiv(bytes, builder_.getInt64(item_bytes));
  // Positions are 32-bit numbers.
  Value* most = builder_.getInt64(0x7fffffffu / static_cast<unsigned>(variant_.lanes));
  items = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::umin, items, most);
  tape_capacity_ = builder_.CreateTrunc(items, builder_.getInt32Ty(), "tape_capacity");
}

// Lanes beyond active_lanes never take part; no lane has failed yet. In a callee, those of its caller's mask take part.
void Emitter::start_lanes() {
  status_ = slot(builder_.getInt32Ty(), "status");
  builder_.CreateStore(builder_.getInt32(SIBYL_OK), status_);
  regions_.push_back({slot(mask_type_, "alive"), finish_});
  if (is_callee_) {
    builder_.CreateStore(code_->getArg(1), regions_.front().mask);
  } else {
    Value* active = load_field(builder_.getInt32Ty(), offsetof(sibyl_call, active_lanes));
    builder_.CreateStore(builder_.CreateICmpSLT(lane_numbers(), widen(active), "active"), regions_.front().mask);
    Value* failed = load_field(builder_.getPtrTy(), offsetof(sibyl_call, failed_message));
    builder_.CreateAlignedStore(llvm::Constant::getAllOnesValue(wide(builder_.getInt32Ty())), failed, llvm::Align(4));
  }

  Value* first = load_field(builder_.getInt64Ty(), offsetof(sibyl_call, first_index));
  Value* index = builder_.CreateAdd(widen(first), builder_.CreateZExt(lane_numbers(), wide(builder_.getInt64Ty())));
  index_low_ = builder_.CreateTrunc(index, wide(builder_.getInt32Ty()), "index_low");
  index_high_ = builder_.CreateTrunc(builder_.CreateLShr(index, 32), wide(builder_.getInt32Ty()), "index_high");

  // A caller may leave the flag out.
  Value* flag = load_field(builder_.getPtrTy(), offsetof(sibyl_call, interrupted));
  AllocaInst* never = slot(builder_.getInt32Ty(), "never");
  builder_.CreateStore(builder_.getInt32(0), never);
  interrupted_ = builder_.CreateSelect(builder_.CreateIsNull(flag), never, flag, "interrupted");
}

void Emitter::create_cells() {
  for (std::size_t i = 0; i < function_.cells.size(); ++i) {
    Type* type = scalar_type(function_.cells[i].type);
    if (uniformity_.varying_cell[i]) type = wide(type);
    cells_.push_back(slot(type, function_.cells[i].name));
    builder_.CreateStore(llvm::Constant::getNullValue(type), cells_.back());
  }
}

void Emitter::create_arrays() {
  for (std::size_t a = 0; a < function_.arrays.size(); ++a) {
    const ir::Array& description = function_.arrays[a];
    Array array{&description};
    array.base = slot(builder_.getPtrTy(), description.name);
    for (int d = 0; d < description.rank; ++d) {
      array.capacity.push_back(slot(builder_.getInt64Ty()));
      array.size.push_back(slot(uniformity_.varying_extent[a] ? wide(builder_.getInt32Ty()) : builder_.getInt32Ty()));
    }
    arrays_.push_back(array);
  }
  const std::vector<bool> declared = ir::declared_arrays(function_);
  for (std::size_t a = 0; a < arrays_.size(); ++a) {
    arrays_[a].declared = declared[a];
    if (!declared[a]) bind_input(arrays_[a]);
  }
}

// What the caller has given: pointers, extents and sizes are read once.
void Emitter::bind_input(Array& array) {
  const auto extent_of_parameters = [&] {
    Value* count = load_field(builder_.getInt64Ty(), offsetof(sibyl_call, unconstrained_count));
    builder_.CreateStore(count, array.capacity.at(0));
    builder_.CreateStore(builder_.CreateTrunc(count, builder_.getInt32Ty()), array.size.at(0));
  };
  std::size_t pointer = 0;
  switch (array.description->binding) {
  case ir::Binding::variable: {
    Value* variable = builder_.CreateConstGEP1_64(builder_.getInt8Ty(), variables_,
                                                  array.description->variable * sizeof(sibyl_variable));
    const auto at = [&](Type* type, Value* base, std::size_t offset) {
      return builder_.CreateAlignedLoad(type, builder_.CreateConstGEP1_64(builder_.getInt8Ty(), base, offset),
                                        llvm::Align(4));
    };
    builder_.CreateStore(at(builder_.getPtrTy(), variable, offsetof(sibyl_variable, values)), array.base);
    if (array.size.empty()) return;
    Value* sizes = at(builder_.getPtrTy(), variable, offsetof(sibyl_variable, sizes));
    for (std::size_t d = 0; d < array.size.size(); ++d) {
      builder_.CreateStore(at(builder_.getInt64Ty(), variable, offsetof(sibyl_variable, capacity) + d * 8),
                           array.capacity[d]);
      builder_.CreateStore(
          at(array.size[d]->getAllocatedType(), sizes, d * 4 * static_cast<std::size_t>(variant_.lanes)),
          array.size[d]);
    }
    return;
  }
  case ir::Binding::unconstrained_in: pointer = offsetof(sibyl_call, unconstrained); break;
  case ir::Binding::gradient: pointer = offsetof(sibyl_call, gradient); break;
  case ir::Binding::log_density: pointer = offsetof(sibyl_call, log_density); break;
  case ir::Binding::include_jacobian:
    builder_.CreateStore(field(offsetof(sibyl_call, include_jacobian)), array.base);
    return;
  case ir::Binding::local:
  case ir::Binding::block_sizes:
  case ir::Binding::unconstrained_out: return; // never declared, so never used
  }
  builder_.CreateStore(load_field(builder_.getPtrTy(), pointer), array.base);
  if (array.description->rank == 1) extent_of_parameters();
}

void Emitter::finish() {
  builder_.SetInsertPoint(finish_);
  if (!is_callee_)
    builder_.CreateStore(builder_.CreateLoad(builder_.getPtrTy(), arena_), field(offsetof(sibyl_call, arena)));
  leave(builder_.CreateLoad(builder_.getInt32Ty(), status_));
  const auto leave_with = [&](BasicBlock* from, std::uint32_t code) {
    builder_.SetInsertPoint(from);
    leave(builder_.getInt32(code));
  };
  leave_with(arena_exhausted_, SIBYL_ARENA_EXHAUSTED);
  leave_with(tape_exhausted_, SIBYL_TAPE_EXHAUSTED);
  leave_with(interrupted_exit_, SIBYL_INTERRUPTED);
}

Value* Emitter::field(std::size_t offset) { return builder_.CreateConstGEP1_64(builder_.getInt8Ty(), call_, offset); }

Value* Emitter::load_field(Type* type, std::size_t offset) { return builder_.CreateLoad(type, field(offset)); }

// Slots are made in the entry block, so that LLVM promotes them to registers.
AllocaInst* Emitter::slot(Type* type, const llvm::Twine& name) {
  BasicBlock& entry = code_->getEntryBlock();
  llvm::IRBuilder<> builder(&entry, entry.begin());
  return builder.CreateAlloca(type, nullptr, name);
}

BasicBlock* Emitter::block(const llvm::Twine& name) { return BasicBlock::Create(context_, name, code_); }

void Emitter::enter(BasicBlock* block) {
  builder_.CreateBr(block);
  builder_.SetInsertPoint(block);
}

Type* Emitter::scalar_type(ir::Type type) const {
  switch (type) {
  case ir::Type::real: return real_;
  case ir::Type::integer: return Type::getInt32Ty(context_);
  case ir::Type::boolean: return Type::getInt1Ty(context_);
  case ir::Type::none: break;
  }
  throw InternalError("a value without a type in " + function_.name);
}

Type* Emitter::wide(Type* type) const {
  return variant_.lanes == 1 ? type : llvm::FixedVectorType::get(type, static_cast<unsigned>(variant_.lanes));
}

// Booleans take an int32 in memory.
Type* Emitter::memory_type(ir::Type type) const { return type == ir::Type::real ? real_ : Type::getInt32Ty(context_); }

std::uint64_t Emitter::memory_size(ir::Type type) const {
  return type == ir::Type::real && variant_.precision == Precision::f64 ? 8 : 4;
}

Value* Emitter::widen(Value* value) {
  if (single_lane() || is_wide(value)) return value;
  return builder_.CreateVectorSplat(static_cast<unsigned>(variant_.lanes), value);
}

Value* Emitter::lane_numbers() {
  if (single_lane()) return builder_.getInt32(0);
  std::vector<llvm::Constant*> numbers;
  for (int lane = 0; lane < variant_.lanes; ++lane) numbers.push_back(builder_.getInt32(static_cast<unsigned>(lane)));
  return llvm::ConstantVector::get(numbers);
}

Value* Emitter::any(Value* mask) { return is_wide(mask) ? builder_.CreateOrReduce(mask) : mask; }

void Emitter::branch_unlikely(Value* condition, BasicBlock* rare, BasicBlock* usual) {
  builder_.CreateCondBr(condition, rare, usual, llvm::MDBuilder(context_).createUnlikelyBranchWeights());
}

void Emitter::leave_if_empty() {
  BasicBlock* stay = block("stay");
  builder_.CreateCondBr(any(current_mask()), stay, regions_.back().exit);
  builder_.SetInsertPoint(stay);
}

void Emitter::remove_lanes(Value* lanes, std::size_t outermost_region) {
  Value* keep = builder_.CreateNot(lanes);
  for (std::size_t r = outermost_region; r < regions_.size(); ++r) {
    Value* mask = builder_.CreateLoad(mask_type_, regions_[r].mask);
    builder_.CreateStore(builder_.CreateAnd(mask, keep), regions_[r].mask);
  }
}

void Emitter::emit(const ir::Block& block) {
  for (const ir::Instruction& instruction : block) emit(instruction);
}

void Emitter::emit(const ir::Instruction& instruction) {
  using ir::Op;
  switch (instruction.op) {
  case Op::declare: return emit_declare(instruction);
  case Op::load: return emit_load(instruction);
  case Op::store: return emit_store(instruction);
  case Op::array_size: return emit_array_size(instruction);
  case Op::draw_uniform:
  case Op::draw_normal: return emit_draw(instruction);
  case Op::check:
  case Op::reject: return emit_check(instruction);
  case Op::print: return emit_print(instruction);
  case Op::if_: return emit_if(instruction);
  case Op::for_: return emit_for(instruction);
  case Op::while_: return emit_while(instruction);
  case Op::yield: return; // its loop reads the operand
  case Op::break_:
  case Op::continue_: return emit_break_or_continue(instruction);
  case Op::tape_push: return emit_tape_push(instruction);
  case Op::tape_pop: return emit_tape_pop(instruction);
  case Op::call: return emit_call(instruction);
  case Op::give: return emit_give(instruction);
  default: return emit_value(instruction);
  }
}

} // namespace sibyl::codegen
