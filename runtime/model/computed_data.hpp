// Observed values that the model computes from what a file holds: `log_y` of the transformed data, drawn in the model.
// Simulated data sets have them already.
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "runtime/model/data_batch.hpp"

#include <memory>

namespace sibyl {

// Fills in the computed observed variables that the batch lacks, by the model's transformed data. Throws RuntimeError
// with the model's own message where a data set fails its checks.
void compute_observed(const std::shared_ptr<const CompiledModel>& model, DataBatch& batch);

} // namespace sibyl
