// Random structured densities: nested loops, branches, cells and arrays, smooth functions of three parameters. For
// tests that hold for every program.
#pragma once

#include "tests/numerics/hand_built_density.hpp"

#include <cstdint>

namespace sibyl::test {

ir::Model random_density(std::uint32_t seed);

} // namespace sibyl::test
