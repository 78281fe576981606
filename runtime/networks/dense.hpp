// The two kernels that evaluating networks spends its time in, on plain arrays. Compiled for several instruction sets
// in one program, of which the processor's best is taken when it starts.
#pragma once

#include <cstddef>

namespace sibyl::dense {

// y += x w, row-major: x [rows][inputs], w [inputs][outputs], y [rows][outputs].
void accumulate(std::size_t rows, std::size_t inputs, std::size_t outputs, const float* x, const float* w, float* y);

// x / (1 + e^-x) in place, to 3e-7 relative.
void activate(std::size_t count, float* x);

} // namespace sibyl::dense
