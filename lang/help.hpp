// Help from the standard library itself: what a distribution, function or transform is, read from its one file under
// stdlib/. The comment lines right above a definition say what it means; signatures, support, requirements and the
// density are the file's own text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sibyl {

struct HelpEntry {
  enum class Kind { distribution, function, transform } kind = Kind::function;
  std::string name;
  std::string file;                    // under stdlib/
  std::string meaning;                 // as one paragraph; "" where the file has no comment for it
  std::vector<std::string> signatures; // as the text has them
  std::string definition;              // of a distribution or transform: the whole
};

// By kind, within it by name.
const std::vector<HelpEntry>& help_entries();
// The entry of a name, also with the suffix of a distribution's functions (normal_lpdf, normal_rng); null where there
// is none.
const HelpEntry* find_help(std::string_view name);

// The whole text for a name. Throws UserError, with what was probably meant, where there is none.
std::string help_text(std::string_view name);
// All names by kind, functions by their files.
std::string help_index();

} // namespace sibyl
