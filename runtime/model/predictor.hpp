// Data sets simulated anew for given parameters: what posterior predictive checks compare the data with.
#pragma once

#include "runtime/data/draws.hpp"
#include "runtime/data/edge_values.hpp"
#include "runtime/model/model_call.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace sibyl {

struct Prediction {
  DataBatch data; // the observed variables alone
  std::vector<std::size_t> places; // of these data sets among the rows
  LeftOut left_out;
};

// One simulated data set for each of the numbered rows of `draws`, with the design of `data` and the row's parameters;
// failed ones are left out, and it may be all. Latents are drawn anew. A data set depends on the seed and its place
// among the rows. Throws UserError where the text's data cannot be simulated, RuntimeError where `data` violates the
// model's declarations or `interrupted` became not zero.
Prediction predict(std::shared_ptr<const CompiledModel> model, const DataSet& data, const Draws& draws,
                   std::span<const std::size_t> rows, std::uint64_t seed,
                   const std::atomic<std::int32_t>* interrupted = nullptr);

} // namespace sibyl
