// Which arrays keep every element that is read: no load is followed by a store to the same element.
//
// Reverse mode runs parts of a function again from an earlier state. An array of that kind (a mean filled element by
// element, a state h[t] computed from h[t - 1]) needs no restoring for that: what it holds later is still what was
// read. Only the others have their old elements saved.
#pragma once

#include "compiler/passes/activity.hpp"
#include "compiler/passes/structure.hpp"

namespace sibyl::ir {

// By array; loads that are not needed do not count.
std::vector<bool> find_stable_arrays(const Structure& structure, const Needs& needs);

} // namespace sibyl::ir
