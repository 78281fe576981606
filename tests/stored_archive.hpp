// A ZIP archive of uncompressed members with true checksums: what write_npz would not write, so that readers meet it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sibyl::test {

inline std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

inline std::uint32_t checksum(const std::string& bytes) {
  std::uint32_t sum = 0xffffffffu;
  for (const char c : bytes) {
    sum ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ (sum & 1 ? 0xedb88320u : 0);
  }
  return ~sum;
}

inline std::string stored_archive(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string archive, directory;
  for (const auto& [name, content] : members) {
    const std::string common = little_endian(20, 2) + std::string(8, '\0') + little_endian(checksum(content), 4) +
                               little_endian(content.size(), 4) + little_endian(content.size(), 4) +
                               little_endian(name.size(), 2) + std::string(2, '\0');
    directory += "PK\x01\x02" + little_endian(20, 2) + common + std::string(10, '\0') +
                 little_endian(archive.size(), 4) + name;
    archive += "PK\x03\x04" + common + name + content;
  }
  const std::string count = little_endian(members.size(), 2);
  return archive + directory + "PK\x05\x06" + std::string(4, '\0') + count + count +
         little_endian(directory.size(), 4) + little_endian(archive.size(), 4) + std::string(2, '\0');
}

} // namespace sibyl::test
