// Whether a simulated data set can be learned from: the parameters' unconstrained values and the data are finite.
#pragma once

#include "runtime/model/data_batch.hpp"
#include "runtime/model/parameter_space.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace sibyl {

struct NotFinite {
  std::size_t variable; // of the facts
  std::string text;     // "`y[3]` is inf"
};

// The first of data set `data_set` that is not finite: parameters, then data, in the facts' order. Parameters are
// compared in float, in which networks see them.
std::optional<NotFinite> find_not_finite(const Facts& facts, const DataBatch& batch, std::size_t data_set,
                                         const ParameterSpace& space, std::span<const double> unconstrained);

} // namespace sibyl
