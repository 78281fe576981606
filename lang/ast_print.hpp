// The syntax tree as indented text: `--emit ast`.
#pragma once

#include "lang/ast.hpp"

#include <string>

namespace sibyl {

std::string to_string(const ast::Program& program);

} // namespace sibyl
