#include "runtime/trust/beside_limit.hpp"

#include "lang/decimal.hpp"

#include <fmt/format.h>

#include <cmath>

namespace sibyl {

namespace {

// More tell every double from its neighbours.
constexpr int most_digits = 17;

int side(double value, double limit) { return (value > limit) - (value < limit); }

template <typename Write>
std::string write_beside(double value, int digits, double limit, const Write& write) {
  std::string text = write(digits);
  while (std::isfinite(value) && digits < most_digits &&
         side(decimal_number(text.c_str()), limit) != side(value, limit))
    text = write(++digits);
  return text;
}

} // namespace

std::string significant_beside(double value, int digits, double limit) {
  return write_beside(value, digits, limit, [value](int count) { return fmt::format("{:.{}g}", value, count); });
}

std::string fixed_beside(double value, int decimals, double limit) {
  return write_beside(value, decimals, limit, [value](int count) { return fmt::format("{:.{}f}", value, count); });
}

} // namespace sibyl
