// A sampler file without training: the hand-written model's setup, and networks whose weights are made up.
#pragma once

#include "runtime/posterior/network_posterior.hpp"
#include "runtime/posterior/sampler_file.hpp"
#include "runtime/training/prepare.hpp"
#include "runtime/training/training_source.hpp"
#include "tests/networks_data.hpp"
#include "tests/unit/hand_written_model.hpp"

namespace sibyl::test {

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
  file.config = network_config(file.setup, "spline_flow");
  file.config.summary_width = 4;
  file.config.row_width = 4;
  file.config.sizes = {{"layers", 2}, {"hidden", 4}, {"bins", 3}};
  ExampleMaker maker(model, std::make_shared<const InferenceSetup>(file.setup), 1);
  const Examples examples = maker.make(0, 40);
  const NetworkBatch batch = network_batch(examples);
  MadeUpWeights backend;
  std::vector<EigenBackend::Tensor> rows;
  std::vector<const networks::Offsets*> offsets;
  for (const RowsBatch& source : batch.sources) {
    rows.push_back(matrix(source.rows, static_cast<std::size_t>(source.offsets.back()), source.width));
    offsets.push_back(&source.offsets);
  }
  const auto summaries =
      networks::summarize(backend, file.config, matrix(batch.direct, batch.count, batch.direct_width), rows, offsets);
  networks::SplineFlow::log_density(
      backend, file.config, matrix(batch.z, batch.count, batch.dimension),
      networks::SplineFlow::context(backend, file.config, summaries, networks::summary_size(file.config)));
  file.weights = backend.weights();
  file.typical = TypicalSet(std::span(summaries.data(), static_cast<std::size_t>(summaries.size())),
                            static_cast<std::size_t>(summaries.cols()));
  file.history = nlohmann::json::object();
  file.calibration = nlohmann::json::object();
  return file;
}

} // namespace sibyl::test
