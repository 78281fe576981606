#include "runtime/terminal/interrupt.hpp"

#include <csignal>

namespace sibyl::cli {

namespace {

std::atomic<std::int32_t> interrupted = 0;
std::atomic<bool> second_ends = true;
// A signal handler may use them.
static_assert(std::atomic<std::int32_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

extern "C" void on_signal(int signal) {
  if (interrupted && second_ends) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  interrupted = interrupted + 1;
}

} // namespace

const std::atomic<std::int32_t>* interrupt_flag(SecondInterrupt second) {
  static const bool installed = [] {
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);
    return true;
  }();
  (void)installed;
  second_ends = second == SecondInterrupt::ends_program;
  return &interrupted;
}

void clear_interrupt() { interrupted = 0; }

} // namespace sibyl::cli
