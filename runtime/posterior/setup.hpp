// All that is decided about a model before its networks are trained: frame, input plan, scales. Made from pilot
// simulations (runtime/training/prepare.hpp), stored in the sampler file.
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "runtime/data/data_set.hpp"
#include "runtime/frames/laplace_frame.hpp"
#include "runtime/frames/views.hpp"
#include "runtime/inputs/input_encoder.hpp"
#include "runtime/model/parameter_space.hpp"
#include "runtime/model/region.hpp"
#include "runtime/posterior/trained_range.hpp"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sibyl {

struct InferenceSetup {
  InputEncoder encoder;
  std::vector<double> candidates; // where Laplace frames look for starts, [point][parameter]
  double missing_share = 0;
  std::optional<DataSet> design;
  std::optional<Region> region; // where parameters were drawn from, instead of their priors
  TrainedRange trained_range;
  ParameterSpace space;            // of the unconstrained parameters
  std::size_t parameter_count = 0; // its dimension
  std::vector<std::string> parameter_names; // constrained, in Stan's order
  std::vector<std::string> notes;           // on what was decided, for the user

  FrameKind frame_kind() const { return encoder.frame_kind(); }
};

// The frames of data sets as the setup has them, with what its networks are told of densities. Not for several threads
// at once.
class FrameFinder {
 public:
  FrameFinder(std::shared_ptr<const CompiledModel> model, const InferenceSetup& setup);
  FrameBatch find(const DataBatch& batch);

 private:
  PriorFrame prior_;
  std::optional<LaplaceFrames> laplace_;
  std::optional<Views> views_;
};

void to_json(nlohmann::json& json, const InferenceSetup& setup);
// What a file says is not trusted: throws UserError where the setup does not agree with itself.
void from_json(const nlohmann::json& json, InferenceSetup& setup);
// Throws UserError, calling the file `name`, where networks that were read want data that the model does not have so.
void require_columns(const Facts& facts, const InputPlan& plan, const std::string& name);
// Likewise, where a setup that was read is for another model.
void require_fit(const Facts& facts, InferenceSetup& setup, const std::string& name);

} // namespace sibyl
