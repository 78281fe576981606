// Decimal numbers as texts have them, whatever locale the embedding program has set: in some the point is a comma, and
// plain strtod stops at "0" of "0.5".
#pragma once

#include <cstdlib>
#include <locale.h>

namespace sibyl {

// strtod by the rules of the "C" locale; `end`, where wanted, becomes the first character that is not part of the
// number.
inline double decimal_number(const char* text, char** end = nullptr) {
#ifdef __wasm__
  return std::strtod(text, end); // a page has no other locale
#else
  static const locale_t plain = ::newlocale(LC_ALL_MASK, "C", nullptr);
  return ::strtod_l(text, end, plain);
#endif
}

} // namespace sibyl
