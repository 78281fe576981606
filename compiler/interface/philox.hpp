// Philox4x32-10 in plain C++ (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): the generator of
// compiled models, which generated code is tested against, and of what the runtime draws beside them.
#pragma once

#include <array>
#include <cstdint>

namespace sibyl::philox {

inline constexpr int rounds = 10;
inline constexpr std::uint32_t multipliers[] = {0xD2511F53u, 0xCD9E8D57u};
inline constexpr std::uint32_t key_increments[] = {0x9E3779B9u, 0xBB67AE85u};

inline std::array<std::uint32_t, 4> block(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t first = std::uint64_t{multipliers[0]} * counter[0],
                        second = std::uint64_t{multipliers[1]} * counter[2];
    counter = {static_cast<std::uint32_t>(second >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(second),
               static_cast<std::uint32_t>(first >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(first)};
    key = {key[0] + key_increments[0], key[1] + key_increments[1]};
  }
  return counter;
}

} // namespace sibyl::philox
