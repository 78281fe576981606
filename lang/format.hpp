// The canonical text of a program: what `sibyl format` prints. Comments keep their places; formatting twice changes
// nothing.
#pragma once

#include "lang/ast.hpp"
#include "lang/source.hpp"

#include <string>

namespace sibyl {

std::string format(const ast::Program& program, const Source& source);
std::string format(const ast::ExpressionPtr& expression);

} // namespace sibyl
