// Deciding a setup from pilot simulations: which frame, which inputs, which scales.
#pragma once

#include "runtime/model/simulator.hpp"
#include "runtime/posterior/setup.hpp"

#include <atomic>
#include <cstdint>

namespace sibyl {

// The user's wish for the frame.
// variational: from the mode or from the prior, whichever comes closer to the pilot simulations' parameters.
enum class FrameChoice { automatic, prior, laplace, variational };

struct SetupOptions {
  FrameChoice frame = FrameChoice::automatic;
  PlanOptions plan;
  double missing_share = 0;      // of the observed values, dropped at random in training
  std::optional<DataSet> design; // design variables without a distribution
  std::optional<Region> region;  // instead of priors and design
  std::uint64_t seed = 1;
  int threads = 1;
  std::size_t pilot_count = 2000;
  // What finding the pilot simulations' frames may take, about; 0: any time. Where it is over, fewer of them are used.
  double frame_seconds = 0;
  const std::atomic<std::int32_t>* interrupted = nullptr;
};

// Simulations to learn from, on the options' threads: those that are left out are counted.
SimulatedBatch simulate_usable(const std::shared_ptr<const CompiledModel>& model, const SetupOptions& options,
                               std::uint64_t first_index, std::size_t count);

// `pilot`: the pilot simulations where there are some already; with none, `pilot_count` are made.
// Throws UserError where the model cannot be simulated (with a region: its data given parameters), has no parameters or
// no observed variables, or no network reads its data.
InferenceSetup prepare(std::shared_ptr<const CompiledModel> model, const SetupOptions& options,
                       const SimulatedBatch* pilot = nullptr);

} // namespace sibyl
