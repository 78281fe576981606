// The math functions and random numbers as lanes run them: emitted, optimized and linked in memory, called on arrays.
#pragma once

#include "compiler/ir/math.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace sibyl::test {

// Every math function and the generator, over lanes of `T` (float or double).
template <typename T>
class EmittedCode {
 public:
  explicit EmittedCode(int lanes);
  ~EmittedCode();

  // f(x) or f(x, y) of each element; any number of elements.
  std::vector<T> operator()(ir::MathFunction function, std::vector<T> x, std::vector<T> y = {}) const;

  // What block `counters[i]` of the generator becomes. `values` are in the order that emit_* returns them.
  using Words = std::array<std::uint32_t, 4>;
  struct Block {
    Words words;
    std::vector<T> uniforms, normals;
  };
  std::vector<Block> random(std::vector<Words> counters, std::array<std::uint32_t, 2> key) const;

  // Only the normals of blocks first .. first + count - 1 (counter word 0), into a small buffer: for timing. Returns
  // their sum, so that none can be left out.
  double sum_of_normals(std::uint32_t first, std::size_t count) const;

 private:
  struct Linked;
  std::unique_ptr<Linked> linked_;
};

} // namespace sibyl::test
