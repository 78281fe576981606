// Which values are the same in all lanes.
//
// A value that is equal in all lanes that take part is kept as one scalar: indices computed from it address one
// contiguous vector instead of a gather, branches on it are real branches, and loops counted by it need no masks. The
// analysis is the usual fixed point: lanes differ in what they load, draw and were given; a cell differs where it is
// stored a differing value or stored under control flow that lanes do not share.
#pragma once

#include "compiler/codegen/walks.hpp"
#include "compiler/ir/ir.hpp"

#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace sibyl::codegen {

struct Uniformity {
  std::vector<bool> varying_value;                            // by ValueId
  std::vector<bool> varying_cell;                             // by CellId
  std::vector<bool> varying_extent;                           // by ArrayId: whether array_size differs between lanes
  std::unordered_set<const ir::Instruction*> divergent_loops; // lanes may leave, or skip iterations, at different times
  std::unordered_map<const ir::Instruction*, Walk> walks;     // for loops whose lanes run out of step
  bool divergent_tape = false;                                // lanes may have pushed different numbers of values
};

// For one lane everything is uniform.
Uniformity analyze_uniformity(const ir::Function& function, int lanes);

} // namespace sibyl::codegen
