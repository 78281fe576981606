// A path in the temporary directory that nothing else uses.
#pragma once

#include <filesystem>
#include <string>

#include <unistd.h>

namespace sibyl {

// The file is removed afterwards, where there is one.
struct ScratchFile {
  std::string path = (std::filesystem::temp_directory_path() / ("sibyl_test_" + std::to_string(getpid()))).string();
  ~ScratchFile() { std::filesystem::remove(path); }
};

} // namespace sibyl
