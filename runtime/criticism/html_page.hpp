// A page that needs nothing beside it: no scripts, no network, readable in light and dark, with the classes that plots
// (svg_plot.hpp) are drawn in.
#pragma once

#include <string>

namespace sibyl {

// `body` is HTML.
std::string html_page(const std::string& title, const std::string& body);

// Text as HTML, what stands between backticks as code.
std::string with_code(const std::string& text);

} // namespace sibyl
