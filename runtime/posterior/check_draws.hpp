// Draws of an approximate posterior against the model's density: their importance weights, and what these tell.
#pragma once

#include "runtime/data/draws.hpp"
#include "runtime/model/parameters.hpp"
#include "runtime/model/target_density.hpp"
#include "runtime/trust/density_check.hpp"

#include <span>
#include <vector>

namespace sibyl {

// log p - log q for each draw. `unconstrained`: [draw][parameter]; `log_density`: the approximation's, of the
// unconstrained parameters, for each draw.
std::vector<double> log_ratios(TargetDensity& target, std::span<const double> unconstrained,
                               std::span<const double> log_density);

// `transform` is bound to the data set. `shown`: what the user gets, as the model declares it. The moments of these are
// compared with those of the weighted draws where they are the same draws, or `compares_shown` and they are no fewer;
// else those of the weighted draws with and without their weights.
DensityCheck check_draws(ParameterTransform& transform, std::span<const double> unconstrained,
                         const ImportanceWeights& weights, const Draws& shown, bool compares_shown);

} // namespace sibyl
