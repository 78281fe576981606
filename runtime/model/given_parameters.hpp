// Draws of the parameters as inputs of functions that take them as the model declares them.
#pragma once

#include "runtime/data/draws.hpp"
#include "runtime/model/data_batch.hpp"

#include <cstddef>
#include <span>

namespace sibyl {

// The data set once for each of `count` lanes.
DataBatch repeat(const Facts& facts, const DataSet& data, std::size_t count);

// Data set i of the batch takes the parameters of draw rows[i]; those beyond take the last one's.
void put_parameters(const Facts& facts, const Draws& draws, std::span<const std::size_t> rows, DataBatch& batch);

} // namespace sibyl
