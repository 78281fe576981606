// From syntax tree to checked program: names, types, and the rules of every block.
#pragma once

#include "lang/ast.hpp"
#include "lang/diagnostic.hpp"
#include "lang/source.hpp"
#include "lang/typed.hpp"

#include <optional>

namespace sibyl {

struct CheckResult {
  std::optional<typed::Program> program; // absent when there are errors
  Diagnostics diagnostics;               // all errors of the text, without cascades, sorted by place; warnings too
};

// `source` is the text of `program`: messages quote declarations as the user wrote them.
CheckResult check(const ast::Program& program, const Source& source);

} // namespace sibyl
