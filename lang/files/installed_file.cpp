#include "lang/files/installed_file.hpp"

#include <dlfcn.h>
#include <filesystem>
#include <link.h>

namespace sibyl {

namespace fs = std::filesystem;

namespace {

// The linker knows libraries by their path, but the program only by the name that it was called by.
fs::path own_folder() {
  Dl_info info{};
  link_map* map = nullptr;
  const bool is_known = dladdr1(reinterpret_cast<const void*>(&find_installed_file), &info,
                                reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) != 0;
  std::error_code error;
  const bool is_library = is_known && map && map->l_name && *map->l_name;
  return fs::canonical(is_library ? map->l_name : "/proc/self/exe", error).parent_path();
}

} // namespace

std::string find_installed_file(const std::string& name) {
  const fs::path own = own_folder();
  for (const fs::path& folder : {own, own / "sibyl", own / ".." / "lib", own / ".." / SIBYL_INSTALLED_LIBRARIES}) {
    const fs::path path = (folder / name).lexically_normal();
    std::error_code error;
    if (fs::exists(path, error)) return path.string();
  }
  return "";
}

} // namespace sibyl
