#include "runtime/cli/interrupt.hpp"

#include <csignal>

namespace sibyl::cli {

namespace {

volatile std::int32_t interrupted = 0;

extern "C" void on_signal(int signal) {
  if (interrupted) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  interrupted = 1;
}

} // namespace

const volatile std::int32_t* interrupt_flag() {
  static const bool installed = [] {
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);
    return true;
  }();
  (void)installed;
  return &interrupted;
}

} // namespace sibyl::cli
