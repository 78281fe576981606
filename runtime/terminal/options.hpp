// What several commands' options mean.
#pragma once

#include "compiler/interface/facts.hpp"
#include "runtime/data/data_set.hpp"

#include <string>

namespace sibyl::cli {

int default_threads();

// --design FILE: one data set with the design variables that the model does not draw.
DataSet read_design(const std::string& path, const Facts& facts);

// "60s", "3m", "1h", "90" (seconds). Throws UserError.
double parse_duration(const std::string& text);

} // namespace sibyl::cli
