// Small programs, one construct each, many in a file: `==== name` begins the next.
#pragma once

#include "tests/golden.hpp"

#include <string>
#include <utility>
#include <vector>

namespace sibyl::test {

// Names and texts of tests/corpus/KIND.txt.
inline std::vector<std::pair<std::string, std::string>> read_corpus(const std::string& kind) {
  const std::string all = read_golden(std::string(SIBYL_SOURCE_DIR) + "/tests/corpus/" + kind + ".txt");
  const std::string mark = "==== ";
  std::vector<std::pair<std::string, std::string>> programs;
  for (std::size_t at = all.find(mark); at != std::string::npos;) {
    const std::size_t end = all.find('\n', at);
    const std::size_t next = all.find("\n" + mark, end);
    const std::size_t begin = end + 1, stop = next == std::string::npos ? all.size() : next + 1;
    programs.emplace_back(all.substr(at + mark.size(), end - at - mark.size()), all.substr(begin, stop - begin));
    at = next == std::string::npos ? next : next + 1;
  }
  return programs;
}

} // namespace sibyl::test
