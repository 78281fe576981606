// Plots as inline SVG: marks in data coordinates, coloured by classes that the page's style sheet knows in light and
// dark
// (`line`, `faint`, `band`, `dot`, `bad`, `bar`, `rule`).
#pragma once

#include <span>
#include <string>
#include <vector>

namespace sibyl::svg {

struct Range {
  double low, high;
};

// The range of all that is finite, a little wider; [0, 1] where nothing is.
Range range_of(std::span<const double> values);


class Plot {
 public:
  Plot(Range x, Range y, double width = 230, double height = 170);

  void line(std::span<const double> x, std::span<const double> y, const char* style = "line");
  void band(std::span<const double> x, std::span<const double> low, std::span<const double> high);
  void dots(std::span<const double> x, std::span<const double> y, const char* style = "dot", double radius = 1.6);
  void segment(double x0, double y0, double x1, double y1, const char* style = "rule");
  void bar(double x0, double x1, double height);

  // The whole element. `description`: what a reader who does not see it is told.
  std::string finish(const std::string& title, const std::string& x_label, const std::string& y_label,
                     const std::string& description) const;

 private:
  double to_x(double value) const;
  double to_y(double value) const;

  Range x_, y_;
  double width_, height_;
  std::string marks_;
};

// Bars of the values' distribution, between the ends of `range`.
void add_histogram(Plot& plot, std::span<const double> values, Range range, std::size_t bins);
// The largest bar of such a histogram.
double largest_count(std::span<const double> values, Range range, std::size_t bins);

} // namespace sibyl::svg
