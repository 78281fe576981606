// Whether a training has the self-consistency term, and on which data sets.
#pragma once

#include "runtime/training/training_plan.hpp"

#include <string>
#include <vector>

namespace sibyl {

// Throws UserError where the options want the term, and the model has no density or the family no quick one.
void require_self_consistency(const CompiledModel& model, const SamplerTrainingOptions& options);

// Adds the term to the plan's job where the options want it. `notes` hears of it. Throws UserError where the real data
// sets do not fit the model.
void add_self_consistency(TrainingPlan& plan, const SamplerTrainingOptions& options, std::vector<std::string>& notes);

} // namespace sibyl
