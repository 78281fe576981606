// Whole files in and out: reading with clear errors, and writing so that a file is either complete or not there.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace sibyl {

// The bytes of a file. Throws UserError naming it and the system's reason.
std::string read_file(const std::string& path);

// A file that appears under its name only when `commit` has succeeded: until then it is a temporary file beside it,
// removed if the object dies first. A full disk therefore leaves no half file. `write` and `commit` throw RuntimeError
// with the system's reason; the constructor throws UserError where the place cannot be written to.
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::string_view bytes);
  void commit();

 private:
  [[noreturn]] void fail(int error);

  std::string path_, temporary_;
  std::FILE* file_ = nullptr;
  bool direct_ = false; // a device or a pipe (/dev/stdout): nothing to rename
};

// One whole file through OutputFile.
void write_file(const std::string& path, std::string_view bytes);

} // namespace sibyl
