// What is said of a training, by `sibyl train` and the REPL alike.
#pragma once

#include "runtime/training/training_interface.hpp"

#include <string>

namespace sibyl::cli {

// "45 s", "2:05 min"
std::string duration_text(double seconds);
// The progress line.
std::string progress_text(const TrainingProgress& at);
// One line on steps, simulations and where a step's time goes.
std::string training_summary(const TrainingResult& trained);

} // namespace sibyl::cli
