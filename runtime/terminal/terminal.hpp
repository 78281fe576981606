// What commands print to: plain text, colour on a terminal only, messages on standard error, results on standard
// output.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sibyl::cli {

// Thrown when the messages were already shown; ends the program with the user error's exit code.
struct AlreadyReported {};

bool stdin_is_terminal();
bool stdout_is_terminal();
bool stderr_is_terminal();

// "error: ..." on standard error, in red on a terminal.
void print_error(std::string_view message);
void print_note(std::string_view message);

// A table of text with columns aligned: the first `left_aligned` columns to the left, the others to the right.
std::string format_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                         std::size_t left_aligned);

// A number for people: four significant digits, no exponent unless it is needed.
std::string format_number(double value);

// A progress line on standard error. On a terminal it is rewritten in place; elsewhere a line is printed now and then.
class ProgressLine {
 public:
  ~ProgressLine();
  void show(const std::string& text);
  void finish();

 private:
  bool shown_ = false;
  double last_printed_seconds_ = -1e9;
};

} // namespace sibyl::cli
