// The texts of the standard library, embedded at build time from stdlib/ (lang/embed_library.cmake).
#pragma once

#include <string_view>
#include <vector>

namespace sibyl {

struct LibraryText {
  std::string_view name; // "distributions/normal.sib"
  std::string_view text;
};

const std::vector<LibraryText>& library_texts();

} // namespace sibyl
