// The code generator's state while it walks one function; its member functions are spread over emit_*.cpp by subject.
//
// Regions. Code that only some lanes execute belongs to a region: a mask (a stack slot that LLVM promotes to registers)
// and an exit block. The outermost region is the function: its mask is the lanes that are alive. Two invariants make
// the fast path cheap:
//  - a region's code runs only while its mask is not empty, so a uniform index is in range for the whole vector;
//  - a region's mask is a subset of the masks around it, so a check needs no other mask than the innermost.
// Where a lane drops out (a failed check, break, continue) it is removed from the masks concerned, and control goes to
// the exit of the outermost region that has become empty.
#pragma once

#include "compiler/codegen/codegen.hpp"
#include "compiler/codegen/fusion.hpp"
#include "compiler/codegen/uniformity.hpp"
#include "compiler/interface/abi.h"

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <functional>
#include <unordered_map>

namespace sibyl::codegen {

// What every function of a module has.
void add_attributes(llvm::Function& function, const Machine& machine);

class Emitter {
 public:
  Emitter(llvm::Module& module, const ir::Model& model, const ir::Function& function, Variant variant,
          const Machine& machine);
  void emit();
  // The callees that the code calls.
  const std::vector<std::uint32_t>& called() const { return called_; }

  // Declared, where it is not yet there: the same for every function of the module.
  static llvm::Function* declare_callee(llvm::Module& module, const ir::Model& model, std::uint32_t id,
                                        Variant variant, const Machine& machine);

 private:
  using Value = llvm::Value;
  using BasicBlock = llvm::BasicBlock;

  struct Region {
    llvm::AllocaInst* mask; // <W x i1>
    BasicBlock* exit;       // where control goes when the mask is empty
  };

  // A buffer of values of one draw instruction: one block of random words serves several iterations.
  struct DrawBuffer {
    const ir::Instruction* draw;
    llvm::AllocaInst* values; // [values per block x <W x T>]
    llvm::AllocaInst* filled; // the number of the block that is in it
  };

  struct Loop {
    BasicBlock* next; // continue
    BasicBlock* exit; // break
    bool divergent;
    std::size_t loop_region, body_region;  // of regions_, where divergent
    llvm::AllocaInst* iteration = nullptr; // i32, or one per lane in a walk: how often the body has been completed
    llvm::AllocaInst* position = nullptr;  // in a walk: i32, of all lanes in their blocks of random words
    Value* arena = nullptr;                // its free memory before the loop
  };

  struct Array {
    const ir::Array* description;
    bool declared = false;                   // by this function
    llvm::AllocaInst* base = nullptr;        // ptr
    std::vector<llvm::AllocaInst*> capacity; // i64
    std::vector<llvm::AllocaInst*> size;     // i32 or <W x i32>
  };

  // emit.cpp: the function's frame
  void create_cells();
  void create_arrays();
  void bind_input(Array& array);
  void start_lanes();
  void start_tape();
  void finish();
  void leave(Value* code); // with what the function returns
  Value* field(std::size_t offset);
  Value* load_field(llvm::Type* type, std::size_t offset);
  llvm::AllocaInst* slot(llvm::Type* type, const llvm::Twine& name = "");
  BasicBlock* block(const llvm::Twine& name);
  void enter(BasicBlock* block); // branches there and goes on there
  void emit(const ir::Block& block);
  void emit(const ir::Instruction& instruction);

  // Types and lanes
  llvm::Type* scalar_type(ir::Type type) const;
  llvm::Type* wide(llvm::Type* type) const; // <W x type>; the type itself for one lane
  llvm::Type* memory_type(ir::Type type) const;
  std::uint64_t memory_size(ir::Type type) const;
  bool is_wide(Value* value) const { return value->getType()->isVectorTy(); }
  Value* widen(Value* value); // the same for all lanes, where it is not a vector
  // Vectors all, where one of them is.
  template <class... Values>
  void same_width(Values*&... values) {
    if ((is_wide(values) || ...)) ((values = widen(values)), ...);
  }
  Value* lane_numbers(); // <0, 1, ...> of i32
  Value* value(ir::ValueId id) const { return values_[id]; }
  void set(const ir::Instruction& instruction, Value* value) { values_[instruction.result] = value; }
  bool single_lane() const { return variant_.lanes == 1; }

  // Masks
  Value* current_mask() { return builder_.CreateLoad(mask_type_, regions_.back().mask); }
  bool masked() const { return regions_.size() > 1; }
  Value* any(Value* mask);
  void branch_unlikely(Value* condition, BasicBlock* rare, BasicBlock* usual);
  void leave_if_empty(); // goes on where the innermost region still has lanes
  void remove_lanes(Value* lanes, std::size_t outermost_region);
  void drop_failed(Value* lanes); // from every mask; goes on where there is a lane left

  // emit_calls.cpp
  static constexpr unsigned first_argument = 5, first_result = 2; // of a callee's code
  void emit_call(const ir::Instruction& instruction);
  void emit_give(const ir::Instruction& instruction);
  Value* free_tape();
  Value* stack_limit(); // below which the stack must not grow
  Value* frame_address(llvm::IRBuilder<>& builder);

  // emit_values.cpp
  void emit_value(const ir::Instruction& instruction);
  Value* arithmetic(const ir::Instruction& instruction);
  Value* add_or_fuse(const ir::Instruction& instruction);
  Value* divide_integers(Value* dividend, Value* divisor);
  Value* compare(const ir::Instruction& instruction);
  Value* convert_to_memory(Value* value, ir::Type type);
  Value* convert_from_memory(Value* value, ir::Type type);

  // emit_control.cpp
  void emit_if(const ir::Instruction& instruction);
  void emit_uniform_if(const ir::Instruction& instruction, Value* condition);
  void emit_varying_if(const ir::Instruction& instruction, Value* condition);
  void emit_blended_if(const ir::Instruction& instruction, Value* condition);
  void emit_for(const ir::Instruction& instruction);
  void emit_uniform_for(const ir::Instruction& instruction);
  void emit_divergent_for(const ir::Instruction& instruction);
  void emit_while(const ir::Instruction& instruction);
  void emit_break_or_continue(const ir::Instruction& instruction);
  void poll_interrupt();
  void begin_loop(const ir::Instruction& instruction, Loop loop);
  void emit_body(const ir::Block& body);

  // emit_walks.cpp
  void emit_walk(const ir::Instruction& instruction, const Walk& walk);

  // emit_memory.cpp
  void emit_declare(const ir::Instruction& instruction);
  void emit_load(const ir::Instruction& instruction);
  void emit_store(const ir::Instruction& instruction);
  void emit_array_size(const ir::Instruction& instruction);
  void emit_tape_push(const ir::Instruction& instruction);
  void emit_tape_pop(const ir::Instruction& instruction);
  Value* tape_slots(Value* tops);
  Value* harmless_addresses(Value* addresses);
  Value* gather(llvm::Type* type, Value* addresses, llvm::Align align); // of the lanes that take part
  void scatter(Value* values, Value* addresses, llvm::Align align);     // likewise
  Value* flat_index(const Array& array, const ir::Instruction& instruction, std::size_t first_operand);
  Value* element_address(const Array& array, Value* flat, ir::Type type);
  Value* allocate_elements(Value* elements, std::uint64_t element_bytes);
  Value* allocate(Value* bytes);
  void fill(Value* base, Value* elements, ir::Type type, bool zeros);

  // emit_checks.cpp
  void emit_check(const ir::Instruction& instruction);
  void emit_print(const ir::Instruction& instruction);
  void fail(Value* lanes, const ir::Instruction& instruction, std::size_t first_value);
  Value* store_reported(const ir::Instruction& instruction, std::size_t first_value);
  Value* lane_bits(Value* lanes);
  llvm::Function* reporter(bool prints);

  // emit_draws.cpp
  void emit_draw(const ir::Instruction& instruction);
  void fill_draw_buffers(const ir::Instruction& loop);
  void create_draw_buffers(const ir::Block& block, std::vector<DrawBuffer>& created);
  Value* draw(const ir::Instruction& instruction, Value* block_number, llvm::AllocaInst* values);
  llvm::Function* draw_function(ir::Op op, bool whole_block, bool lanes_differ);
  llvm::Type* block_type(); // of the values of a block
  int values_per_block() const { return variant_.precision == Precision::f32 ? 4 : 2; }

  llvm::Module& module_;
  llvm::LLVMContext& context_;
  const ir::Model& model_;
  const ir::Function& function_;
  const Variant variant_;
  const Machine& machine_;
  const Uniformity uniformity_;
  const Fusion fusion_;
  llvm::IRBuilder<> builder_;
  llvm::Function* code_ = nullptr;
  llvm::Type *real_, *mask_type_;

  bool is_callee_ = false;
  bool is_recursive_ = false;  // calls itself, perhaps through others
  Value* call_ = nullptr;      // the sibyl_call
  Value* variables_ = nullptr; // its array of sibyl_variable
  Value* arena_end_ = nullptr;
  Value* tape_begin_ = nullptr;
  Value* tape_end_ = nullptr;
  Value* tape_capacity_ = nullptr; // i32, items of each lane
  Value* interrupted_ = nullptr;   // pointer to the flag
  Value* index_low_ = nullptr;     // <W x i32>, of the data sets' index
  Value* index_high_ = nullptr;    // likewise
  llvm::AllocaInst* arena_ = nullptr;
  llvm::AllocaInst* tape_ = nullptr; // its top: a pointer, or with a divergent tape each lane's number of items
  llvm::AllocaInst* status_ = nullptr;
  llvm::AllocaInst* spare_ = nullptr;    // where lanes that take no part read and write, created when first needed
  llvm::AllocaInst* reported_ = nullptr; // [4 x <W x double>], created when first needed
  BasicBlock *finish_ = nullptr, *arena_exhausted_ = nullptr, *tape_exhausted_ = nullptr, *interrupted_exit_ = nullptr;

  std::vector<Value*> values_;                      // by ValueId
  std::vector<const ir::Instruction*> definitions_; // by ValueId
  std::vector<llvm::AllocaInst*> cells_;
  std::vector<Array> arrays_;
  std::vector<Region> regions_;
  std::vector<Loop> loops_;
  std::unordered_map<const ir::Instruction*, DrawBuffer> draw_buffers_;
  std::vector<llvm::AllocaInst*> given_;                                // a callee's results
  std::unordered_map<ir::ValueId, std::vector<Value*>> call_results_;   // by the call's first
  std::vector<std::uint32_t> called_;
  Value* stack_limit_ = nullptr;
};

} // namespace sibyl::codegen
