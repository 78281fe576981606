// The frame of every program of Sibyl: what goes wrong becomes a message and an exit code.
#pragma once

#include <functional>

namespace sibyl::cli {

// Runs `body`, which reads the command line and does what it asks for. 0: all well, or help was asked for; 1: failed
// while running; 2: the input is wrong; 70: a bug.
int run_program(const std::function<void()>& body);

} // namespace sibyl::cli
