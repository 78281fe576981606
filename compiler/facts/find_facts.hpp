// Proves the facts about a checked program that compiler/interface/facts.hpp lists: what all variables are, what can be
// simulated and what has a density, and how the model treats the positions of each dimension.
#pragma once

#include "compiler/generative/reading.hpp"
#include "compiler/interface/facts.hpp"
#include "lang/source.hpp"

#include <string>

namespace sibyl {

Facts find_facts(const typed::Program& program, const generative::Reading& reading, const Source& source);

// For people, as `sibyl check` prints it.
std::string describe(const Facts& facts, const Source& source);

} // namespace sibyl
