// Where everything in a function is: the definitions and uses of values, the accesses to cells and arrays, and which
// block owns what. The analyses of reverse mode ask here; it is valid as long as the function is not changed.
#pragma once

#include "compiler/ir/ir.hpp"
#include "compiler/ir/traverse.hpp"

#include <functional>
#include <set>
#include <unordered_map>
#include <vector>

namespace sibyl::ir {

using InstructionList = std::vector<const Instruction*>;

struct Site {
  const Instruction* owner = nullptr; // whose block it is in; null: the function's body
  const Block* block = nullptr;
  std::size_t position = 0; // in the block
  std::uint32_t begin = 0;  // in program order
  std::uint32_t end = 0;    // behind everything nested in it
};

class Structure {
 public:
  explicit Structure(const Function& function);

  const Function& function() const { return function_; }
  const Site& at(const Instruction& instruction) const { return sites_.at(&instruction); }
  const Instruction* definition(ValueId value) const { return definitions_.at(value); }
  const InstructionList& uses(ValueId value) const { return uses_.at(value); }
  // Loads and stores, in program order.
  const InstructionList& cell_accesses(CellId cell) const { return cells_.at(cell); }
  const InstructionList& array_accesses(ArrayId array) const { return arrays_.at(array); }
  const Instruction* declaration(ArrayId array) const { return declarations_.at(array); } // null: not local
  const InstructionList& all() const { return all_; }                                     // in program order

  bool contains(const Instruction& owner, const Instruction& inner) const {
    const Site &outer = at(owner), &site = at(inner);
    return outer.begin < site.begin && site.begin < outer.end;
  }
  // Whether the value is defined inside the owner's blocks (or is its loop variable).
  bool defined_in(const Instruction& owner, ValueId value) const {
    return definition(value) == &owner || contains(owner, *definition(value));
  }

 private:
  void visit(const Block& block, const Instruction* owner);

  const Function& function_;
  std::unordered_map<const Instruction*, Site> sites_;
  InstructionList definitions_, declarations_, all_;
  std::vector<InstructionList> uses_, cells_, arrays_;
};

using CellSet = std::set<CellId>;
using ArraySet = std::set<ArrayId>;

CellSet cells_written(const Instruction& owner);
ArraySet arrays_written(const Instruction& owner);
// By array: whether the function declares it or stores to it, so that what is read of it depends on when.
std::vector<bool> changing_arrays(const Function& function);

// The cells whose value at the block's start may be read in it, by the loads that `counts`.
CellSet exposed_cells(const Block& block, const std::function<bool(const Instruction&)>& counts);

} // namespace sibyl::ir
