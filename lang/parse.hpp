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

// What becomes of `#include` in a text: an error, for its files should be in it by now, or one of its comments, where
// it is only printed again.
enum class Includes { refused, kept };

// Every syntax error of the text is reported (at most 20), each once. Spans name `source_number`.
ParseResult parse(const Source& source, std::uint32_t source_number = 0, Includes includes = Includes::refused);

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
