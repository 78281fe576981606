// Who calls whom: the callees that a function needs, directly or through others.
#pragma once

#include "compiler/ir/ir.hpp"

#include <vector>

namespace sibyl::ir {

// In the order in which they are met, each once; the function itself only where it is a callee that calls itself.
std::vector<std::uint32_t> reachable_callees(const Model& model, const Function& function);

// Whether lanes may fail in the function or in a callee that it needs.
bool may_fail(const Model& model, const Function& function);

} // namespace sibyl::ir
