// Runs another program and waits for it.
#pragma once

#include <string>
#include <vector>

namespace sibyl::build {

struct ProcessResult {
  int exit_code = 0;  // -1: it was ended by a signal
  std::string output; // what it wrote to standard output and standard error
};

// The program is found through PATH; no shell is involved. Throws UserError where it cannot be started.
ProcessResult run_process(const std::vector<std::string>& command);

} // namespace sibyl::build
