// Compiled objects on disk, found again by what they were compiled from. What was used least lately goes where they
// become too many: every version of every model ever compiled would stay otherwise.
//
// A file holds a checksum and the bytes; it is written beside its place and renamed, so that a reader never sees half
// of one, and one that is damaged is taken for absent. Nothing here can fail the caller: a cache that cannot be read or
// written costs time, not results.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sibyl::jit {

class ObjectStore {
 public:
  static constexpr std::uintmax_t usual_most_bytes = std::uintmax_t{512} << 20;

  // Empty: keeps nothing. The directory is made when the first object is stored. Objects beyond `most_bytes` in all are
  // removed now and then when others are stored; files that are no objects are left alone.
  explicit ObjectStore(std::string directory, std::uintmax_t most_bytes = usual_most_bytes);

  std::optional<std::string> load(const std::string& key) const;
  // Empty where it was kept; else one sentence on why not.
  std::string store(const std::string& key, std::string_view bytes) const;

  std::string path(const std::string& key) const;

  // Removes what was used least lately until the rest has room for more, if there is too much; and what a process that
  // was killed left half written.
  void evict() const;

 private:
  std::string directory_;
  std::uintmax_t most_bytes_;
};

// $XDG_CACHE_HOME/sibyl, or ~/.cache/sibyl; empty where neither variable is set.
std::string default_cache_directory();

} // namespace sibyl::jit
