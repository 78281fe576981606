#include "compiler/passes/simplify.hpp"

namespace sibyl::ir {

void simplify(Function& function) {
  share_values(function);
  hoist_invariants(function);
  share_values(function); // what several loops had in common
  drop_overwritten_stores(function);
  drop_dead_code(function);
}

} // namespace sibyl::ir
