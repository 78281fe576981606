// The math functions in quadruple precision: what the emitted ones are measured against.
#pragma once

#include "compiler/ir/math.hpp"

namespace sibyl::test {

using Quad = __float128;

Quad reference(ir::MathFunction function, Quad x, Quad y);

} // namespace sibyl::test
