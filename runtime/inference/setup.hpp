// All that is decided about a model before its networks are trained: frame, input plan, scales. Made from pilot
// simulations, stored in the sampler file.
#pragma once

#include "runtime/inference/input_encoder.hpp"
#include "runtime/inference/laplace_frame.hpp"
#include "runtime/model/compiled_model.hpp"
#include "runtime/model/simulator.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sibyl {

// The user's wish for the frame.
enum class FrameChoice { automatic, prior, laplace };

struct SetupOptions {
  FrameChoice frame = FrameChoice::automatic;
  PlanOptions plan;
  double missing_share = 0;      // of the observed values, dropped at random in training
  std::optional<DataSet> design; // design variables without a distribution
  std::uint64_t seed = 1;
  int threads = 1;
  std::size_t pilot_count = 2000;
  const volatile std::int32_t* interrupted = nullptr;
};

// Data sets are numbered; these ranges never meet, so that nothing is validated on what it was trained on.
inline constexpr std::uint64_t first_training_index = 0;
inline constexpr std::uint64_t first_pilot_index = std::uint64_t{1} << 60;
inline constexpr std::uint64_t first_validation_index = std::uint64_t{2} << 60;
inline constexpr std::uint64_t first_calibration_index = std::uint64_t{3} << 60;

struct InferenceSetup {
  InputEncoder encoder;
  std::vector<double> candidates; // where Laplace frames look for starts, [point][parameter]
  double missing_share = 0;
  std::optional<DataSet> design;
  std::size_t parameter_count = 0;
  std::vector<std::string> parameter_names; // constrained, in Stan's order
  std::vector<std::string> notes;           // on what was decided, for the user

  FrameKind frame_kind() const { return encoder.frame_kind(); }
};

// Throws UserError where the model cannot be simulated, has no parameters or no observed variables, or no network reads
// its data.
InferenceSetup prepare(std::shared_ptr<const CompiledModel> model, const SetupOptions& options);

// The frames of data sets as the setup has them. Not for several threads at once.
class FrameFinder {
 public:
  FrameFinder(std::shared_ptr<const CompiledModel> model, const InferenceSetup& setup);
  FrameBatch find(const DataBatch& batch);

 private:
  PriorFrame prior_;
  std::optional<LaplaceFrames> laplace_;
};

// Replaces a share of the observed values by NaN. What is dropped depends on seed, index and place alone.
void drop_values(const Facts& facts, DataBatch& batch, std::span<const std::uint64_t> indices, double share,
                 std::uint64_t seed);

// The batch with missing observed values replaced by present ones. Parameters' sizes and bounds are found by running
// the model on its data, and its checks refuse NaN; a generated quantity that reads observed values sees the
// replacements.
DataBatch complete_for_transform(const Facts& facts, DataBatch batch);

void to_json(nlohmann::json& json, const InferenceSetup& setup);
void from_json(const nlohmann::json& json, InferenceSetup& setup);

} // namespace sibyl
