// What the grammar's rules share while one text is parsed: the text, where diagnostics go, and the comments.
#pragma once

#include "lang/ast.hpp"
#include "lang/diagnostic.hpp"
#include "lang/source.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sibyl::grammar {

// How deep statements, expressions and brackets may stand within each other: everything that reads a tree goes down
// once for each level, and a level costs stack.
constexpr int deepest_nesting = 200;
// How many operations may build on each other in one expression (`a + b + c + ...` leans to the left).
constexpr std::uint32_t highest_expression = 1000;

// Ends the parse wherever it stands: no rule recovers from it.
struct TooDeep {
  Span span;
  const char* message;
};

struct State {
  const Source& source;
  std::uint32_t source_number = 0;
  bool keeps_includes = false; // as comments
  std::vector<ast::Comment> comments;
  Diagnostics diagnostics;
  int depth = 0; // of the rules being matched that may stand within themselves

  // What older texts write is read, and said once for each kind: a warning that shows today's spelling.
  void note_old(const char* code, Span place, const std::string& message, std::optional<Fix> fix = std::nullopt);

  const char* begin() const { return source.text().data(); }
  const char* end() const { return begin() + source.text().size(); }
  Span span(const char* first, const char* last) const {
    return {static_cast<std::uint32_t>(first - begin()), static_cast<std::uint32_t>(last - begin()), source_number};
  }
  // The end of the last token before `place`: back over white space and comments.
  const char* previous_token_end(const char* place) const;
  // The begin of the next token: forward over white space and comments.
  const char* next_token(const char* place) const;
  // The text of the token at `place` (a word, a number, or one operator), empty at the end of the text.
  std::string_view token_at(const char* place) const;
};

// Reads the text once before the grammar does: collects the comments and finds what would only confuse the grammar
// (unterminated comments and strings, characters outside the language, brackets that do not match, nesting too deep).
// Returns whether parsing makes sense.
bool scan(State& state);

// A failed expectation: `expected` is the failed rule's name, already in prose. Adds a diagnostic.
void report_expectation(State& state, const char* place, const std::string& expected);

// Where to go on after an error at `place`: behind the next `;`, or at the `}` that closes the surrounding block.
const char* recovery_point(const State& state, const char* place);

} // namespace sibyl::grammar
