// Rewrites loops so that control enters and leaves every block at its ends: no `break_`, no `continue_`, no work in the
// condition of a `while_`.
//
// Reverse mode runs a loop's body again from a saved state and then backwards; that is simple only where a block that
// was entered was run to its end. A `break_` or `continue_` becomes a flag, and what follows it in the body is put
// under an `if_` on that flag. A `for_` that was left keeps counting, with an empty body; a `while_` becomes
//
//   go = true;  while (go) { go = condition;  if (go) body }
//
// Only log_density is rewritten, on its way to the gradient: the machine code of the other functions is better without.
#pragma once

#include "compiler/ir/ir.hpp"

namespace sibyl::ir {

void structure_loops(Function& function);

} // namespace sibyl::ir
