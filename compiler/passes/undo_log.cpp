#include "compiler/passes/undo_log.hpp"

#include <algorithm>

namespace sibyl::ir {

UndoLog::UndoLog(const ArraySet& arrays, const std::vector<Array>& declared) : arrays_(arrays.begin(), arrays.end()) {
  for (ArrayId array : arrays_) declared_.push_back(declared[array]);
}

void UndoLog::clear(Builder& builder) {
  if (length_ == none) length_ = builder.cell("log length", Type::integer);
  builder.store_cell(length_, builder.integer(0));
}

ValueId UndoLog::count(Builder& builder) const { return builder.load_cell(length_); }

// An entry is the old element, the indices, and, where several arrays share the log, which array.
void UndoLog::record(Builder& b, ArrayId array, ArrayId copy, const std::vector<ValueId>& indices) {
  const auto found = std::find(arrays_.begin(), arrays_.end(), array);
  if (found == arrays_.end()) return;
  b.tape_push(b.load(copy, indices));
  for (ValueId index : indices) b.tape_push(index);
  if (arrays_.size() > 1) b.tape_push(b.integer(static_cast<std::int32_t>(found - arrays_.begin())));
  b.store_cell(length_, b.add(b.load_cell(length_), b.integer(1)));
}

void UndoLog::undo(Builder& b, const std::vector<ArrayId>& copies, ValueId count) const {
  auto write_back = [&](std::size_t which) {
    std::vector<ValueId> indices(static_cast<std::size_t>(declared_[which].rank));
    for (auto index = indices.rbegin(); index != indices.rend(); ++index) *index = b.tape_pop(Type::integer);
    const ValueId old = b.tape_pop(declared_[which].element);
    b.store(copies[arrays_[which]], old, indices);
  };
  b.for_(b.integer(1), count, [&](ValueId) {
    if (arrays_.size() == 1) return write_back(0);
    const ValueId which = b.tape_pop(Type::integer);
    for (std::size_t i = 0; i < arrays_.size(); ++i)
      b.if_(b.compare(Op::equal, which, b.integer(static_cast<std::int32_t>(i))), [&] { write_back(i); });
  });
}

} // namespace sibyl::ir
