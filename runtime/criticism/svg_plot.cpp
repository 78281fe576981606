#include "runtime/criticism/svg_plot.hpp"

#include "lang/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sibyl::svg {

namespace {

constexpr double left = 48, right = 8, top = 22, bottom = 34; // of the frame, in pixels
constexpr int most_ticks = 4;
constexpr std::size_t long_title = 22; // begins at the edge, to have room

std::vector<double> ticks(Range range) {
  const double rough = (range.high - range.low) / most_ticks;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = power;
  for (const double factor : {1.0, 2.0, 5.0, 10.0})
    if (factor * power >= rough) {
      step = factor * power;
      break;
    }
  std::vector<double> result;
  for (double at = std::ceil(range.low / step - 1e-9) * step; at <= range.high + 1e-9 * step; at += step)
    result.push_back(std::abs(at) < 1e-9 * step ? 0 : at);
  return result;
}

std::vector<double> counts(std::span<const double> values, Range range, std::size_t bins) {
  std::vector<double> result(bins);
  for (const double one : values) {
    const double place = (one - range.low) / (range.high - range.low) * static_cast<double>(bins);
    if (place >= 0 && place <= static_cast<double>(bins))
      result[std::min(bins - 1, static_cast<std::size_t>(place))] += 1;
  }
  return result;
}

} // namespace

Range range_of(std::span<const double> values) {
  Range range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const double one : values)
    if (std::isfinite(one)) range = {std::min(range.low, one), std::max(range.high, one)};
  if (!(range.low <= range.high)) return {0, 1};
  if (range.low == range.high) {
    const double pad = range.low == 0 ? 1 : 0.1 * std::abs(range.low);
    return {range.low - pad, range.high + pad};
  }
  const double pad = 0.04 * (range.high - range.low);
  return {range.low - pad, range.high + pad};
}

Plot::Plot(Range x, Range y, double width, double height) : x_(x), y_(y), width_(width), height_(height) {}

double Plot::to_x(double value) const {
  return left + std::clamp((value - x_.low) / (x_.high - x_.low), -0.02, 1.02) * (width_ - left - right);
}
double Plot::to_y(double value) const {
  return height_ - bottom - std::clamp((value - y_.low) / (y_.high - y_.low), -0.02, 1.02) * (height_ - top - bottom);
}

void Plot::line(std::span<const double> x, std::span<const double> y, const char* style) {
  std::string points;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (std::isfinite(x[i]) && std::isfinite(y[i])) points += fmt::format("{:.1f},{:.1f} ", to_x(x[i]), to_y(y[i]));
  marks_ += fmt::format("<polyline class=\"{}\" points=\"{}\"/>", style, points);
}

void Plot::band(std::span<const double> x, std::span<const double> low, std::span<const double> high) {
  std::string points;
  for (std::size_t i = 0; i < x.size(); ++i) points += fmt::format("{:.1f},{:.1f} ", to_x(x[i]), to_y(high[i]));
  for (std::size_t i = x.size(); i-- > 0;) points += fmt::format("{:.1f},{:.1f} ", to_x(x[i]), to_y(low[i]));
  marks_ += fmt::format("<polygon class=\"band\" points=\"{}\"/>", points);
}

void Plot::dots(std::span<const double> x, std::span<const double> y, const char* style, double radius) {
  marks_ += fmt::format("<g class=\"{}\">", style);
  for (std::size_t i = 0; i < x.size(); ++i)
    if (std::isfinite(x[i]) && std::isfinite(y[i]))
      marks_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"/>", to_x(x[i]), to_y(y[i]), radius);
  marks_ += "</g>";
}

void Plot::segment(double x0, double y0, double x1, double y1, const char* style) {
  marks_ += fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>", style, to_x(x0),
                        to_y(y0), to_x(x1), to_y(y1));
}

void Plot::bar(double x0, double x1, double height) {
  if (!(height > 0)) return;
  marks_ += fmt::format("<rect class=\"bar\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>", to_x(x0),
                        to_y(height), std::max(0.5, to_x(x1) - to_x(x0) - 1), to_y(0) - to_y(height));
}

std::string Plot::finish(const std::string& title, const std::string& x_label, const std::string& y_label,
                         const std::string& description) const {
  std::string text =
      fmt::format("<svg role=\"img\" viewBox=\"0 0 {0:g} {1:g}\" width=\"{0:g}\" height=\"{1:g}\"><title>{2}</title>",
                  width_, height_, escaped_html(description));
  text += fmt::format("<text class=\"head\" x=\"{}\" y=\"13\">{}</text>",
                      title.size() > long_title ? 0 : left, escaped_html(title));
  for (const double at : ticks(x_))
    text += fmt::format("<line class=\"grid\" x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\"/><text "
                        "class=\"tick\" text-anchor=\"middle\" x=\"{0:.1f}\" y=\"{3:.1f}\">{4:g}</text>",
                        to_x(at), top, height_ - bottom, height_ - bottom + 12, at);
  for (const double at : ticks(y_))
    text += fmt::format("<line class=\"grid\" x1=\"{1:.1f}\" y1=\"{0:.1f}\" x2=\"{2:.1f}\" y2=\"{0:.1f}\"/><text "
                        "class=\"tick\" text-anchor=\"end\" x=\"{3:.1f}\" y=\"{4:.1f}\">{5:g}</text>",
                        to_y(at), left, width_ - right, left - 4, to_y(at) + 3, at);
  text += marks_;
  text += fmt::format("<text class=\"axis\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
                      0.5 * (left + width_ - right), height_ - 5, escaped_html(x_label));
  text += fmt::format("<text class=\"axis\" text-anchor=\"middle\" transform=\"translate(9,{:.1f}) "
                      "rotate(-90)\">{}</text></svg>\n",
                      0.5 * (top + height_ - bottom), escaped_html(y_label));
  return text;
}

void add_histogram(Plot& plot, std::span<const double> values, Range range, std::size_t bins) {
  const std::vector<double> heights = counts(values, range, bins);
  const double width = (range.high - range.low) / static_cast<double>(bins);
  for (std::size_t i = 0; i < bins; ++i)
    plot.bar(range.low + static_cast<double>(i) * width, range.low + static_cast<double>(i + 1) * width, heights[i]);
}

double largest_count(std::span<const double> values, Range range, std::size_t bins) {
  const std::vector<double> heights = counts(values, range, bins);
  return std::max(1.0, *std::max_element(heights.begin(), heights.end()));
}

} // namespace sibyl::svg
