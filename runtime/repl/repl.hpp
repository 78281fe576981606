// The session at a terminal, or with a script on its standard input.
#pragma once

#include <string>
#include <vector>

namespace sibyl::repl {

// Reads inputs until the end, a `:quit`, or, in a script, the first error. `model`: a file to load first; may be empty.
// Returns whether all went well; at a terminal errors are the user's to mend, and it did.
bool run_repl(const std::string& model, const std::string& version,
              const std::vector<std::string>& include_directories = {});

} // namespace sibyl::repl
