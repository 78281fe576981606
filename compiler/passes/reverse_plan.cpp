#include "compiler/passes/reverse_plan.hpp"

#include "compiler/passes/dependence.hpp"
#include "compiler/passes/derivatives.hpp"

#include <algorithm>

namespace sibyl::ir {
ReversePlan::ReversePlan(const Structure& structure)
    : structure_(structure), activity_(find_activity(structure)), needs_(find_needs(structure, activity_)),
      sums_(find_sums(structure)), sinks_(find_sinks(structure, activity_, sums_)),
      stable_(find_stable_arrays(structure, needs_)) {
  find_values_read_back();
  find_crossing_values();
  find_guarded_values();
  for (const Instruction* instruction : structure.all())
    if (is_region(instruction->op)) plan(*instruction);
}

void ReversePlan::find_values_read_back() {
  read_back_.assign(structure_.function().value_count, false);
  for (const Instruction* instruction : structure_.all()) {
    std::vector<ValueId> values;
    if (is_active(*instruction, activity_)) values = values_read_back(*instruction, activity_);
    else if (instruction->op == Op::store)
      values.assign(instruction->operands.begin() + 1, instruction->operands.end());
    else if (instruction->op == Op::if_) values = instruction->operands;
    for (ValueId value : values) read_back_[value] = true;
  }
}

void ReversePlan::find_crossing_values() {
  crosses_.assign(structure_.function().value_count, false);
  for (const Instruction* user : structure_.all())
    for (ValueId operand : user->operands)
      if (activity_.value[operand] &&
          structure_.at(*user).block != structure_.at(*structure_.definition(operand)).block)
        crosses_[operand] = true;
}

void ReversePlan::find_guarded_values() {
  guarded_.assign(structure_.function().value_count, false);
  for (auto it = structure_.all().rbegin(); it != structure_.all().rend(); ++it) {
    const Instruction& instruction = **it;
    if (!is_pure(instruction.op) || instruction.type != Type::real) continue;
    const bool chooses = instruction.op == Op::select ||
                         (instruction.op == Op::math && has(static_cast<MathFunction>(instruction.id), slope::chooses));
    // Used in nested blocks alone, which perhaps do not run: hoist_invariants makes such values.
    const InstructionList& uses = structure_.uses(instruction.result);
    const bool conditional = std::all_of(uses.begin(), uses.end(), [&](const Instruction* use) {
      return structure_.at(*use).block != structure_.at(instruction).block;
    });
    if (conditional) guarded_[instruction.result] = true;
    if (chooses || guarded_[instruction.result])
      for (ValueId operand : instruction.operands) guarded_[operand] = true;
  }
}

bool ReversePlan::is_needed(const Instruction& instruction, const Instruction& root) const {
  const Needs& needs = region(root).needs;
  switch (instruction.op) {
  case Op::store_cell: return needs.cell[instruction.id];
  // A stable array from outside still holds what the first run has stored.
  case Op::store: return needs.array[instruction.id] && (!stable_[instruction.id] || is_local(instruction.id, root));
  case Op::declare: return needs.array[instruction.id];
  case Op::if_:
  case Op::for_:
  case Op::while_: return has_effects(instruction, root);
  default: return instruction.result != none && needs.value[instruction.result];
  }
}

// Writes state that is read outside, or in a later iteration.
bool ReversePlan::has_effects(const Instruction& owner, const Instruction& root) const {
  const Needs& needs = region(root).needs;
  const CellSet& carried = region(owner).carried;
  bool found = false;
  for_each_nested(owner, [&](const Instruction& inner) {
    if (inner.op == Op::store_cell && needs.cell[inner.id])
      found = found || carried.count(inner.id) || is_read_outside(inner.id, owner, &root);
    if (inner.op == Op::store) found = found || (is_needed(inner, root) && !is_local(inner.id, owner));
  });
  return found;
}

bool ReversePlan::restores(const Instruction& store) const {
  if (store.op == Op::store) return needs_.array[store.id] && !stable_[store.id];
  if (!needs_.cell[store.id]) return false;
  // Loads beside the store are in sight as values; only what is run again reads the cell.
  const InstructionList& accesses = structure_.cell_accesses(store.id);
  return std::any_of(accesses.begin(), accesses.end(), [&](const Instruction* access) {
    return access->op == Op::load_cell && needs_.value[access->result] &&
           structure_.at(*access).block != structure_.at(store).block;
  });
}

// By a needed load of the region's blocks (of the function, where null) that is not in the owner's.
bool ReversePlan::is_read_outside(CellId cell, const Instruction& owner, const Instruction* root) const {
  const Needs& needs = root ? region(*root).needs : needs_;
  const InstructionList& accesses = structure_.cell_accesses(cell);
  return std::any_of(accesses.begin(), accesses.end(), [&](const Instruction* access) {
    return access->op == Op::load_cell && needs.value[access->result] && !structure_.contains(owner, *access);
  });
}

bool ReversePlan::is_private(CellId cell, const Instruction& owner) const {
  const InstructionList& accesses = structure_.cell_accesses(cell);
  return std::all_of(accesses.begin(), accesses.end(),
                     [&](const Instruction* access) { return structure_.contains(owner, *access); });
}

bool ReversePlan::is_local(ArrayId array, const Instruction& owner) const {
  const Instruction* declaration = structure_.declaration(array);
  return declaration && structure_.contains(owner, *declaration);
}

// Counting only the loads that are needed, unless `needs` is null.
CellSet ReversePlan::exposed(const Instruction& owner, const Needs* needs) const {
  auto counts = [&](const Instruction& load) { return !needs || needs->value[load.result]; };
  // What a `while_` tests is a flag that its body has set (structure_loops): only the body is run again.
  if (owner.op == Op::while_) return exposed_cells(owner.blocks[1], counts);
  CellSet cells;
  for (const Block& block : owner.blocks) cells.merge(exposed_cells(block, counts));
  return cells;
}

// An iteration of a loop around the owner may begin with what the owner has left in the last one.
bool ReversePlan::is_carried_around(CellId cell, const Instruction& owner) const {
  for (const Instruction* outer = structure_.at(owner).owner; outer; outer = structure_.at(*outer).owner)
    if (region(*outer).carried.count(cell)) return true;
  return false;
}

// Likewise of an array: it is older than the region around the owner.
bool ReversePlan::is_declared_outside(ArrayId array, const Instruction& owner) const {
  const Instruction* outer = structure_.at(owner).owner;
  return outer ? !is_local(array, *outer) : !structure_.declaration(array);
}

// The sweep, once it has passed the owner, runs code again that reads: a region before the owner through which adjoints
// flow. (Beside such regions values are in sight, and what has no adjoints is passed over.)
bool ReversePlan::is_swept_before(const InstructionList& accesses, const Instruction& owner) const {
  const Site& site = structure_.at(owner);
  return std::any_of(accesses.begin(), accesses.end(), [&](const Instruction* access) {
    if (!has(access->op, trait::reads) || structure_.at(*access).begin > site.begin) return false;
    for (const Instruction* outer = structure_.at(*access).owner; outer; outer = structure_.at(*outer).owner)
      if (!structure_.contains(*outer, owner) && region(*outer).active) return true;
    return false;
  });
}

void ReversePlan::plan(const Instruction& owner) {
  RegionPlan plan;
  for_each_nested(owner, [&](const Instruction& inner) { plan.active = plan.active || is_active(inner, activity_); });
  plan.needs = find_needs(structure_, activity_, &owner);
  plan.carried = exposed(owner, &needs_);
  const CellSet carried_here = exposed(owner, &plan.needs);
  for (CellId cell : cells_written(owner)) {
    if (!needs_.cell[cell]) continue;
    if (carried_here.count(cell) && owner.op != Op::if_) plan.saved_each_iteration.insert(cell);
    else if (plan.carried.count(cell) || is_read_outside(cell, owner, nullptr)) plan.saved_once.insert(cell);
  }
  for (ArrayId array : arrays_written(owner))
    if (needs_.array[array] && !stable_[array] && !is_local(array, owner)) plan.logged.insert(array);
  if (!plan.active) {
    std::erase_if(plan.saved_once, [&](CellId cell) {
      return !is_carried_around(cell, owner) && !is_swept_before(structure_.cell_accesses(cell), owner);
    });
    std::erase_if(plan.logged, [&](ArrayId array) {
      return !is_declared_outside(array, owner) && !is_swept_before(structure_.array_accesses(array), owner);
    });
  }
  const Instruction* const outer = structure_.at(owner).owner;
  const bool in_kept = outer && region(*outer).kept; // there, nothing is in place: the sweep comes back much later
  plan.in_place = !in_kept && plan.active && (can_run_in_place(owner, plan) || is_last(owner));
  plan.kept = in_kept || (plan.active && !plan.in_place && can_be_kept(owner));
  regions_.emplace(&owner, std::move(plan));
}

bool ReversePlan::can_run_in_place(const Instruction& owner, const RegionPlan& plan) const {
  if (owner.op == Op::while_ || !plan.saved_once.empty() || !plan.saved_each_iteration.empty() || !plan.logged.empty())
    return false;
  const CellSet carried = owner.op == Op::for_ ? exposed(owner, nullptr) : CellSet{};
  CellSet cells_read;
  ArraySet arrays_read;
  bool fits = true;
  for_each_nested(owner, [&](const Instruction& inner) {
    switch (inner.op) {
    case Op::store_cell:
      if (activity_.cell[inner.id] && !sinks_.cells[inner.id])
        fits = fits && is_private(inner.id, owner) && !carried.count(inner.id);
      return;
    case Op::store: fits = fits && (!activity_.array[inner.id] || is_local(inner.id, owner)); return;
    case Op::load_cell:
      if (activity_.cell[inner.id] && !sinks_.cells[inner.id]) cells_read.insert(inner.id);
      return;
    case Op::load:
      if (activity_.array[inner.id]) arrays_read.insert(inner.id);
      return;
    default: return;
    }
  });
  if (!fits) return false;
  const Site& site = structure_.at(owner);
  auto overwrites = [&](const Instruction& later) {
    if (later.op == Op::store_cell && cells_read.count(later.id)) fits = false;
    if (later.op == Op::store && arrays_read.count(later.id)) fits = false;
  };
  for (std::size_t i = site.position + 1; i < site.block->size(); ++i) {
    overwrites((*site.block)[i]);
    for_each_nested((*site.block)[i], overwrites);
  }
  return fits;
}

bool ReversePlan::can_be_kept(const Instruction& owner) const {
  if (owner.op != Op::if_) return false;
  bool fits = true;
  for_each_nested(owner, [&](const Instruction& inner) {
    fits = fits && (!is_region(inner.op) || inner.op == Op::if_) && !has(inner.op, trait::declares);
  });
  return fits;
}

// Behind an `if_` that ends its block, the sweep turns round: forward through the branch and back is one branch.
bool ReversePlan::is_last(const Instruction& owner) const {
  if (owner.op != Op::if_) return false;
  const Site& site = structure_.at(owner);
  const auto& arrays = structure_.function().arrays;
  return std::all_of(site.block->begin() + static_cast<std::ptrdiff_t>(site.position) + 1, site.block->end(),
                     [&](const Instruction& later) {
                       if (later.op == Op::give || later.op == Op::constant) return true;
                       if (later.op == Op::load_cell) return static_cast<bool>(sinks_.cells[later.id]);
                       return later.op == Op::store && arrays[later.id].binding == Binding::log_density &&
                              sinks_.log_density;
                     });
}

} // namespace sibyl::ir
