// Standard normal numbers from a seed, the same wherever the program was compiled.
//
// The engine is specified to the bit, std::normal_distribution is not: the C++ library of pages makes other numbers of
// the same engine than GCC's.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

namespace sibyl {

class NormalDraws {
 public:
  explicit NormalDraws(std::uint64_t seed) : engine_(seed) {}

  // Marsaglia's polar method: two at a time.
  float next() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    float x, y, square;
    do {
      x = 2 * uniform() - 1;
      y = 2 * uniform() - 1;
      square = x * x + y * y;
    } while (square > 1 || square == 0);
    const float scale = std::sqrt(-2 * std::log(square) / square);
    spare_ = x * scale;
    has_spare_ = true;
    return y * scale;
  }

 private:
  // In [0, 1].
  float uniform() { return static_cast<float>(engine_()) * 0x1p-64f; }

  std::mt19937_64 engine_;
  float spare_ = 0;
  bool has_spare_ = false;
};

} // namespace sibyl
