// What reverse mode must differentiate, and what it must know to do so.
//
// *Active* is what depends on the unconstrained parameters and influences the log density: only it gets an adjoint.
// *Needed* is what the sweep back reads: operands of derivatives, indices, conditions, sizes, and what these are
// computed from. Only needed state is saved, and only needed instructions are run again. Both are found without regard
// to the order of statements, by following values through cells and arrays to a fixed point.
#pragma once

#include "compiler/passes/structure.hpp"

#include <vector>

namespace sibyl::ir {

struct Activity {
  std::vector<bool> value, cell, array; // by number
};

Activity find_activity(const Structure& structure);

// What the sweep back reads where it passes the instruction: operands of the derivative's rule, its result, indices.
std::vector<ValueId> values_read_back(const Instruction& instruction, const Activity& activity);

struct Needs {
  std::vector<bool> value, cell, array;
};

// Of the whole sweep back; or, given an `if_`, `for_` or `while_`, of the sweep through its blocks alone: what is
// needed of what they compute themselves.
Needs find_needs(const Structure& structure, const Activity& activity, const Instruction* region = nullptr);

// Which operands of a pure operation carry adjoints.
std::vector<bool> active_operands(const Instruction& instruction, const Activity& activity);

// The instruction moves or changes adjoints itself (not only what is nested in it).
bool is_active(const Instruction& instruction, const Activity& activity);

} // namespace sibyl::ir
