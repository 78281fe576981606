// Lines from a terminal, with editing, history and completion (libedit).
#pragma once

#include "runtime/repl/session.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sibyl::repl {

class LineEditor {
 public:
  // History is read from and kept in `history_file` (empty: not kept). A file that cannot be written costs the history,
  // not the session.
  LineEditor(std::string history_file, std::function<Completion(std::string_view)> complete);
  ~LineEditor();

  enum class Event { line, cancelled, ended }; // cancelled: Ctrl-C; ended: Ctrl-D, or the terminal is gone
  Event read(const std::string& prompt, std::string& line);

  // An input of several lines becomes one line of the history where no comment forbids.
  void remember(const std::string& input);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// $XDG_STATE_HOME/sibyl/history, or ~/.local/state/sibyl/history; empty where neither variable is set.
std::string default_history_file();

} // namespace sibyl::repl
