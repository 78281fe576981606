// The names that a text declares and where each holds, for editors: found in the syntax tree alone, so that they are
// known while other parts of the text are wrong.
#pragma once

#include "lang/ast.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sibyl {

struct Symbol {
  enum class Kind { variable, function } kind = Kind::variable;
  std::string name;
  std::string declaration; // as the text has it: `array[N] vector[K] x`, `real twice(real x)`
  std::string block;       // "parameters"; "model" for its locals, too
  bool is_local = false;   // within a body: a local variable, a loop's variable or an argument
  Span span;               // the name in its declaration
  Span scope;              // where it may be used
};

std::vector<Symbol> find_symbols(const ast::Program& program, const Source& source);

// What the name means at a byte offset: of those whose scope holds it the innermost. Null where there is none.
const Symbol* find_symbol(const std::vector<Symbol>& symbols, std::string_view name, std::uint32_t offset);

// The identifier at a byte offset, also right behind it; an empty span where there is none.
Span identifier_at(std::string_view text, std::uint32_t offset);

} // namespace sibyl
