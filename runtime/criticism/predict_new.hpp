// Posterior predictive draws: data of a fitted model, for the design that was observed or for another.
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "runtime/data/draws.hpp"
#include "runtime/data/edge_values.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace sibyl {

// The data set with another design: its observed variables take the sizes of that, and the values of `data` over and
// over, so that they are within their declared bounds; they stand for what is predicted. Throws UserError where the new
// design gives no value to what decides a size.
DataSet with_design(const Facts& facts, const DataSet& data, const DataSet& design);

// One row for each draw: the observed variables, simulated anew, and the generated quantities: `draws`' own where the
// data set is the one that they were made for, else (with `unconstrained`, [draw][parameter]) computed from each
// simulated data set. Rows that fail are left out. Throws UserError where the model's data cannot be simulated.
Draws predict_draws(const std::shared_ptr<const CompiledModel>& model, const DataSet& data, const Draws& draws,
                    std::span<const double> unconstrained, bool is_new_design, std::uint64_t seed, LeftOut& left_out,
                    const std::atomic<std::int32_t>* interrupted);

} // namespace sibyl
