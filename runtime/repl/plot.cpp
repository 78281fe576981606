#include "runtime/repl/plot.hpp"

#include "runtime/data/draws.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>

namespace sibyl::repl {

namespace {

using Glyphs = std::array<const char*, 9>; // by eighths
constexpr Glyphs blocks = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr Glyphs ascii_blocks = {" ", ".", ".", ":", ":", "-", "=", "#", "#"};
constexpr std::array<const char*, 5> shades = {" ", "░", "▒", "▓", "█"};
constexpr std::array<const char*, 5> ascii_shades = {" ", ".", "o", "O", "@"};

// Of a share from 0 to 1; whatever is not zero is seen.
const char* glyph(double share, const PlotStyle& style) {
  const int eighths = share <= 0 ? 0 : std::clamp(static_cast<int>(std::lround(share * 8)), 1, 8);
  return (style.unicode ? blocks : ascii_blocks)[static_cast<std::size_t>(eighths)];
}

double largest(const std::vector<double>& counts) {
  return counts.empty() ? 0 : std::max(1.0, *std::ranges::max_element(counts));
}

std::vector<double> finite_sorted(std::span<const double> values) {
  std::vector<double> sorted;
  for (const double value : values)
    if (std::isfinite(value)) sorted.push_back(value);
  std::ranges::sort(sorted);
  return sorted;
}

// "-1.2          0.3          1.9": the ends and the middle of a range, in `width` columns.
std::string axis_labels(double low, double high, int width) {
  const std::string left = cli::format_number(low), middle = cli::format_number((low + high) / 2),
                    right = cli::format_number(high);
  std::string line(static_cast<std::size_t>(std::max(width, 1)), ' ');
  const auto put = [&](const std::string& text, int place) {
    place = std::clamp(place, 0, std::max(0, width - static_cast<int>(text.size())));
    line.replace(static_cast<std::size_t>(place), text.size(), text);
  };
  if (left.size() + middle.size() + right.size() + 4 <= line.size())
    put(middle, (width - static_cast<int>(middle.size())) / 2);
  put(left, 0);
  put(right, width - static_cast<int>(right.size()));
  return line;
}

std::string rule(int width, const PlotStyle& style) {
  std::string line;
  for (int i = 0; i < width; ++i) line += style.unicode ? "─" : "-";
  return line;
}

} // namespace

Bins bin(std::span<const double> values, int count, bool whole, bool trim) {
  Bins bins;
  const std::vector<double> sorted = finite_sorted(values);
  if (sorted.empty()) {
    bins.counts.assign(static_cast<std::size_t>(count), 0);
    return bins;
  }
  double low = sorted.front(), high = sorted.back();
  if (trim) {
    const double inner_low = sorted_quantile(sorted, 0.005), inner_high = sorted_quantile(sorted, 0.995);
    const double margin = 0.25 * (inner_high - inner_low);
    if (low < inner_low - margin) low = inner_low;
    if (high > inner_high + margin) high = inner_high;
  }
  if (whole) {
    low = std::floor(low);
    high = std::ceil(high);
    bins.width = std::max(1.0, std::ceil((high - low + 1) / count));
    bins.first = low - 0.5;
    count = static_cast<int>(std::ceil((high - low + 1) / bins.width));
  } else {
    if (!(high > low)) {
      const double around = std::max(std::abs(low) * 0.05, 1e-6);
      low -= around;
      high += around;
    }
    bins.first = low;
    bins.width = (high - low) / count;
  }
  bins.counts.assign(static_cast<std::size_t>(count), 0);
  return bin_like(values, bins);
}

Bins bin_like(std::span<const double> values, const Bins& bins) {
  Bins result{bins.first, bins.width, std::vector<double>(bins.counts.size(), 0)};
  const auto count = static_cast<double>(result.counts.size());
  for (const double value : values) {
    const double place = (value - bins.first) / bins.width;
    // The largest value itself belongs to the last bin.
    if (place >= 0 && place <= count * (1 + 1e-12))
      ++result.counts[std::min(static_cast<std::size_t>(place), result.counts.size() - 1)];
  }
  return result;
}

std::string sparkline(const Bins& bins, const PlotStyle& style) {
  std::string line;
  for (const double count : bins.counts) line += glyph(count / largest(bins.counts), style);
  return line;
}

std::string histogram(const Bins& bins, int height, const PlotStyle& style) {
  // Few bins are drawn wider.
  const int columns = std::max(1, style.width / static_cast<int>(bins.counts.size()));
  const double top = largest(bins.counts);
  std::string text;
  for (int row = height - 1; row >= 0; --row) {
    std::string line = "  ";
    for (const double count : bins.counts) {
      const double filled = count / top * height - row; // of this row's cell
      const char* cell = filled <= 0 && !(row == 0 && count > 0) ? " " : glyph(std::clamp(filled, 0.01, 1.0), style);
      if (!style.unicode) cell = filled >= 0.25 ? "#" : (row == 0 && count > 0 ? "." : " ");
      for (int i = 0; i < columns; ++i) line += cell;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  const int width = columns * static_cast<int>(bins.counts.size());
  text += "  " + rule(width, style) + "\n";
  text += "  " + axis_labels(bins.first, bins.last(), width) + "\n";
  return text;
}

std::string density_plot(std::span<const double> x, std::span<const double> y, const std::string& x_name,
                         const std::string& y_name, int height, const PlotStyle& style) {
  const Bins columns = bin(x, style.width), rows = bin(y, height);
  const auto width = columns.counts.size();
  std::vector<double> counts(width * static_cast<std::size_t>(height), 0);
  const auto place = [](double value, const Bins& bins) -> std::optional<std::size_t> {
    const double at = (value - bins.first) / bins.width;
    if (!(at >= 0 && at <= static_cast<double>(bins.counts.size()))) return std::nullopt;
    return std::min(static_cast<std::size_t>(at), bins.counts.size() - 1);
  };
  for (std::size_t i = 0; i < x.size(); ++i)
    if (const auto column = place(x[i], columns), row = place(y[i], rows); column && row)
      ++counts[*row * width + *column];
  const double top = largest(counts);
  const std::string high = cli::format_number(rows.last()), low = cli::format_number(rows.first);
  const std::size_t margin = std::max({high.size(), low.size(), y_name.size()});
  std::string text;
  for (std::size_t row = static_cast<std::size_t>(height); row-- > 0;) {
    const std::string label = row + 1 == static_cast<std::size_t>(height)   ? high
                              : row == 0                                    ? low
                              : row == static_cast<std::size_t>(height) / 2 ? y_name
                                                                            : "";
    text += fmt::format("  {:>{}} {}", label, margin, style.unicode ? "│" : "|");
    for (std::size_t column = 0; column < width; ++column) {
      // The square root shows the tails, too.
      const double share = std::sqrt(counts[row * width + column] / top);
      const int shade = share <= 0 ? 0 : std::clamp(static_cast<int>(std::ceil(share * 4)), 1, 4);
      text += (style.unicode ? shades : ascii_shades)[static_cast<std::size_t>(shade)];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  }
  const std::string indent(margin + 3, ' ');
  text += indent + (style.unicode ? "└" : "+") + rule(static_cast<int>(width), style) + "\n";
  text += indent + " " + axis_labels(columns.first, columns.last(), static_cast<int>(width)) + "\n";
  const int centre = (static_cast<int>(width) - static_cast<int>(x_name.size())) / 2;
  text += indent + std::string(static_cast<std::size_t>(std::max(1, centre + 1)), ' ') + x_name + "\n";
  return text;
}

double correlation(std::span<const double> x, std::span<const double> y) {
  const auto n = static_cast<double>(x.size());
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n;
  const double mean_y = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double xx = 0, yy = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  return xy / std::sqrt(xx * yy);
}

} // namespace sibyl::repl
