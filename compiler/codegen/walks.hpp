// Loops over simulated walks, which lanes run out of step.
//
//   for (n in 1:N) {
//     x = start;                    // head
//     while (x < boundary) x += …;  // walk: its length differs from lane to lane
//     time[n] = …;                  // tail
//   }
//
// In step, every lane waits in each round for the longest of the W walks: with first-passage times, most of the work is
// waiting. So each lane goes on to its own next n as soon as its walk ends (emit_walks.cpp), at the price of gathers
// and scatters in head and tail. It pays where walks are long; those of rejection sampling are not, and what tells them
// apart is that a walk's test depends on a real that its body changes.
#pragma once

#include "compiler/ir/ir.hpp"

#include <optional>

namespace sibyl::codegen {

struct Walk {
  std::size_t position; // of the while loop in the for loop's body
};

std::optional<Walk> find_walk(const ir::Instruction& loop, const ir::Function& function);

} // namespace sibyl::codegen
