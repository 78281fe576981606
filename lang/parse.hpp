// From text to syntax tree. The grammar is in lang/grammar/; nothing of the parsing library shows here.
#pragma once

#include "lang/ast.hpp"
#include "lang/diagnostic.hpp"
#include "lang/source.hpp"

#include <optional>
#include <string>

namespace sibyl {

struct ParseResult {
  std::optional<ast::Program> program; // absent when there are errors
  Diagnostics diagnostics;
};

// Every syntax error of the text is reported (at most 20), each once. Spans name `source_number`.
ParseResult parse(const Source& source, std::uint32_t source_number = 0);

struct LibraryParseResult {
  ast::Library library;
  Diagnostics diagnostics;
};

// A file of the standard library: distributions, transforms and functions (stdlib/README.md).
LibraryParseResult parse_library(const Source& source, std::uint32_t source_number);

struct ExpressionParseResult {
  ast::ExpressionPtr expression; // null when there are errors
  Diagnostics diagnostics;
};

// One expression and nothing else.
ExpressionParseResult parse_expression(const Source& source, std::uint32_t source_number = 0);

} // namespace sibyl
