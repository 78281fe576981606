#include "runtime/repl/repl.hpp"

#include "compiler/jit/object_store.hpp"
#include "lang/errors.hpp"
#include "lang/words.hpp"
#include "runtime/model/model_call.hpp"
#include "runtime/repl/input.hpp"
#include "runtime/repl/line_editor.hpp"
#include "runtime/terminal/interrupt.hpp"
#include "runtime/terminal/options.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace sibyl::repl {

namespace {

constexpr const char* prompt = "sibyl> ";
constexpr const char* continued_prompt = "     | ";

// `print` of the model runs in each simulated data set, thousands of them: the first few lines of an input are shown.
constexpr int shown_prints = 10;
std::atomic<int> prints = 0;

void print_some(const char* text, std::size_t length) {
  const int number = ++prints;
  if (number <= shown_prints) fmt::print("{}", std::string_view(text, length));
  if (number == shown_prints + 1) fmt::print("... and more from `print`\n");
}

Outcome run(Session& session, const std::string& input) {
  cli::clear_interrupt();
  prints = 0;
  return session.run(input);
}

PlotStyle plot_style() {
  PlotStyle style;
  style.unicode = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    style.width = std::clamp(size.ws_col - 20, 20, 72);
  return style;
}

void edit_file(const std::string& path) {
  const char* editor = std::getenv("VISUAL");
  if (!editor || !*editor) editor = std::getenv("EDITOR");
  if (!editor || !*editor) editor = "vi";
  if (std::system(fmt::format("{} '{}'", editor, path).c_str()) != 0)
    throw UserError(fmt::format("the editor `{}` failed; $EDITOR names another", editor));
}

Surroundings surroundings(cli::ProgressLine& progress, bool interactive) {
  Surroundings result;
  result.print = [](std::string_view text) {
    fmt::print("{}", text);
    std::fflush(stdout);
  };
  result.complain = [](std::string_view text) {
    std::fflush(stdout);
    fmt::print(stderr, "{}", text);
  };
  result.progress = [&progress](std::string_view text) {
    if (text.empty()) progress.finish();
    else progress.show(std::string(text));
  };
  if (interactive) result.edit = edit_file;
  result.interrupted = cli::interrupt_flag(cli::SecondInterrupt::is_ignored);
  result.cache_directory = jit::default_cache_directory();
  result.colour = cli::stderr_is_terminal();
  result.plot = plot_style();
  return result;
}

// The next complete input. Nothing at the end of the script; an input that it breaks off is given as it is.
std::optional<std::string> next_in_script() {
  std::string input, line;
  while (std::getline(std::cin, line)) {
    input += line + "\n";
    if (is_complete(input)) return input;
  }
  if (is_blank(input)) return std::nullopt;
  return input;
}

// A training that Ctrl-C stops early leaves its sampler, and the script goes on with it; all else that is stopped ends
// it.
bool run_script(Session& session) {
  while (const auto input = next_in_script()) {
    const Outcome outcome = run(session, *input);
    if (outcome != Outcome::fine) return outcome == Outcome::ended;
  }
  return true;
}

// An empty line ends an input that its brackets leave open: what is wrong with it is then told.
void run_at_terminal(Session& session) {
  LineEditor editor(default_history_file(), [&](std::string_view line) { return session.complete(line); });
  std::string input;
  for (;;) {
    std::string line;
    const LineEditor::Event event = editor.read(input.empty() ? prompt : continued_prompt, line);
    if (event == LineEditor::Event::ended) break;
    if (event == LineEditor::Event::cancelled) {
      input.clear();
      continue;
    }
    const bool is_last = !input.empty() && trimmed(line).empty();
    input += line + "\n";
    if (!is_last && !is_complete(input)) continue;
    const std::string whole(trimmed(std::exchange(input, "")));
    if (whole.empty()) continue;
    editor.remember(whole);
    if (run(session, whole) == Outcome::ended) return;
  }
  fmt::print("\n");
}

} // namespace

bool run_repl(const std::string& model, const std::string& version,
              const std::vector<std::string>& include_directories) {
  std::setlocale(LC_CTYPE, "");
  const bool interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  cli::ProgressLine progress;
  Settings settings;
  settings.threads = cli::default_threads();
  Surroundings around = surroundings(progress, interactive);
  around.include_directories = include_directories;
  Session session(std::move(around), settings);
  std::signal(SIGTERM, SIG_DFL);
  set_print_sink(print_some);
  if (interactive) fmt::print("Sibyl {}. Type a model, or :help.\n", version);
  if (!model.empty() && session.run(":load " + model) == Outcome::failed && !interactive) return false;
  if (!interactive) return run_script(session);
  run_at_terminal(session);
  return true;
}

} // namespace sibyl::repl
