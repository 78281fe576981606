// Arrays and the tape. Element i of all lanes lies together: [flat index][lane].
#include "compiler/codegen/emitter.hpp"

#include "lang/errors.hpp"

#include <cstddef>
#include <limits>

namespace sibyl::codegen {

using llvm::Align;
using llvm::BasicBlock;
using llvm::Type;
using llvm::Value;

namespace {

constexpr std::int64_t most_stack_elements = 64;
constexpr std::uint64_t arena_alignment = 64;

} // namespace

// Row-major over the capacities. A scalar (i64) where all lanes use the same indices, else one i32 per lane: an array
// has fewer than 2^31 elements, all lanes together.
Value* Emitter::flat_index(const Array& array, const ir::Instruction& instruction, std::size_t first_operand) {
  const std::size_t rank = array.capacity.size();
  bool varying = false;
  for (std::size_t d = 0; d < rank; ++d) varying |= is_wide(value(instruction.operands.at(first_operand + d)));
  Value* flat = nullptr;
  for (std::size_t d = 0; d < rank; ++d) {
    Value* index = value(instruction.operands[first_operand + d]);
    Value* capacity = builder_.CreateLoad(builder_.getInt64Ty(), array.capacity[d]);
    if (varying) {
      index = widen(index);
      if (flat) capacity = widen(builder_.CreateTrunc(capacity, builder_.getInt32Ty()));
    } else {
      index = builder_.CreateSExt(index, builder_.getInt64Ty());
    }
    flat = flat ? builder_.CreateAdd(builder_.CreateMul(flat, capacity), index) : index;
  }
  return flat ? flat : builder_.getInt64(0);
}

Value* Emitter::element_address(const Array& array, Value* flat, ir::Type type) {
  Value* base = builder_.CreateLoad(builder_.getPtrTy(), array.base);
  if (!is_wide(flat)) return builder_.CreateGEP(wide(memory_type(type)), base, flat);
  Value* element = builder_.CreateMul(flat, widen(builder_.getInt32(static_cast<unsigned>(variant_.lanes))));
  return builder_.CreateGEP(memory_type(type), base, builder_.CreateAdd(element, lane_numbers()));
}

// Where the processor has no instruction for it LLVM branches around each lane that takes no part, which costs more
// than the memory: those lanes use a place of their own here.
Value* Emitter::harmless_addresses(Value* addresses) {
  if (!spare_) spare_ = slot(builder_.getInt64Ty(), "spare");
  return builder_.CreateSelect(current_mask(), addresses, widen(spare_));
}

Value* Emitter::gather(Type* type, Value* addresses, Align align) {
  if (machine_.vector_bits >= 512)
    return builder_.CreateMaskedGather(type, addresses, align, current_mask(), llvm::Constant::getNullValue(type));
  Value* safe = harmless_addresses(addresses);
  Value* all = llvm::PoisonValue::get(type);
  for (std::uint64_t lane = 0; lane < static_cast<std::uint64_t>(variant_.lanes); ++lane) {
    Value* one = builder_.CreateAlignedLoad(type->getScalarType(), builder_.CreateExtractElement(safe, lane), align);
    all = builder_.CreateInsertElement(all, one, lane);
  }
  return all;
}

void Emitter::scatter(Value* values, Value* addresses, Align align) {
  if (machine_.vector_bits >= 512) {
    builder_.CreateMaskedScatter(values, addresses, align, current_mask());
    return;
  }
  Value* safe = harmless_addresses(addresses);
  for (std::uint64_t lane = 0; lane < static_cast<std::uint64_t>(variant_.lanes); ++lane)
    builder_.CreateAlignedStore(builder_.CreateExtractElement(values, lane), builder_.CreateExtractElement(safe, lane),
                                align);
}

void Emitter::emit_load(const ir::Instruction& instruction) {
  const Array& array = arrays_[instruction.id];
  const ir::Type type = array.description->element;
  const Align align(memory_size(type));
  if (array.description->binding == ir::Binding::include_jacobian) {
    Value* base = builder_.CreateLoad(builder_.getPtrTy(), array.base);
    return set(instruction, builder_.CreateAlignedLoad(builder_.getInt32Ty(), base, align));
  }
  Value* flat = flat_index(array, instruction, 0);
  Value* address = element_address(array, flat, type);
  Type* result = wide(memory_type(type));
  Value* loaded = is_wide(flat) ? gather(result, address, align)
                                : static_cast<Value*>(builder_.CreateAlignedLoad(result, address, align));
  set(instruction, convert_from_memory(loaded, type));
}

void Emitter::emit_store(const ir::Instruction& instruction) {
  const Array& array = arrays_[instruction.id];
  const ir::Type type = array.description->element;
  const Align align(memory_size(type));
  Value* flat = flat_index(array, instruction, 1);
  Value* address = element_address(array, flat, type);
  Value* stored = widen(convert_to_memory(value(instruction.operands.at(0)), type));
  if (is_wide(flat)) {
    scatter(stored, address, align);
  } else if (!masked()) {
    // The other lanes have failed or never took part: what is in their places does not matter.
    builder_.CreateAlignedStore(stored, address, align);
  } else if (machine_.vector_bits >= 256) {
    builder_.CreateMaskedStore(stored, address, align, current_mask());
  } else {
    Value* old = builder_.CreateAlignedLoad(stored->getType(), address, align);
    builder_.CreateAlignedStore(builder_.CreateSelect(current_mask(), stored, old), address, align);
  }
}

void Emitter::emit_array_size(const ir::Instruction& instruction) {
  llvm::AllocaInst* size = arrays_[instruction.id].size.at(static_cast<std::size_t>(instruction.number));
  set(instruction, builder_.CreateLoad(size->getAllocatedType(), size));
}

// Fresh storage as large as the largest lane's.
void Emitter::emit_declare(const ir::Instruction& instruction) {
  Array& array = arrays_[instruction.id];
  const ir::Type type = array.description->element;
  const std::size_t rank = array.capacity.size();
  Type* i64 = builder_.getInt64Ty();
  std::int64_t known_elements = 1; // -1: not known
  Value* elements = builder_.getInt64(1);
  std::vector<Value*> extents;
  for (std::size_t d = 0; d < rank; ++d) {
    Value* size = value(instruction.operands.at(d));
    builder_.CreateStore(array.size[d]->getAllocatedType()->isVectorTy() ? widen(size) : size, array.size[d]);
    Value* extent = size;
    if (is_wide(size)) {
      Value* zero = llvm::Constant::getNullValue(size->getType());
      extent = builder_.CreateIntMaxReduce(builder_.CreateSelect(current_mask(), size, zero), true);
    }
    extent = builder_.CreateSExt(extent, i64);
    builder_.CreateStore(extent, array.capacity[d]);
    extents.push_back(extent);
    // The lanes' largest sizes together may have a product that no lane has, beyond 64 bits: it stops at 2^32.
    elements = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::umin, builder_.CreateMul(elements, extent),
                                              builder_.getInt64(std::uint64_t{1} << 32));
    const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(extent);
    if (!constant || known_elements < 0 ||
        __builtin_mul_overflow(known_elements, constant->getSExtValue(), &known_elements))
      known_elements = -1;
  }

  const ir::Binding binding = array.description->binding;
  const std::uint64_t element_bytes = memory_size(type) * static_cast<std::uint64_t>(variant_.lanes);
  Value* base;
  if (binding == ir::Binding::gradient || binding == ir::Binding::log_density) {
    base = load_field(builder_.getPtrTy(), binding == ir::Binding::gradient ? offsetof(sibyl_call, gradient)
                                                                            : offsetof(sibyl_call, log_density));
  } else if (binding == ir::Binding::local && known_elements >= 0 && known_elements <= most_stack_elements &&
             !is_recursive_) { // calls within each other have little stack
    auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(known_elements, 1));
    base = slot(llvm::ArrayType::get(wide(memory_type(type)), count), array.description->name);
  } else {
    base = allocate_elements(elements, element_bytes);
  }
  builder_.CreateStore(base, array.base);
  fill(base, elements, type, instruction.number != 0);

  if (binding == ir::Binding::block_sizes) builder_.CreateStore(base, field(offsetof(sibyl_call, block_sizes)));
  if (binding == ir::Binding::unconstrained_out) {
    builder_.CreateStore(base, field(offsetof(sibyl_call, unconstrained)));
    builder_.CreateStore(elements, field(offsetof(sibyl_call, unconstrained_count)));
  }
  if (binding != ir::Binding::variable) return;
  const auto variable_field = [&](std::size_t offset) {
    return builder_.CreateConstGEP1_64(builder_.getInt8Ty(), variables_,
                                       array.description->variable * sizeof(sibyl_variable) + offset);
  };
  builder_.CreateStore(base, variable_field(offsetof(sibyl_variable, values)));
  if (rank == 0) return;
  const std::size_t row_bytes = 4 * static_cast<std::size_t>(variant_.lanes);
  Value* sizes = allocate(builder_.getInt64(rank * row_bytes));
  builder_.CreateStore(sizes, variable_field(offsetof(sibyl_variable, sizes)));
  for (std::size_t d = 0; d < rank; ++d) {
    builder_.CreateStore(extents[d], variable_field(offsetof(sibyl_variable, capacity) + 8 * d));
    Value* size = widen(value(instruction.operands[d]));
    builder_.CreateAlignedStore(size, builder_.CreateConstGEP1_64(builder_.getInt8Ty(), sizes, d * row_bytes),
                                Align(4));
  }
}

// More elements than flat_index can count are more than the arena ever has.
Value* Emitter::allocate_elements(Value* elements, std::uint64_t element_bytes) {
  constexpr std::uint64_t beyond_any_arena = std::uint64_t{1} << 48;
  const std::uint64_t most = std::numeric_limits<std::int32_t>::max() / static_cast<std::uint64_t>(variant_.lanes);
  Value* bytes = builder_.CreateMul(elements, builder_.getInt64(element_bytes));
  return allocate(builder_.CreateSelect(builder_.CreateICmpUGT(elements, builder_.getInt64(most)),
                                        builder_.getInt64(beyond_any_arena), bytes));
}

// Takes memory from the arena, or leaves the function when there is not enough.
Value* Emitter::allocate(Value* bytes) {
  Value* padded = builder_.CreateAnd(builder_.CreateAdd(bytes, builder_.getInt64(arena_alignment - 1)),
                                     builder_.getInt64(~(arena_alignment - 1)));
  Value* base = builder_.CreateLoad(builder_.getPtrTy(), arena_);
  Value* room = builder_.CreatePtrDiff(builder_.getInt8Ty(), arena_end_, base);
  BasicBlock* fits = block("fits");
  branch_unlikely(builder_.CreateICmpUGT(padded, room), arena_exhausted_, fits);
  builder_.SetInsertPoint(fits);
  builder_.CreateStore(builder_.CreateGEP(builder_.getInt8Ty(), base, padded), arena_);
  return base;
}

// A real whose bytes are all 0xff is a quiet NaN. The smallest integer has no such pattern and takes a loop.
void Emitter::fill(Value* base, Value* elements, ir::Type type, bool zeros) {
  const std::uint64_t element_bytes = memory_size(type) * static_cast<std::uint64_t>(variant_.lanes);
  Value* bytes = builder_.CreateMul(elements, builder_.getInt64(element_bytes));
  const Align align(memory_size(type));
  if (zeros || type != ir::Type::integer) {
    const std::uint8_t byte = zeros || type == ir::Type::boolean ? 0 : 0xff;
    builder_.CreateMemSet(base, builder_.getInt8(byte), bytes, align);
    return;
  }
  BasicBlock *before = builder_.GetInsertBlock(), *body = block("fill"), *done = block("filled");
  builder_.CreateCondBr(builder_.CreateICmpSGT(elements, builder_.getInt64(0)), body, done);
  builder_.SetInsertPoint(body);
  llvm::PHINode* i = builder_.CreatePHI(builder_.getInt64Ty(), 2);
  Type* element = wide(builder_.getInt32Ty());
  Value* smallest = widen(builder_.getInt32(static_cast<unsigned>(std::numeric_limits<std::int32_t>::min())));
  builder_.CreateAlignedStore(smallest, builder_.CreateGEP(element, base, i), align);
  Value* next = builder_.CreateAdd(i, builder_.getInt64(1));
  i->addIncoming(builder_.getInt64(0), before);
  i->addIncoming(next, body);
  builder_.CreateCondBr(builder_.CreateICmpSLT(next, elements), body, done);
  builder_.SetInsertPoint(done);
}

// The tape's slot of each lane, as an address of its own: item, then lane, one real each.
Value* Emitter::tape_slots(Value* tops) {
  Value* base = tape_begin_;
  Value* item = builder_.CreateMul(tops, widen(builder_.getInt32(static_cast<unsigned>(variant_.lanes))));
  return builder_.CreateGEP(real_, base, builder_.CreateAdd(item, lane_numbers()));
}

// Where all lanes push together the tape is a stack of vectors. Where they may not, each lane has a stack of its own.
void Emitter::emit_tape_push(const ir::Instruction& instruction) {
  const ir::ValueId saved = instruction.operands.at(0);
  const ir::Type type = definitions_[saved]->type;
  Value* stored = widen(convert_to_memory(value(saved), type));
  BasicBlock* fits = block("fits");
  if (uniformity_.divergent_tape) {
    Type* words = wide(builder_.getInt32Ty());
    Value *tops = builder_.CreateLoad(words, tape_), *mask = current_mask();
    Value* full = builder_.CreateAnd(mask, builder_.CreateICmpSGE(tops, widen(tape_capacity_)));
    branch_unlikely(any(full), tape_exhausted_, fits);
    builder_.SetInsertPoint(fits);
    scatter(stored, tape_slots(tops), Align(4));
    builder_.CreateStore(builder_.CreateAdd(tops, builder_.CreateZExt(mask, words)), tape_);
    return;
  }
  Value* bytes = builder_.getInt64(memory_size(type) * static_cast<std::uint64_t>(variant_.lanes));
  Value* top = builder_.CreateLoad(builder_.getPtrTy(), tape_);
  Value* room = builder_.CreatePtrDiff(builder_.getInt8Ty(), tape_end_, top);
  branch_unlikely(builder_.CreateICmpUGT(bytes, room), tape_exhausted_, fits);
  builder_.SetInsertPoint(fits);
  builder_.CreateAlignedStore(stored, top, Align(4));
  builder_.CreateStore(builder_.CreateGEP(builder_.getInt8Ty(), top, bytes), tape_);
}

void Emitter::emit_tape_pop(const ir::Instruction& instruction) {
  Type* item_type = wide(memory_type(instruction.type));
  if (uniformity_.divergent_tape) {
    Type* words = wide(builder_.getInt32Ty());
    Value* mask = current_mask();
    Value* tops = builder_.CreateSub(builder_.CreateLoad(words, tape_), builder_.CreateZExt(mask, words));
    builder_.CreateStore(tops, tape_);
    return set(instruction, convert_from_memory(gather(item_type, tape_slots(tops), Align(4)), instruction.type));
  }
  const auto bytes = static_cast<std::int64_t>(memory_size(instruction.type)) * variant_.lanes;
  Value* top = builder_.CreateLoad(builder_.getPtrTy(), tape_);
  Value* item = builder_.CreateGEP(builder_.getInt8Ty(), top, builder_.getInt64(static_cast<std::uint64_t>(-bytes)));
  builder_.CreateStore(item, tape_);
  set(instruction, convert_from_memory(builder_.CreateAlignedLoad(item_type, item, Align(4)), instruction.type));
}

} // namespace sibyl::codegen
