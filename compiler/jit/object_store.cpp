#include "compiler/jit/object_store.hpp"

#include <llvm/Support/xxhash.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace sibyl::jit {

namespace fs = std::filesystem;

namespace {

struct Header {
  char magic[8] = {'s', 'i', 'b', 'y', 'l', 'o', 'b', '1'};
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;
};

Header header_of(std::string_view bytes) {
  Header header;
  header.size = bytes.size();
  header.checksum = llvm::xxh3_64bits(llvm::StringRef(bytes.data(), bytes.size()));
  return header;
}

} // namespace

ObjectStore::ObjectStore(std::string directory) : directory_(std::move(directory)) {}

std::string ObjectStore::path(const std::string& key) const { return (fs::path(directory_) / (key + ".o")).string(); }

std::optional<std::string> ObjectStore::load(const std::string& key) const {
  if (directory_.empty()) return std::nullopt;
  std::ifstream file(path(key), std::ios::binary);
  Header header;
  if (!file.read(reinterpret_cast<char*>(&header), sizeof header)) return std::nullopt;
  std::error_code error;
  const auto file_size = fs::file_size(path(key), error);
  if (error || file_size != sizeof header + header.size) return std::nullopt;
  std::string bytes(header.size, '\0');
  if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) return std::nullopt;
  const Header expected = header_of(bytes);
  if (std::memcmp(&header, &expected, sizeof header) != 0) return std::nullopt;
  return bytes;
}

std::string ObjectStore::store(const std::string& key, std::string_view bytes) const {
  if (directory_.empty()) return "";
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error) return "cannot make the cache directory " + directory_ + ": " + error.message();
  static std::atomic<unsigned> counter = 0;
  const std::string temporary = path(key) + "." + std::to_string(::getpid()) + "." + std::to_string(counter++);
  errno = 0;
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  const Header header = header_of(bytes);
  file.write(reinterpret_cast<const char*>(&header), sizeof header);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) {
    const std::string reason = errno ? std::strerror(errno) : "write error";
    fs::remove(temporary, error);
    return "cannot write to the cache " + directory_ + ": " + reason;
  }
  fs::rename(temporary, path(key), error);
  if (!error) return "";
  const std::string reason = error.message();
  fs::remove(temporary, error);
  return "cannot write to the cache " + directory_ + ": " + reason;
}

std::string default_cache_directory() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache) return (fs::path(cache) / "sibyl").string();
  if (const char* home = std::getenv("HOME"); home && *home) return (fs::path(home) / ".cache" / "sibyl").string();
  return "";
}

} // namespace sibyl::jit
