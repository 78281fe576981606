// The elements that a region overwrites, pushed on the tape so that the sweep back can restore them: for arrays whose
// stores reverse mode cannot tell apart from earlier loads.
#pragma once

#include "compiler/ir/build.hpp"
#include "compiler/passes/structure.hpp"

namespace sibyl::ir {

class UndoLog {
 public:
  // `declared` are the primal's arrays, by whose numbers `arrays` and the other arguments speak.
  UndoLog(const ArraySet& arrays, const std::vector<Array>& declared);

  void clear(Builder& builder);          // begins a region
  ValueId count(Builder& builder) const; // of the entries since then
  // Before a store: pushes the element that it overwrites, if the array is logged. `copy` is the array's number here.
  void record(Builder& builder, ArrayId array, ArrayId copy, const std::vector<ValueId>& indices);
  // Pops `count` entries and writes them back to `copies[array]`.
  void undo(Builder& builder, const std::vector<ArrayId>& copies, ValueId count) const;

 private:
  std::vector<ArrayId> arrays_;
  std::vector<Array> declared_; // beside arrays_
  CellId length_ = none;
};

} // namespace sibyl::ir
