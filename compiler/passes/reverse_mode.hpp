// Reverse-mode differentiation as a transformation of the intermediate representation: log_density becomes
// log_density_gradient.
//
// There is no record of operations at run time. The function is run forward; then its statements are swept backwards,
// each adding to the adjoints of what it read: a value's adjoint is a value (or a cell, where nested blocks add to it),
// a cell's is a cell, an array's is an array. A loop is swept by a loop in the other direction, whose body restores the
// state before the iteration, runs the primal body again and then sweeps it. What an iteration changes is saved on the
// way forward, and only if the sweep needs it: in arrays with one element per iteration, or on the tape where the
// number of iterations is not known (`while_`) or the overwritten elements are not (an undo log). Loops that only add
// to the log density, the usual likelihood, are differentiated in place, in one loop. See reverse_plan.hpp.
#pragma once

#include "compiler/ir/ir.hpp"

namespace sibyl::ir {

// The gradient of the log density, or the derivatives of a callee's first result by the arguments `wanted`, behind its
// results. structure_loops has rewritten the function, and derive_calls its calls.
Function reverse_mode(const Function& function);

} // namespace sibyl::ir
