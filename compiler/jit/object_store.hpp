// Compiled objects on disk, found again by what they were compiled from.
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
  // Empty: keeps nothing. The directory is made when the first object is stored.
  explicit ObjectStore(std::string directory);

  std::optional<std::string> load(const std::string& key) const;
  // Empty where it was kept; else one sentence on why not.
  std::string store(const std::string& key, std::string_view bytes) const;

  std::string path(const std::string& key) const;

 private:
  std::string directory_;
};

// $XDG_CACHE_HOME/sibyl, or ~/.cache/sibyl; empty where neither variable is set.
std::string default_cache_directory();

} // namespace sibyl::jit
