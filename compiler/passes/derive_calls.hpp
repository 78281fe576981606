// Calls through which derivatives flow become calls of callees that give these too.
//
//   y = call f x, n                becomes   v = call derivative_of_f_by_0 x, n, as a constant
//                                            s = result 1 of v
//                                            y = with_slopes v, x, s
//
// Reverse mode then needs to know nothing of calls. The derivative of a callee is made by reverse mode from its body,
// once for each set of arguments that it is wanted by, and calls derivatives itself: a function that calls itself
// becomes one whose derivative calls itself.
#pragma once

#include "compiler/ir/ir.hpp"

namespace sibyl::ir {

// The callee that gives the results of `callee` and behind them the derivatives of the first, a real, by the real
// arguments `wanted`. Where there is none yet it gets its number here, and its body by derive_calls.
std::uint32_t derivative_of(Model& model, std::uint32_t callee, const std::vector<bool>& wanted);

// In the gradient, which is not yet one, and in all derivatives of callees that have a number.
void derive_calls(Model& model);

} // namespace sibyl::ir
