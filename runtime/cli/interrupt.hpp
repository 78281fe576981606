// Ctrl-C and SIGTERM as a flag that long work polls, so that nothing done before is lost. A second Ctrl-C ends at once.
#pragma once

#include <cstdint>

namespace sibyl::cli {

// Installs the handlers at its first call.
const volatile std::int32_t* interrupt_flag();

} // namespace sibyl::cli
