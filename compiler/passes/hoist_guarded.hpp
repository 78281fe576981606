// Moves out of a while loop what is the same in every iteration but may only be done if there is one: reads of arrays,
// and the checks of their indices.
//
//   while (x > 0) { x += drift[group[n]] + noise; }        becomes
//   if (x > 0) { step = drift[group[n]]; }
//   while (x > 0) { x += step + noise; }
//
// `hoist_invariants` cannot do this: it moves only what is harmless where the loop does not run at all. A simulator's
// innermost loop is worth it, since a read at an index that lanes do not share is a gather.
#pragma once

#include "compiler/ir/ir.hpp"

namespace sibyl::ir {

void hoist_guarded(Function& function);

} // namespace sibyl::ir
