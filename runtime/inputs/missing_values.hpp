// Observed values that are missing: dropped on purpose in training, and filled in where a model's code needs a number.
#pragma once

#include "compiler/interface/facts.hpp"
#include "runtime/model/data_batch.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

// Replaces a share of the observed values by NaN. What is dropped depends on seed, index and place alone.
void drop_values(const Facts& facts, DataBatch& batch, std::span<const std::uint64_t> indices, double share,
                 std::uint64_t seed);

// Whether an observed value of this data set is missing.
bool has_missing_values(const Facts& facts, const DataBatch& batch, std::size_t data_set);

// What is unusual about where a data set's values are missing, of networks that were trained with this share dropped at
// random: many more of them, or a long row of them ("`y` misses 12 values in a row, ..."). A clause for each variable.
std::vector<std::string> describe_unusual_missing(const Facts& facts, const DataBatch& batch, std::size_t data_set,
                                                  double share);

// The batch with missing observed values replaced by present ones. Parameters' sizes and bounds are found by running
// the model on its data, and its checks refuse NaN; a generated quantity that reads observed values sees the
// replacements.
DataBatch complete_for_transform(const Facts& facts, DataBatch batch);

} // namespace sibyl
