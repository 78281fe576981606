#include "runtime/training/unlabelled_data.hpp"

#include "lang/errors.hpp"
#include "runtime/frames/small_matrix.hpp"
#include "runtime/inputs/missing_values.hpp"
#include "runtime/model/computed_data.hpp"
#include "runtime/model/parallel.hpp"
#include "runtime/posterior/network_posterior.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sibyl {

UnlabelledData::UnlabelledData(std::shared_ptr<const CompiledModel> model, const InferenceSetup& setup, DataBatch data,
                               int threads)
    : data_(std::move(data)) {
  for (int thread = 0; thread < std::max(1, threads); ++thread)
    targets_.push_back(std::make_unique<TargetDensity>(model, true));
  for (std::size_t i = 0; i < data_.count; ++i) targets_[0]->bind(data_, i);
  frames_ = FrameFinder(model, setup).find(data_);
  inputs_ = network_batch(setup.encoder.encode(model->facts(), data_, frames_));
}

UnlabelledBatch UnlabelledData::select(std::vector<std::size_t> which) const {
  NetworkBatch inputs = sibyl::select(inputs_, which);
  return {std::move(inputs), std::move(which)};
}

void UnlabelledData::evaluate(std::span<const std::size_t> which, std::span<const double> z, std::span<double> values,
                              std::span<double> gradients) {
  const std::size_t n = frames_.dimension, draws = values.size() / which.size();
  // Each thread takes data sets of its own, with its own lanes.
  const std::size_t threads = std::min(targets_.size(), which.size());
  parallel_for(threads, static_cast<int>(threads), [&](std::size_t first_thread, std::size_t last_thread) {
    std::vector<double> theta(draws * n);
    for (std::size_t thread = first_thread; thread < last_thread; ++thread)
      for (std::size_t k = which.size() * thread / threads; k < which.size() * (thread + 1) / threads; ++k) {
        const std::size_t first = k * draws;
        for (std::size_t i = 0; i < draws; ++i)
          frames_.from_frame(which[k], z.data() + (first + i) * n, theta.data() + i * n);
        targets_[thread]->bind(data_, which[k]);
        const auto own = gradients.subspan(first * n, draws * n);
        targets_[thread]->evaluate(theta, values.subspan(first, draws), own);
        // theta = m + L^-T z.
        for (std::size_t i = 0; i < draws; ++i)
          small_matrix::solve_lower(frames_.factor.data() + which[k] * n * n, own.data() + i * n, n);
      }
  });
}

DataBatch gather_unlabelled(const std::shared_ptr<const CompiledModel>& model, const InferenceSetup& setup,
                            std::span<const DataSet> data_sets, std::vector<std::string>& notes) {
  const Facts& facts = model->facts();
  if (data_sets.empty()) throw UserError("there are no real data sets to learn from");
  DataBatch batch = gather(facts, data_sets);
  for (std::size_t i = 0; i < data_sets.size(); ++i) {
    const std::string& label = data_sets[i].label;
    if (has_missing_values(facts, batch, i))
      throw UserError(fmt::format("the real data set {} has missing values: its density, which it is to be learned "
                                  "from by, is not available",
                                  label));
    for (const std::string& warning : setup.trained_range.check(facts, batch, i, label))
      notes.push_back(fmt::format("real data set {}: {}", label, warning));
  }
  compute_observed(model, batch);
  return batch;
}

} // namespace sibyl
