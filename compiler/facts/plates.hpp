// How the model treats the positions of each data dimension: exchangeable, sequential or fixed, and which go together.
//
// A dimension of an observed variable is exchangeable when the joint density stays the same under permuting it together
// with every design column indexed alongside: each position is handled by its own iteration of a loop (or element of a
// vectorized statement), no value flows from one iteration to another, and the position's number is used for nothing
// but indexing.
#pragma once

#include "compiler/generative/reading.hpp"

#include <map>
#include <string>
#include <utility>

namespace sibyl {

struct DimensionUse {
  DimensionKind kind = DimensionKind::fixed;
  std::string reason;
  std::string size; // the plate's key: dimensions of one size that are indexed together are one plate
};

// By (variable, dimension) of every data variable.
using DimensionUses = std::map<std::pair<typed::VariableId, int>, DimensionUse>;

DimensionUses dimension_uses(const typed::Program& program, const generative::Reading& reading);

} // namespace sibyl
