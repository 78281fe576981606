// Golden files: what a program printed once, read by a person, and must print again. UPDATE_GOLDEN=1 rewrites them.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace sibyl::test {

inline std::string read_golden(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Whether `actual` is the file's text; with UPDATE_GOLDEN the file becomes it.
inline bool matches_golden(const std::string& path, const std::string& actual) {
  if (std::getenv("UPDATE_GOLDEN")) {
    std::ofstream(path, std::ios::binary) << actual;
    return true;
  }
  return read_golden(path) == actual;
}

} // namespace sibyl::test
