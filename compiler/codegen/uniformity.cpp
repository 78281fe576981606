#include "compiler/codegen/uniformity.hpp"

#include "compiler/ir/traverse.hpp"

#include <algorithm>

namespace sibyl::codegen {

namespace {

using ir::Op;
namespace trait = ir::trait;

class Analysis {
 public:
  explicit Analysis(const ir::Function& function) : function_(function) {
    result_.varying_value.resize(function.value_count);
    result_.varying_cell.resize(function.cells.size());
    result_.varying_extent.resize(function.arrays.size());
    const std::vector<bool> declared = declared_arrays(function);
    for (std::size_t a = 0; a < function.arrays.size(); ++a)
      result_.varying_extent[a] = function.arrays[a].binding == ir::Binding::variable && !declared[a];
  }

  Uniformity run() {
    do {
      changed_ = false;
      visit(function_.body);
    } while (changed_);
    return std::move(result_);
  }

 private:
  bool varies(ir::ValueId value) const { return result_.varying_value[value]; }
  bool any_varies(const ir::Instruction& instruction) const {
    return std::any_of(instruction.operands.begin(), instruction.operands.end(), [&](auto v) { return varies(v); });
  }
  void mark(std::vector<bool>& set, std::size_t at, bool varying) {
    if (varying && !set[at]) set[at] = changed_ = true;
  }
  void mark_divergent(const ir::Instruction* loop) { changed_ |= result_.divergent_loops.insert(loop).second; }

  void visit(const ir::Block& block) {
    for (const ir::Instruction& instruction : block) visit(instruction);
  }

  void visit(const ir::Instruction& instruction) {
    const auto& operands = instruction.operands;
    switch (instruction.op) {
    case Op::if_: {
      const bool varying = varies(operands[0]);
      divergence_ += varying;
      for (const ir::Block& side : instruction.blocks) visit(side);
      divergence_ -= varying;
      return;
    }
    case Op::for_:
      if (const auto walk = find_walk(instruction, function_)) {
        result_.walks.insert_or_assign(&instruction, *walk);
        mark(result_.varying_value, instruction.result, true);
        mark_divergent(&instruction);
      }
      mark(result_.varying_value, instruction.result, varies(operands[0]));
      if (any_varies(instruction)) mark_divergent(&instruction);
      visit_loop(instruction);
      return;
    case Op::while_:
      if (varies(instruction.blocks[0].back().operands[0])) mark_divergent(&instruction);
      visit_loop(instruction);
      return;
    default: break;
    }
    if (has(instruction.op, trait::leaves)) {
      // Some lanes go on while others have left: only if control has diverged since the loop was entered.
      if (divergence_ > loops_.back().divergence_inside) mark_divergent(loops_.back().instruction);
    }
    if (writes_cell(instruction.op)) mark(result_.varying_cell, instruction.id, divergence_ > 0 || varies(operands[0]));
    if (has(instruction.op, trait::declares)) mark(result_.varying_extent, instruction.id, any_varies(instruction));
    if (has(instruction.op, trait::tape)) result_.divergent_tape |= divergence_ > 0;
    if (instruction.result != ir::none) mark(result_.varying_value, instruction.result, result_varies(instruction));
  }

  bool result_varies(const ir::Instruction& instruction) const {
    if (reads_cell(instruction.op)) return result_.varying_cell[instruction.id];
    if (has(instruction.op, trait::measures)) return result_.varying_extent[instruction.id];
    if (reads_array(instruction.op) && function_.arrays[instruction.id].binding == ir::Binding::include_jacobian)
      return false; // one flag for all
    // A callee gives one value for each lane, even where they agree.
    return has(instruction.op, trait::varies) || instruction.op == Op::call || any_varies(instruction);
  }

  void visit_loop(const ir::Instruction& loop) {
    const bool divergent = result_.divergent_loops.contains(&loop);
    divergence_ += divergent;
    loops_.push_back({&loop, divergence_});
    for (const ir::Block& block : loop.blocks) visit(block);
    loops_.pop_back();
    divergence_ -= divergent;
  }

  struct Loop {
    const ir::Instruction* instruction;
    int divergence_inside; // of its body
  };

  const ir::Function& function_;
  Uniformity result_;
  std::vector<Loop> loops_;
  int divergence_ = 0; // how many enclosing branches and loops not all lanes take together
  bool changed_ = false;
};

} // namespace

Uniformity analyze_uniformity(const ir::Function& function, int lanes) {
  if (lanes > 1) return Analysis(function).run();
  Uniformity uniform;
  uniform.varying_value.resize(function.value_count);
  uniform.varying_cell.resize(function.cells.size());
  uniform.varying_extent.resize(function.arrays.size());
  return uniform;
}

} // namespace sibyl::codegen
