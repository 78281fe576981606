#include "runtime/terminal/training_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sibyl::cli {

std::string duration_text(double seconds) {
  const auto whole = static_cast<long>(std::lround(std::max(0.0, seconds)));
  return whole >= 60 ? fmt::format("{}:{:02} min", whole / 60, whole % 60) : fmt::format("{} s", whole);
}

std::string progress_text(const TrainingProgress& at) {
  const std::string seen =
      at.epoch > 0 ? fmt::format("epoch {}", at.epoch) : fmt::format("simulations {}", at.simulations);
  return fmt::format("step {}  {}  loss {:.3f}  validation {:.3f}  left {}", at.step, seen, at.loss,
                     at.validation_loss, duration_text(at.seconds_left));
}

std::string training_summary(const TrainingResult& trained) {
  const StepTimes& times = trained.times;
  const std::string seen = trained.epochs > 0
                               ? fmt::format("{} epochs (best at step {})", trained.epochs, trained.best_step)
                               : fmt::format("{} simulations", trained.simulations);
  return fmt::format(
      "{} steps, {} in {}; {:.1f} ms a step (waiting for simulations {:.1f}, forward {:.1f}, "
      "backward {:.1f}, optimizer {:.1f})\n",
      trained.steps, seen, duration_text(trained.seconds),
      times.waiting + times.forward + times.backward + times.optimizer, times.waiting, times.forward, times.backward,
      times.optimizer);
}

} // namespace sibyl::cli
