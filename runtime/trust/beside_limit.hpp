// Numbers that stand beside a judgement. Rounding must not contradict it: 0.00997 is below 0.01, and "p = 0.01" in a
// sentence that says so looks like a mistake.
#pragma once

#include <string>

namespace sibyl {

// `value` with so many significant digits (as "{:.2g}"), and with more where the shorter text would be at the limit or
// on its other side, and `value` is not. What is not finite is as fmt writes it.
std::string significant_beside(double value, int digits, double limit);

// The same with digits behind the decimal point (as "{:.2f}").
std::string fixed_beside(double value, int decimals, double limit);

} // namespace sibyl
