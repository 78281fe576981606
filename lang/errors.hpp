// The three kinds of exception that Sibyl throws, so that every caller can tell whose mistake it was.
//
// Mistakes in the user's model text are not exceptions: they are Diagnostic values (lang/diagnostic.hpp), collected and
// shown together. Everything else that can go wrong is one of these three, and the program's exit code follows from it.
#pragma once

#include <stdexcept>
#include <string>

namespace sibyl {

// The user asked for something that cannot be done: a missing file, a column that is not there, an unusable option.
// Exit code 2.
struct UserError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Something failed while running what the user rightly asked for: a negative scale during simulation, a full disk.
// Exit code 1.
struct RuntimeError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A broken invariant of Sibyl itself: a bug. Exit code 70.
struct InternalError : std::logic_error {
  explicit InternalError(const std::string& what)
      : std::logic_error("internal error: " + what + "\nThis is a bug in Sibyl, not in your model.") {}
};

} // namespace sibyl
