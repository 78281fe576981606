// The sizes of a model's parameters in one data set. One sampler has parameters of fixed sizes: data sets are compared
// one by one, since what a call of several lanes gives as its number of parameters is that of the largest.
#pragma once

#include "compiler/interface/facts.hpp"

#include <cstdint>
#include <vector>

namespace sibyl {

using ParameterExtents = std::vector<std::vector<std::int64_t>>; // by parameter, in the facts' order

// Throws UserError, naming the parameter and both sizes, where they differ.
void require_same_parameters(const Facts& facts, const ParameterExtents& expected, const ParameterExtents& found);

} // namespace sibyl
