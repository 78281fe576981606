// Simulated data sets as one CSV table: a column `set`, and a row for each position of the data's first dimension.
#pragma once

#include "runtime/model/data_batch.hpp"

#include <string>

namespace sibyl::cli {

enum class LongTable { data, parameters };

// Data: variables whose first dimension is the rows' (all of one size), others repeated as constant columns (`x.1`,
// `x.2`). Parameters: one row for each data set, in the draws' columns. Throws UserError for data of several row
// dimensions.
std::string long_table(const Facts& facts, const DataBatch& batch, LongTable what);

} // namespace sibyl::cli
