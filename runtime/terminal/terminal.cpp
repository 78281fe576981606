#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <unistd.h>

namespace sibyl::cli {

bool stdin_is_terminal() { return isatty(STDIN_FILENO) != 0; }
bool stdout_is_terminal() { return isatty(STDOUT_FILENO) != 0; }
bool stderr_is_terminal() { return isatty(STDERR_FILENO) != 0; }

void print_error(std::string_view message) {
  fmt::print(stderr, fmt::runtime(stderr_is_terminal() ? "\033[1;31merror:\033[0m {}\n" : "error: {}\n"), message);
}

void print_note(std::string_view message) {
  fmt::print(stderr, fmt::runtime(stderr_is_terminal() ? "\033[1mnote:\033[0m {}\n" : "note: {}\n"), message);
}

std::string format_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                         std::size_t left_aligned) {
  std::vector<std::size_t> widths(header.size());
  for (std::size_t c = 0; c < header.size(); ++c) {
    widths[c] = header[c].size();
    for (const auto& row : rows) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  auto append = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      if (c > 0) line += "  ";
      line +=
          c < left_aligned ? fmt::format("{:<{}}", cells[c], widths[c]) : fmt::format("{:>{}}", cells[c], widths[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  append(header);
  for (const auto& row : rows) append(row);
  return text;
}

std::string format_number(double value) {
  if (!std::isfinite(value)) return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  const double magnitude = std::abs(value);
  if (magnitude != 0 && (magnitude < 1e-3 || magnitude >= 1e6)) return fmt::format("{:.3g}", value);
  if (magnitude >= 1000) return fmt::format("{:.0f}", value);
  return fmt::format("{:.{}f}", value, magnitude >= 100 ? 1 : magnitude >= 10 ? 2 : 3);
}

ProgressLine::~ProgressLine() { finish(); }

void ProgressLine::show(const std::string& text) {
  using clock = std::chrono::steady_clock;
  const double now = std::chrono::duration<double>(clock::now().time_since_epoch()).count();
  if (stderr_is_terminal()) {
    if (now - last_printed_seconds_ < 0.1) return;
    fmt::print(stderr, "\r\033[K{}", text);
    shown_ = true;
  } else {
    if (now - last_printed_seconds_ < 10) return;
    fmt::print(stderr, "{}\n", text);
  }
  std::fflush(stderr);
  last_printed_seconds_ = now;
}

void ProgressLine::finish() {
  if (shown_) fmt::print(stderr, "\n");
  shown_ = false;
}

} // namespace sibyl::cli
