// Golden files: what a program printed once, read by a person, and must print again. UPDATE_GOLDEN=1 rewrites them.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace sibyl::test {

// Throws where there is no such file: an empty text in its place would agree with a program that prints nothing.
inline std::string read_golden(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("there is no file " + path + " (UPDATE_GOLDEN=1 writes golden files)");
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
