// Words within any text: what names are made of, and how they are shown.
#pragma once

#include <string>
#include <string_view>

namespace sibyl {

// Whether a name may have it: an ASCII letter or digit, or an underscore.
bool is_word(char c);
bool is_space(char c);
// Without the blanks and line ends around it.
std::string_view trimmed(std::string_view text);
// ASCII letters alone.
std::string lower_case(std::string text);
// As messages name what stands in a text: `name`.
std::string quoted(std::string_view name);
// With what HTML and SVG read as markup escaped, in elements and in attributes.
std::string escaped_html(std::string_view text);

} // namespace sibyl
