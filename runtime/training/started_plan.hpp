// What a training that is resumed takes over beside its weights: what was decided before it. Under a budget of seconds
// that depends on how long things took, and would not be decided so again.
#pragma once

#include "runtime/training/train_sampler.hpp"

#include <cstddef>
#include <string>

namespace sibyl {

struct StartedPlan {
  InferenceSetup setup;
  std::size_t validated = 0; // simulations that the validation set was made from; of a fixed set it follows
};

// Of the model and all options that decide what is trained.
std::string training_identity(const CompiledModel& model, const SamplerTrainingOptions& options);

// For a checkpoint to carry.
std::string to_text(const StartedPlan& plan);

// Throws UserError where the options' checkpoint is of another identity, damaged, or of another version.
StartedPlan read_started_plan(const CompiledModel& model, const SamplerTrainingOptions& options);

} // namespace sibyl
