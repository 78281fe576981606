#include "compiler/codegen/uniformity.hpp"

#include <algorithm>

namespace sibyl::codegen {

namespace {

using ir::Op;

class Analysis {
 public:
  explicit Analysis(const ir::Function& function) : function_(function) {
    result_.varying_value.resize(function.value_count);
    result_.varying_cell.resize(function.cells.size());
    result_.varying_extent.resize(function.arrays.size());
    std::vector<bool> declared(function.arrays.size());
    collect_declared(function.body, declared);
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
  static void collect_declared(const ir::Block& block, std::vector<bool>& declared) {
    for (const ir::Instruction& instruction : block) {
      if (instruction.op == Op::declare) declared[instruction.id] = true;
      for (const ir::Block& inner : instruction.blocks) collect_declared(inner, declared);
    }
  }

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
    case Op::break_:
    case Op::continue_:
      // Some lanes go on while others have left: only if control has diverged since the loop was entered.
      if (divergence_ > loops_.back().divergence_inside) mark_divergent(loops_.back().instruction);
      return;
    case Op::store_cell: mark(result_.varying_cell, instruction.id, divergence_ > 0 || varies(operands[0])); return;
    case Op::declare: mark(result_.varying_extent, instruction.id, any_varies(instruction)); return;
    case Op::load_cell: mark(result_.varying_value, instruction.result, result_.varying_cell[instruction.id]); return;
    case Op::array_size:
      mark(result_.varying_value, instruction.result, result_.varying_extent[instruction.id]);
      return;
    case Op::load:
      mark(result_.varying_value, instruction.result,
           function_.arrays[instruction.id].binding != ir::Binding::include_jacobian);
      return;
    case Op::tape_push: result_.divergent_tape |= divergence_ > 0; return;
    case Op::tape_pop: result_.divergent_tape |= divergence_ > 0; [[fallthrough]];
    case Op::draw_uniform:
    case Op::draw_normal: mark(result_.varying_value, instruction.result, true); return;
    default:
      if (instruction.result != ir::none) mark(result_.varying_value, instruction.result, any_varies(instruction));
    }
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

bool escapes(const ir::Block& block) {
  return std::any_of(block.begin(), block.end(), [](const ir::Instruction& instruction) {
    if (instruction.op == Op::break_ || instruction.op == Op::continue_) return true;
    if (instruction.op != Op::if_) return false;
    return std::any_of(instruction.blocks.begin(), instruction.blocks.end(), escapes);
  });
}

} // namespace sibyl::codegen
