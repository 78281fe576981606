#pragma once

#include <string>

namespace sibyl::bench {

struct CompilationTime {
  double processor, wall; // seconds; nothing waits in it, so they differ by what else the machine does
};

// What this process takes from the text in the file to the function's address. An empty cache directory, or one that
// lacks the function: all is compiled.
CompilationTime time_compilation(const std::string& path, const std::string& function, const std::string& precision,
                                 const std::string& cache_directory);

} // namespace sibyl::bench
