#include "compiler/passes/structure.hpp"

#include <algorithm>
#include <iterator>

namespace sibyl::ir {

Structure::Structure(const Function& function)
    : function_(function), definitions_(function.value_count), declarations_(function.arrays.size()),
      uses_(function.value_count), cells_(function.cells.size()), arrays_(function.arrays.size()) {
  visit(function.body, nullptr);
}

void Structure::visit(const Block& block, const Instruction* owner) {
  for (std::size_t i = 0; i < block.size(); ++i) {
    const Instruction& instruction = block[i];
    Site& site = sites_[&instruction];
    site = {owner, &block, i, static_cast<std::uint32_t>(all_.size()), 0};
    all_.push_back(&instruction);
    if (instruction.result != none) definitions_[instruction.result] = &instruction;
    for (ValueId operand : instruction.operands) uses_[operand].push_back(&instruction);
    if (reads_cell(instruction.op) || writes_cell(instruction.op)) cells_[instruction.id].push_back(&instruction);
    if (reads_array(instruction.op) || writes_array(instruction.op)) arrays_[instruction.id].push_back(&instruction);
    if (has(instruction.op, trait::declares)) declarations_[instruction.id] = &instruction;
    for (const Block& nested : instruction.blocks) visit(nested, &instruction);
    sites_[&instruction].end = static_cast<std::uint32_t>(all_.size());
  }
}

CellSet cells_written(const Instruction& owner) {
  CellSet cells;
  for_each_nested(owner, [&](const Instruction& inner) {
    if (writes_cell(inner.op)) cells.insert(inner.id);
  });
  return cells;
}

ArraySet arrays_written(const Instruction& owner) {
  ArraySet arrays;
  for_each_nested(owner, [&](const Instruction& inner) {
    if (writes_array(inner.op)) arrays.insert(inner.id);
  });
  return arrays;
}

std::vector<bool> changing_arrays(const Function& function) {
  std::vector<bool> changing(function.arrays.size());
  for_each(function.body, [&](const Instruction& instruction) {
    if (writes_array(instruction.op) || has(instruction.op, trait::declares)) changing[instruction.id] = true;
  });
  return changing;
}

namespace {

struct Exposure {
  const std::function<bool(const Instruction&)>& counts;
  CellSet exposed;

  void visit(const Block& block, CellSet& assigned) {
    for (const Instruction& instruction : block) visit(instruction, assigned);
  }

  void visit(const Instruction& instruction, CellSet& assigned) {
    switch (instruction.op) {
    case Op::load_cell:
      if (!assigned.count(instruction.id) && counts(instruction)) exposed.insert(instruction.id);
      return;
    case Op::store_cell: assigned.insert(instruction.id); return;
    case Op::if_: {
      CellSet then = assigned, otherwise = assigned;
      visit(instruction.blocks[0], then);
      visit(instruction.blocks[1], otherwise);
      assigned.clear();
      std::set_intersection(then.begin(), then.end(), otherwise.begin(), otherwise.end(),
                            std::inserter(assigned, assigned.end()));
      return;
    }
    case Op::for_: {
      CellSet body = assigned; // perhaps not run at all
      visit(instruction.blocks[0], body);
      return;
    }
    case Op::while_: {
      visit(instruction.blocks[0], assigned);
      CellSet body = assigned;
      visit(instruction.blocks[1], body);
      return;
    }
    default: return;
    }
  }
};

} // namespace

CellSet exposed_cells(const Block& block, const std::function<bool(const Instruction&)>& counts) {
  Exposure exposure{counts, {}};
  CellSet assigned;
  exposure.visit(block, assigned);
  return exposure.exposed;
}

} // namespace sibyl::ir
