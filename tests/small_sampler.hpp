// A sampler file without training: the hand-written model's setup, and networks whose weights are made up.
#pragma once

#include "runtime/posterior/network_posterior.hpp"
#include "runtime/posterior/sampler_file.hpp"
#include "runtime/training/prepare.hpp"
#include "runtime/training/training_source.hpp"
#include "tests/networks_data.hpp"
#include "tests/unit/hand_written_model.hpp"

#include <random>

namespace sibyl::test {

// The backend that evaluates, with each weight made up when it is first asked for.
class MadeUpWeights : public EigenBackend {
 public:
  MadeUpWeights() : EigenBackend(made_) {}

  Eigen::Map<const Tensor> parameter(const std::string& name, std::size_t rows, std::size_t columns,
                                     networks::Initial) const {
    WeightTensor& tensor = made_[name];
    tensor.rows = rows;
    tensor.columns = columns;
    std::normal_distribution<float> normal(0, 0.1f);
    while (tensor.values.size() < rows * columns) tensor.values.push_back(normal(random_));
    return {tensor.values.data(), static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns)};
  }
  const Weights& weights() const { return made_; }

 private:
  mutable Weights made_;
  mutable std::mt19937 random_{1};
};

// Small, so that damaging the file hits its description rather than its weights.
inline SamplerFile small_sampler(bool with_design_inputs = true) {
  const auto model = hand_written::make();
  SetupOptions options;
  options.design = hand_written::design(0.5);
  options.pilot_count = 300;
  options.missing_share = with_design_inputs ? 0.1 : 0;
  options.plan.allows_missing = with_design_inputs;
  options.frame = with_design_inputs ? FrameChoice::prior : FrameChoice::laplace;
  SamplerFile file;
  file.model_name = "hand_written";
  file.model_text = "model {}";
  file.setup = prepare(model, options);
  file.config = network_config(file.setup);
  file.config.summary_width = 4;
  file.config.row_width = 4;
  file.config.layers = 2;
  file.config.hidden = 4;
  file.config.bins = 3;
  ExampleMaker maker(model, std::make_shared<const InferenceSetup>(file.setup), 1);
  const Examples examples = maker.make(0, 40);
  const NetworkBatch batch = network_batch(examples);
  const MadeUpWeights backend;
  std::vector<EigenBackend::Tensor> rows;
  std::vector<const networks::Offsets*> offsets;
  for (const RowsBatch& source : batch.sources) {
    rows.push_back(matrix(source.rows, static_cast<std::size_t>(source.offsets.back()), source.width));
    offsets.push_back(&source.offsets);
  }
  const auto summaries =
      networks::summarize(backend, file.config, matrix(batch.direct, batch.count, batch.direct_width), rows, offsets);
  EigenBackend::Tensor slope = EigenBackend::Tensor::Zero(summaries.rows(), 1);
  networks::flow_forward(backend, file.config, matrix(batch.z, batch.count, batch.dimension),
                         networks::flow_context(backend, file.config, summaries), slope);
  file.weights = backend.weights();
  file.typical = TypicalSet(std::span(summaries.data(), static_cast<std::size_t>(summaries.size())),
                            static_cast<std::size_t>(summaries.cols()));
  file.history = nlohmann::json::object();
  file.calibration = nlohmann::json::object();
  return file;
}

} // namespace sibyl::test
