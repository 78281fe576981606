// A REPL session: inputs in, text out. It knows no terminal, so that tests and scripts use it as a user does.
#pragma once

#include "runtime/repl/workspace.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sibyl::repl {

enum class Outcome { fine, failed, ended };

struct Completion {
  std::size_t begin = 0;               // of the word that is completed, in the line
  std::vector<std::string> candidates; // what may stand in its place; a complete one ends in a space where more follows
};

class Session {
 public:
  Session(Surroundings surroundings, Settings settings) : workspace_(std::move(surroundings), settings) {}

  // One complete input (is_complete in runtime/repl/input.hpp): a command, an expression, or a part of the model. What
  // fails is told, and leaves everything as it was.
  Outcome run(std::string_view input);

  // Of the line up to the cursor.
  Completion complete(std::string_view line) const;

  const Workspace& workspace() const { return workspace_; }

 private:
  Outcome run_command(std::string_view text, std::uint32_t number);
  void extend(std::uint32_t number);

  Workspace workspace_;
};

} // namespace sibyl::repl
