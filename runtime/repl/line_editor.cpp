#include "runtime/repl/line_editor.hpp"

#include <histedit.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace sibyl::repl {

namespace {

constexpr int history_length = 2000;

std::string common_beginning(const std::vector<std::string>& words) {
  std::string common = words.front();
  for (const std::string& one : words) {
    const auto end = std::ranges::mismatch(common, one).in1;
    common.erase(end, common.end());
  }
  return common;
}

// Below the line that is typed, in columns.
void list_candidates(const std::vector<std::string>& candidates) {
  std::size_t width = 0;
  for (const std::string& one : candidates) width = std::max(width, one.size() + 2);
  const std::size_t columns = std::max<std::size_t>(1, 78 / width);
  std::putchar('\n');
  const std::size_t shown = std::min<std::size_t>(candidates.size(), 60);
  for (std::size_t i = 0; i < shown; ++i) {
    std::printf("%-*s", static_cast<int>(width), candidates[i].c_str());
    if ((i + 1) % columns == 0 || i + 1 == shown) std::putchar('\n');
  }
  if (shown < candidates.size()) std::printf("... and %zu more\n", candidates.size() - shown);
  std::fflush(stdout);
}

} // namespace

struct LineEditor::State {
  EditLine* editor = nullptr;
  History* history = nullptr;
  std::string history_file, prompt;
  std::function<Completion(std::string_view)> complete;
  bool cancelled = false;

  static State& of(EditLine* editor) {
    void* state = nullptr;
    el_get(editor, EL_CLIENTDATA, &state);
    return *static_cast<State*>(state);
  }
  static char* show_prompt(EditLine* editor) { return of(editor).prompt.data(); }

  static unsigned char on_tab(EditLine* editor, int) {
    const LineInfo* line = el_line(editor);
    const std::string_view typed(line->buffer, static_cast<std::size_t>(line->cursor - line->buffer));
    const Completion found = of(editor).complete(typed);
    if (found.candidates.empty()) return CC_ERROR;
    const std::string common = common_beginning(found.candidates);
    const std::size_t present = typed.size() - found.begin;
    if (common.size() > present) {
      el_insertstr(editor, common.c_str() + present);
      return CC_REFRESH;
    }
    if (found.candidates.size() == 1) return CC_NORM;
    list_candidates(found.candidates);
    return CC_REDISPLAY;
  }

  static unsigned char on_cancel(EditLine* editor, int) {
    of(editor).cancelled = true;
    return CC_NEWLINE;
  }
};

LineEditor::LineEditor(std::string history_file, std::function<Completion(std::string_view)> complete)
    : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.history_file = std::move(history_file);
  state.complete = std::move(complete);
  state.editor = el_init("sibyl", stdin, stdout, stderr);
  state.history = history_init();
  HistEvent event;
  history(state.history, &event, H_SETSIZE, history_length);
  history(state.history, &event, H_SETUNIQUE, 1);
  if (!state.history_file.empty()) history(state.history, &event, H_LOAD, state.history_file.c_str());
  EditLine* editor = state.editor;
  el_set(editor, EL_CLIENTDATA, &state);
  el_set(editor, EL_PROMPT, State::show_prompt);
  el_set(editor, EL_EDITOR, "emacs");
  el_set(editor, EL_HIST, history, state.history);
  el_set(editor, EL_ADDFN, "sibyl-complete", "Complete the word", State::on_tab);
  el_set(editor, EL_BIND, "^I", "sibyl-complete", nullptr);
  el_set(editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  // While a line is edited, Ctrl-C is a key like others; while something runs, it is the signal again.
  el_set(editor, EL_SETTY, "-d", "-isig", nullptr);
  el_set(editor, EL_ADDFN, "sibyl-cancel", "Leave the line", State::on_cancel);
  el_set(editor, EL_BIND, "^C", "sibyl-cancel", nullptr);
  el_source(editor, nullptr); // the user's own ~/.editrc
}

LineEditor::~LineEditor() {
  history_end(state_->history);
  el_end(state_->editor);
}

LineEditor::Event LineEditor::read(const std::string& prompt, std::string& line) {
  State& state = *state_;
  state.prompt = prompt;
  state.cancelled = false;
  int length = 0;
  const char* typed = el_gets(state.editor, &length);
  if (state.cancelled) return Event::cancelled;
  if (!typed || length <= 0) return Event::ended;
  line.assign(typed, static_cast<std::size_t>(length));
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  return Event::line;
}

void LineEditor::remember(const std::string& input) {
  State& state = *state_;
  HistEvent event;
  std::string line = input;
  if (line.find("//") == line.npos) std::ranges::replace(line, '\n', ' ');
  for (std::size_t begin = 0; begin < line.size();) {
    const std::size_t end = std::min(line.find('\n', begin), line.size());
    if (end > begin) history(state.history, &event, H_ENTER, line.substr(begin, end - begin).c_str());
    begin = end + 1;
  }
  if (state.history_file.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(state.history_file).parent_path(), ignored);
  history(state.history, &event, H_SAVE, state.history_file.c_str());
}

std::string default_history_file() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state && *state) return std::string(state) + "/sibyl/history";
  if (const char* home = std::getenv("HOME"); home && *home) return std::string(home) + "/.local/state/sibyl/history";
  return "";
}

} // namespace sibyl::repl
