// Data sets without their parameters, as self-consistency reads them: as networks see them, with the model's density in
// their frames.
#pragma once

#include "runtime/model/target_density.hpp"
#include "runtime/posterior/setup.hpp"
#include "runtime/training/self_consistency.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

class UnlabelledData {
 public:
  // Throws UserError where the model has no density; RuntimeError where a data set violates the model's declarations.
  UnlabelledData(std::shared_ptr<const CompiledModel> model, const InferenceSetup& setup, DataBatch data, int threads);

  std::size_t count() const { return data_.count; }
  // These data sets, as SelfConsistency has them.
  UnlabelledBatch select(std::vector<std::size_t> which) const;
  // As UnlabelledDensity says. Not for several threads at once: it has its own.
  void evaluate(std::span<const std::size_t> which, std::span<const double> z, std::span<double> values,
                std::span<double> gradients);

 private:
  DataBatch data_;
  FrameBatch frames_;
  NetworkBatch inputs_;
  std::vector<std::unique_ptr<TargetDensity>> targets_; // one for each thread
};

// Several data sets of one file or list, each complete, as the model reads them. Throws UserError, naming the data set,
// where a value is missing or a value that was fixed in training is another; `notes` hears of sizes and design values
// outside of the range in training.
DataBatch gather_unlabelled(const std::shared_ptr<const CompiledModel>& model, const InferenceSetup& setup,
                            std::span<const DataSet> data_sets, std::vector<std::string>& notes);

} // namespace sibyl
