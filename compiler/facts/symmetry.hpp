// The proof behind "exchangeable": that a model stays the same when the positions of some dimensions change places, all
// together.
//
// A set network is blind to order, so a wrong "exchangeable" loses information without a word: positions count as
// exchangeable only if this analysis finds no statement that tells them apart. It walks through the whole program and
// knows for each dimension of each value whether its positions move along, stay, or are all the same; what it cannot
// follow (a range of moving positions, a function that is not known to be symmetric) is a reason against.
#pragma once

#include "compiler/generative/reading.hpp"

#include <optional>
#include <set>
#include <string>
#include <utility>

namespace sibyl {

// `moving`: (variable, dimension) of data variables, of one size. Why their positions may not change places, as a
// clause for the facts; nothing where they may.
std::optional<std::string> find_asymmetry(const typed::Program& program, const generative::Reading& reading,
                                          const std::set<std::pair<typed::VariableId, int>>& moving);

// Equal for sizes that are written alike.
std::string size_spelling(const typed::ExpressionPtr& size);

} // namespace sibyl
