#include "lang/files/text_file.hpp"

#include "lang/errors.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <unistd.h>

namespace sibyl {

std::string read_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) throw UserError(fmt::format("{} is a directory, not a file", path));
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (!file) throw UserError(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  std::string bytes;
  char buffer[1 << 16];
  while (const std::size_t read = std::fread(buffer, 1, sizeof buffer, file.get())) bytes.append(buffer, read);
  if (std::ferror(file.get())) throw UserError(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  return bytes;
}

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path_, ignored);
  direct_ = std::filesystem::exists(status) && !std::filesystem::is_regular_file(status) &&
            !std::filesystem::is_directory(status);
  temporary_ = direct_ ? path_ : fmt::format("{}.partial-{}", path_, ::getpid());
  if (std::filesystem::is_directory(status)) throw UserError(fmt::format("cannot write {}: it is a directory", path_));
  file_ = std::fopen(temporary_.c_str(), "wbe");
  if (!file_) throw UserError(fmt::format("cannot write {}: {}", path_, std::strerror(errno)));
}

OutputFile::~OutputFile() {
  if (!file_) return;
  std::fclose(file_);
  if (!direct_) std::remove(temporary_.c_str());
}

void OutputFile::fail(int error) {
  throw RuntimeError(fmt::format("cannot write {}: {}; no file was left behind", path_, std::strerror(error)));
}

void OutputFile::write(std::string_view bytes) {
  if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) fail(errno);
}

void OutputFile::commit() {
  // Delayed allocation reports a full disk only at the flush to it.
  if (std::fflush(file_) != 0) fail(errno);
  if (!direct_ && ::fsync(::fileno(file_)) != 0) fail(errno);
  std::FILE* file = file_;
  file_ = nullptr;
  const bool closed = std::fclose(file) == 0;
  const bool renamed = closed && (direct_ || std::rename(temporary_.c_str(), path_.c_str()) == 0);
  if (renamed) return;
  const int error = errno;
  if (!direct_) std::remove(temporary_.c_str());
  fail(error);
}

void write_file(const std::string& path, std::string_view bytes) {
  OutputFile file(path);
  file.write(bytes);
  file.commit();
}

} // namespace sibyl
