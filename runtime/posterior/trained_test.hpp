// The local test that a sampler carries, for draws that no density checks: learned from the fresh simulations that
// calibrate it (runtime/trust/local_test.hpp), so that it costs a data set next to nothing. `sample --verify` has a
// sharper one, from simulations near the data set.
//
// What the networks may have overlooked is told by a regression on the values of the data (overlooked.hpp): on all of
// them where data sets are of one size, else on their moments.
#pragma once

#include "runtime/model/data_batch.hpp"
#include "runtime/networks/weights.hpp"
#include "runtime/trust/local_test.hpp"
#include "runtime/trust/overlooked.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

// Numbers of a data set's observed variables that a regression can use: first `moments` that are as many for other
// sizes.
struct DataFeatures {
  std::vector<double> values;
  std::size_t moments = 0;
};
DataFeatures data_features(const Facts& facts, const DataBatch& batch, std::size_t data_set);

// A simulated data set with its true parameters and draws of these, unconstrained; LocalExample::pulls is empty.
struct TestExample {
  LocalExample local;
  DataFeatures features;
};

class TrainedTest {
 public:
  TrainedTest() = default; // empty: it tells nothing
  // Empty where there is too little to learn from.
  TrainedTest(std::vector<TestExample> examples, std::uint64_t seed);

  bool empty() const { return test_.empty(); }
  std::size_t parameter_count() const { return test_.parameter_count(); }
  std::size_t summary_size() const { return test_.summary_size(); }

  // As LocalTest::judge. Nothing, too, where the data set has a size that is unlike those of all simulations.
  std::optional<LocalOutcome> judge(std::span<const float> summary, const DataFeatures& features,
                                    std::span<const double> unconstrained, const Draws& shown,
                                    std::size_t parameter_columns) const;

  // In a sampler's file: a document among the metadata, and a tensor among the weights; neither for an empty one.
  static constexpr const char* weights_name = "local_test";
  nlohmann::json document() const;
  WeightTensor weights() const;
  // Throws UserError where they are damaged.
  static TrainedTest from_file(const nlohmann::json& document, WeightTensor weights);

 private:
  LocalTest test_;
  std::optional<Overlooked> overlooked_;
  bool uses_moments_ = false; // alone, since sizes vary
};

} // namespace sibyl
