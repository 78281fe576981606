// The sampling runtime for pages: its own sources, compiled to WebAssembly by the system's clang when a page is first
// built, and kept. The sources lie in share/sibyl/source/ beside the program's bin/, or where the program was built.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace sibyl::build {

struct WebRuntimeOptions {
  std::string cache_directory;                             // where the compiled runtime is kept; empty: nowhere
  std::function<void(std::size_t, std::size_t)> compiling; // told of each source that is done, and how many there are
};

// The bytes of one relocatable object. Throws UserError, with the packages to install, where clang or the libraries for
// WebAssembly are missing.
std::string web_runtime_object(const WebRuntimeOptions& options);

// Runs clang for WebAssembly with these arguments; what is wrong is a UserError that names the packages.
void run_web_compiler(const std::vector<std::string>& arguments);

} // namespace sibyl::build
