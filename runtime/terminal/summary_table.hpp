// The table of posteriors that `sibyl sample` and the REPL print.
#pragma once

#include "runtime/posterior/posterior_sampler.hpp"

#include <span>
#include <string>

namespace sibyl::cli {

// One row for each data set and parameter, with the data set's verdict; generated and transformed quantities go to the
// draws only. `by`: what the first column is called, "" for `data`.
std::string summary_table(std::span<const Posterior> posteriors, const Facts& facts, const std::string& by);

} // namespace sibyl::cli
