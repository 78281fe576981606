// Ctrl-C and SIGTERM as a flag that long work polls, so that nothing done before is lost. A second Ctrl-C ends at once,
// except in the REPL, which has a session to lose. The flag counts them: what begins after one is told of the next.
#pragma once

#include <atomic>
#include <cstdint>

namespace sibyl::cli {

enum class SecondInterrupt { ends_program, is_ignored };

// Installs the handlers at its first call.
const std::atomic<std::int32_t>* interrupt_flag(SecondInterrupt second = SecondInterrupt::ends_program);
void clear_interrupt();

} // namespace sibyl::cli
