// What the compiler has to say about the user's text.
//
// Passes return Diagnostics; they never print. A diagnostic is data: renderers turn it into coloured text for a
// terminal, plain text for files and golden tests, and JSON for editors. One plain sentence that stands alone, the
// place, where it helps a second labelled place (usually the declaration), notes, and a fix when one is near certain.
#pragma once

#include "lang/source.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sibyl {

enum class Severity { error, warning, note };

struct Label {
  Span span;
  std::string text; // why here: "declared here", "this is vector[N]"; may be empty
};

// Replacing the text of `span` by `replacement` would very probably be what the user meant.
struct Fix {
  Span span;
  std::string replacement;
  std::string text; // "did you mean `sigma`?"
};

struct Diagnostic {
  Severity severity = Severity::error;
  std::string code;    // stable, kebab-case: "undeclared-variable"
  std::string message; // one sentence, no full stop, names quoted with backticks
  Label primary;
  std::vector<Label> secondary;
  std::vector<std::string> notes;
  std::optional<Fix> fix;
};

using Diagnostics = std::vector<Diagnostic>;

bool has_errors(const Diagnostics& diagnostics);
// By source, place, severity; equal diagnostics are dropped.
void sort_and_deduplicate(Diagnostics& diagnostics);

enum class RenderStyle { plain, colour };

// rustc-like text: header, file:line:column, source lines with underlined ranges, notes, fix. Tabs are expanded; ranges
// over several lines show the first and last line. `sources[i]` is the source numbered i.
std::string render(const Diagnostic& diagnostic, const std::vector<const Source*>& sources, RenderStyle style);
std::string render(const Diagnostics& diagnostics, const std::vector<const Source*>& sources, RenderStyle style);
// A JSON array of objects {severity, code, message, file, line, column, end_line, end_column, ...}.
std::string render_json(const Diagnostics& diagnostics, const std::vector<const Source*>& sources);

} // namespace sibyl
