// Makes a function smaller and its loops lighter, exactly: what it computes stays the same to the last bit (reported
// checks may come earlier within one loop).
//
// Lowering writes what the text says, again and again: indices, sizes, constants, the same logarithm in every
// iteration. Five walks over the tree, each linear, take this away before reverse mode doubles it and LLVM has to read
// it:
//   share        folds constants, applies identities, computes equal values once, forwards what a cell holds
//   drop checks  of integers that the loops and branches around and the checks before prove
//   hoist        moves what a loop computes in every iteration alike, and checks of it, in front of the loop
//   drop stores  that the next store overwrites unread
//   drop dead    values, cells, arrays and loops that nothing reads; what stays is numbered anew
#pragma once

#include "compiler/ir/ir.hpp"

#include <string_view>
#include <vector>

namespace sibyl::ir {

void share_values(Function& function);
void drop_proven_checks(Function& function);
void hoist_invariants(Function& function);
void drop_overwritten_stores(Function& function);
void drop_dead_code(Function& function);

struct SimplificationStep {
  std::string_view name;
  void (*run)(Function& function);
};
// All of them, in the order that pays.
const std::vector<SimplificationStep>& simplification();
void simplify(Function& function);

} // namespace sibyl::ir
