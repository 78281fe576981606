// Forward-mode differentiation of a piece of a function: beside what each instruction computes, how that changes along
// one direction (its tangent).
//
// Solvers need derivatives of the function that they are given while they run: the Jacobian of a system of differential
// equations, and its product with sensitivities. Both are directional derivatives of code that is inlined there; the
// direction is a number that changes from run to run, so that one copy of the code serves them all.
#pragma once

#include "compiler/ir/build.hpp"

#include <map>

namespace sibyl::ir {

// Puts the block, which `Builder::capture` took, where the builder is, and with it the tangents.
//
// `tangents`: by array, the array of the same sizes that holds its tangents. Of arrays that the block reads, these are
// the direction; of arrays that it writes, they get the result. Every other array and value from outside is constant.
// What is between is kept in cells and arrays of its own.
void append_with_tangents(Builder& builder, const Block& block, std::map<ArrayId, ArrayId> tangents);

} // namespace sibyl::ir
