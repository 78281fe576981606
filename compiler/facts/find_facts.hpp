// Proves the facts of DESIGN 2.1 about a checked program.
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
