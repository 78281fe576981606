// Plots as text: blocks and shades of Unicode, or ASCII where the terminal's character set is smaller.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace sibyl::repl {

struct PlotStyle {
  bool unicode = true;
  int width = 60; // columns of the plot itself
};

// Bins of equal width. `whole`: values are whole numbers, and bins have whole widths.
struct Bins {
  double first = 0, width = 1;
  std::vector<double> counts;
  double last() const { return first + width * static_cast<double>(counts.size()); }
};

// From the smallest to the largest value; where tails are long, from the 0.5% to the 99.5% quantile (`trim`). Values
// that are not finite are left out.
Bins bin(std::span<const double> values, int count, bool whole = false, bool trim = true);
Bins bin_like(std::span<const double> values, const Bins& bins);

// One line: a character's height is its bin's count.
std::string sparkline(const Bins& bins, const PlotStyle& style);

// Several lines with an axis below; each line ends with a line break.
std::string histogram(const Bins& bins, int height, const PlotStyle& style);

// Two variables' draws as shades, with axes.
std::string density_plot(std::span<const double> x, std::span<const double> y, const std::string& x_name,
                         const std::string& y_name, int height, const PlotStyle& style);

double correlation(std::span<const double> x, std::span<const double> y);

} // namespace sibyl::repl
