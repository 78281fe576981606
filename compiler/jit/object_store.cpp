#include "compiler/jit/object_store.hpp"

#include <llvm/Support/xxhash.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include <unistd.h>

namespace sibyl::jit {

namespace fs = std::filesystem;

namespace {

struct Header {
  char magic[8] = {'s', 'i', 'b', 'y', 'l', 'o', 'b', '1'};
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;
};

// Whether the file is the cache's: a hash in hexadecimal digits, ".o", and the writer's number while it is being
// written. `build --web` keeps its runtime here too, as "web-" and a shorter hash.
bool is_object_name(std::string_view name) {
  if (name.starts_with("web-")) name.remove_prefix(4);
  constexpr std::size_t shortest_key = 32;
  const std::size_t key_length = name.find_first_not_of("0123456789abcdef");
  return key_length != name.npos && key_length >= shortest_key && name.substr(key_length).starts_with(".o");
}

Header header_of(std::string_view bytes) {
  Header header;
  header.size = bytes.size();
  header.checksum = llvm::xxh3_64bits(llvm::StringRef(bytes.data(), bytes.size()));
  return header;
}

} // namespace

ObjectStore::ObjectStore(std::string directory, std::uintmax_t most_bytes)
    : directory_(std::move(directory)), most_bytes_(most_bytes) {}

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
  fs::last_write_time(path(key), fs::file_time_type::clock::now(), error); // when it was used last
  return bytes;
}

std::string ObjectStore::store(const std::string& key, std::string_view bytes) const {
  if (directory_.empty()) return "";
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error) return "cannot make the cache directory " + directory_ + ": " + error.message();
  static std::atomic<unsigned> counter = 0, stored = 0;
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
  if (!error) {
    constexpr unsigned looks_each = 64; // the directory is read at a process's first object, and not at every other
    if (stored++ % looks_each == 0) evict();
    return "";
  }
  const std::string reason = error.message();
  fs::remove(temporary, error);
  return "cannot write to the cache " + directory_ + ": " + reason;
}

void ObjectStore::evict() const {
  struct Object {
    fs::file_time_type used;
    std::uintmax_t bytes;
    fs::path path;
  };
  std::vector<Object> objects;
  std::uintmax_t total = 0;
  std::error_code error;
  const auto now = fs::file_time_type::clock::now();
  for (fs::directory_iterator entry(directory_, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code gone; // another process may remove what is listed
    if (!is_object_name(name) || !entry->is_regular_file(gone)) continue;
    const Object object{entry->last_write_time(gone), entry->file_size(gone), entry->path()};
    if (gone) continue;
    if (name.ends_with(".o")) {
      total += object.bytes;
      objects.push_back(object);
    } else if (now - object.used > std::chrono::hours(1)) fs::remove(object.path, gone);
  }
  if (total <= most_bytes_) return;
  std::sort(objects.begin(), objects.end(), [](const Object& a, const Object& b) { return a.used < b.used; });
  for (const Object& object : objects) {
    if (total <= most_bytes_ / 4 * 3) return;
    fs::remove(object.path, error);
    total -= object.bytes;
  }
}

std::string default_cache_directory() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache) return (fs::path(cache) / "sibyl").string();
  if (const char* home = std::getenv("HOME"); home && *home) return (fs::path(home) / ".cache" / "sibyl").string();
  return "";
}

} // namespace sibyl::jit
