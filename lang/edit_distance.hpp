// Suggestions for misspelt names.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sibyl {

// Number of insertions, deletions, substitutions and swaps of neighbours that turn one word into the other
// (optimal string alignment; Damerau 1964).
int edit_distance(std::string_view first, std::string_view second);

// The candidate nearest to `name`, if it is near enough that it was probably meant: at most min(length / 2, 3) edits.
// Of equally near ones the first.
std::optional<std::string> nearest_name(const std::string& name, const std::vector<std::string>& candidates);

} // namespace sibyl
