// The checked program as text: `--emit typed`. Every expression is followed by its type; what was implied (promotions,
// which overload, element by element) is written out.
#pragma once

#include "lang/typed.hpp"

#include <string>

namespace sibyl {

std::string to_string(const typed::Program& program);

} // namespace sibyl
