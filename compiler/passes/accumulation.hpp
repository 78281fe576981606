// Sums that grow: `target += v`, written as load, add and store of one cell or array element.
//
// Their derivative needs no state: every addend receives the adjoint of the sum. Where a sum does nothing but flow into
// the log density (a *sink*), that adjoint is 1 from the start, so a loop that only feeds sinks can be differentiated
// while it runs, in one sweep; that is every likelihood written as a loop.
#pragma once

#include "compiler/passes/activity.hpp"
#include "compiler/passes/structure.hpp"

#include <map>

namespace sibyl::ir {

struct Accumulation {
  struct Addend {
    ValueId value;
    bool negative;
  };
  const Instruction* load = nullptr;
  std::vector<Addend> addends;
};

struct Sums {
  std::map<const Instruction*, Accumulation> by_store;
  InstructionList loads; // theirs, sorted by address

  const Accumulation* find(const Instruction& store) const {
    const auto found = by_store.find(&store);
    return found == by_store.end() ? nullptr : &found->second;
  }
  bool is_load(const Instruction& load) const;
};

Sums find_sums(const Structure& structure);

struct Sinks {
  std::vector<bool> cells;  // by number
  bool log_density = false; // it is stored once, at the end of the function
};

Sinks find_sinks(const Structure& structure, const Activity& activity, const Sums& sums);

} // namespace sibyl::ir
