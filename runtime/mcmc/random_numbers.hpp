// The random numbers of one chain. Counter-based: they depend on the seed and the chain's number alone, not on how many
// chains there are, nor on threads.
#pragma once

#include "compiler/interface/philox.hpp"

#include <cmath>
#include <cstdint>
#include <numbers>

namespace sibyl::mcmc {

class RandomNumbers {
 public:
  RandomNumbers(std::uint64_t seed, std::uint64_t chain) : chain_(chain) {
    // SplitMix64's mixing (Steele, Lea, Flood 2014): compiled models draw generated quantities under the seed itself.
    std::uint64_t mixed = seed + 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    mixed ^= mixed >> 31;
    key_ = {static_cast<std::uint32_t>(mixed), static_cast<std::uint32_t>(mixed >> 32)};
  }

  // In the open interval (0, 1), in steps of 2^-52.
  double uniform() { return (static_cast<double>(bits() >> 12) + 0.5) * 0x1p-52; }

  // Standard normal, by Box and Muller (1958): two at a time.
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2 * std::log(uniform())), angle = 2 * std::numbers::pi * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

 private:
  std::uint64_t bits() {
    if (place_ == 4) {
      block_ = philox::block({static_cast<std::uint32_t>(counter_), static_cast<std::uint32_t>(counter_ >> 32),
                              static_cast<std::uint32_t>(chain_), static_cast<std::uint32_t>(chain_ >> 32)},
                             key_);
      ++counter_;
      place_ = 0;
    }
    const std::uint64_t low = block_[place_], high = block_[place_ + 1];
    place_ += 2;
    return low | high << 32;
  }

  std::array<std::uint32_t, 2> key_{};
  std::uint64_t chain_, counter_ = 0;
  std::array<std::uint32_t, 4> block_{};
  std::size_t place_ = 4;
  double spare_ = 0;
  bool has_spare_ = false;
};

} // namespace sibyl::mcmc
