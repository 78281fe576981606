#include "lang/constrained_types.hpp"

#include "lang/library_sources.hpp"

#include <array>

namespace sibyl {

const std::set<std::string, std::less<>>& constrained_type_names() {
  static const std::set<std::string, std::less<>> names = [] {
    constexpr std::string_view folder = "transforms/", ending = ".sib";
    constexpr std::array containers = {"\n  constrained vector", "\n  constrained row_vector",
                                       "\n  constrained matrix"};
    std::set<std::string, std::less<>> found;
    for (const LibraryText& file : library_texts()) {
      if (!file.name.starts_with(folder)) continue;
      const std::string_view stem = file.name.substr(folder.size(), file.name.size() - folder.size() - ending.size());
      for (const std::string_view container : containers)
        if (file.text.find(container) != file.text.npos) found.emplace(stem);
    }
    return found;
  }();
  return names;
}

} // namespace sibyl
