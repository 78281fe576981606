// How reverse mode treats each `if_`, `for_` and `while_`: decided once, before any code is written.
//
// The sweep back through a region (an iteration's body, a branch) starts from the state behind it, restores the state
// before it, runs the region again (now keeping every value in sight) and then goes backwards through it. The plan says
// what must be saved on the way forward so that the state can be restored, and which regions need none of this because
// they can be differentiated in place, in the forward sweep. Branches without loops are not run again: the few values
// that the sweep reads of them are kept in cells.
#pragma once

#include "compiler/passes/accumulation.hpp"
#include "compiler/passes/activity.hpp"
#include "compiler/passes/structure.hpp"

namespace sibyl::ir {

struct RegionPlan {
  bool active = false; // adjoints flow inside
  // Forward and back at once, where it stands: the body's results flow into sums with known adjoint only, and nothing
  // that it reads is overwritten before the sweep comes back.
  bool in_place = false;
  bool kept = false;            // an `if_` whose values the sweep back finds in cells
  CellSet saved_once;           // before the region
  CellSet saved_each_iteration; // of a loop: carried from iteration to iteration
  ArraySet logged;              // arrays whose overwritten elements go to an undo log
  CellSet carried;              // perhaps read before they are written, by what the sweep back needs at all
  Needs needs;                  // of the sweep back through this region
};

class ReversePlan {
 public:
  explicit ReversePlan(const Structure& structure);

  const Activity& activity() const { return activity_; }
  const Sums& sums() const { return sums_; }
  const Sinks& sinks() const { return sinks_; }
  const RegionPlan& region(const Instruction& owner) const { return regions_.at(&owner); }

  // Where the blocks of `region` are run again, only with what the sweep back through them needs: is this part of it?
  bool is_needed(const Instruction& instruction, const Instruction& region) const;
  // The old value must be put back when the sweep passes this store on its way back.
  bool restores(const Instruction& store) const;
  // Of a kept branch: the sweep back reads the value.
  bool is_read_back(ValueId value) const { return read_back_[value]; }
  // The value has an adjoint and is used in a block nested in its own.
  bool crosses(ValueId value) const { return crosses_[value]; }
  // The adjoint may be zero because a `select` took the other side, or a block that uses the value did not run.
  bool guarded(ValueId value) const { return guarded_[value]; }

 private:
  void find_values_read_back();
  void find_crossing_values();
  void find_guarded_values();
  void plan(const Instruction& owner);
  bool can_run_in_place(const Instruction& owner, const RegionPlan& plan) const;
  bool is_last(const Instruction& owner) const;
  bool can_be_kept(const Instruction& owner) const;
  bool is_private(CellId cell, const Instruction& owner) const;
  bool is_local(ArrayId array, const Instruction& owner) const;
  bool is_carried_around(CellId cell, const Instruction& owner) const;
  bool is_declared_outside(ArrayId array, const Instruction& owner) const;
  bool is_swept_before(const InstructionList& accesses, const Instruction& owner) const;
  bool has_effects(const Instruction& owner, const Instruction& region) const;
  bool is_read_outside(CellId cell, const Instruction& owner, const Instruction* region) const;
  CellSet exposed(const Instruction& owner, const Needs* needs) const;

  const Structure& structure_;
  Activity activity_;
  Needs needs_; // of the whole sweep
  Sums sums_;
  Sinks sinks_;
  std::vector<bool> stable_, read_back_, crosses_, guarded_;
  std::unordered_map<const Instruction*, RegionPlan> regions_;
};

} // namespace sibyl::ir
