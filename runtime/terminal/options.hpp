// What several commands' options mean.
#pragma once

#include "compiler/interface/facts.hpp"
#include "runtime/data/data_set.hpp"

#include <string>

namespace sibyl::cli {

int default_threads();

// --design FILE: one data set with the design variables that the model does not draw.
DataSet read_design(const std::string& path, const Facts& facts);

// The data of a command that works on one data set; "" where no file is given, which suits a model without data. Throws
// UserError where the file has several.
DataSet read_data_set(const std::string& path, const Facts& facts);

// "60s", "3m", "1h", "90" (seconds). Throws UserError.
double parse_duration(const std::string& text);

} // namespace sibyl::cli
