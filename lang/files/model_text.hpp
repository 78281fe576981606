// A model text from its file, with the files that it includes in their places: `#include priors.stan` on a line of its
// own, as Stan has it (with or without quotes or angle brackets).
//
// The text that comes out stands for itself. Comments that Source reads (`//#12 "priors.stan"`) say where each part is
// from, so that messages name that file and its line, wherever the text travels.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sibyl {

// A file is looked for beside the one that includes it, then in each of the directories. Throws UserError that names
// the place for a file that is not there or cannot be read, and for one that includes itself.
std::string read_model_text(const std::string& path, const std::vector<std::string>& directories = {});
// Likewise for a text that an editor holds, whose file would be `path`.
std::string with_includes(const std::string& path, std::string_view text,
                          const std::vector<std::string>& directories = {});

} // namespace sibyl
