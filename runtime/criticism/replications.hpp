// A data set beside replications of it from its posterior: the statistics of both.
#pragma once

#include "runtime/criticism/data_statistics.hpp"
#include "runtime/model/data_batch.hpp"
#include "runtime/model/parameters.hpp"
#include "runtime/posterior/posterior_sampler.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sibyl {

struct Replications {
  std::vector<PredictedStatistic> statistics; // of every data set of a model the same, in the same order
  std::size_t count = 0;                      // replications that succeeded
  std::vector<double> pulls;                  // of the unconstrained parameters (residual_pulls.hpp)
};

// Replicates data sets of a batch. Not for several threads at once.
class Replicator {
 public:
  // `batch`: the data sets; `complete`: its missing values replaced (complete_for_transform).
  Replicator(std::shared_ptr<const CompiledModel> model, const DataBatch& batch, const DataBatch& complete);

  // `posterior`: with its unconstrained draws kept, of whose first `among` `count` are taken evenly.
  Replications replicate(std::size_t data_set, const Posterior& posterior, std::size_t count, std::size_t among,
                         std::uint64_t seed, const std::atomic<std::int32_t>* interrupted);

 private:
  void add_quantities(std::size_t data_set, const DataSet& data, const DataBatch& replicated,
                      const std::vector<double>& points, std::uint64_t seed, Replications& result);

  std::shared_ptr<const CompiledModel> model_;
  const DataBatch &batch_, &complete_;
  std::vector<std::size_t> quantities_; // scalars of the generated quantities
  std::optional<ParameterTransform> transform_;
};

// How many elements of one data set's variable are in a row of its last dimension (at least one).
std::size_t row_length(const VariableBatch& variable, std::size_t data_set);

// Why a model's data sets cannot be replicated; "" where they can.
std::string why_no_replications(const CompiledModel& model);

} // namespace sibyl
