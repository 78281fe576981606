// Data sets from JSON as Stan reads it: an object of numbers and nested arrays.
//
// Nested arrays are in row-major order of the indices. "NaN", "Inf", "+Inf", "-Inf" (and "Infinity") are numbers, null
// is a missing value, and so is a bare NaN, which several writers emit although JSON has none. A tuple is an object of
// its parts, {"1": 2, "2": [0.5, 1]}, and becomes the variables `t:1` and `t:2`; an array of tuples one array for each
// part. An array of objects at the top is several data sets.
#pragma once

#include "runtime/data/data_set.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sibyl {

// Throws UserError naming the file, the variable and the place in it.
std::vector<DataSet> read_json_data(const std::string& path);

// Likewise from text; `name` is what messages call it.
std::vector<DataSet> parse_json_data(std::string_view text, const std::string& name);

} // namespace sibyl
