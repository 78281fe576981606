// Training from a compiled model to a sampler file: setup, simulation on producer threads, optimization, calibration.
// What the command line, the REPL and the library share; it prints nothing, and tells its caller of each step instead.
#pragma once

#include "runtime/posterior/posterior_sampler.hpp"
#include "runtime/posterior/sampler_file.hpp"
#include "runtime/training/calibrate.hpp"
#include "runtime/training/prepare.hpp"
#include "runtime/training/training_interface.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace sibyl {

struct SamplerTrainingOptions {
  SetupOptions setup; // its seed, threads and interrupt flag serve all of training
  TrainingBudget budget;
  std::size_t batch_size = 0; // data sets in a step; 0: 64 to 256, by their rows
  double learning_rate = 0;   // the highest; 0: the default
  std::string device = "cpu";
  std::string checkpoint; // path; empty: none
  bool resume = false;    // go on from the checkpoint
};

// What the caller hears meanwhile, on its own thread. Losses are those of parameters in unconstrained space, in nats:
// comparable between frames.
struct SamplerTrainingEvents {
  std::function<void(const InferenceSetup&)> prepared;
  std::function<void(const TrainingProgress&)> progress;
  std::function<void(const TrainingResult&)> trained; // calibration follows
};

struct TrainedSampler {
  SamplerFile file;
  TrainingResult training;
  Calibration calibration;
};

// With the frame left open (FrameChoice::automatic), a budget that is long enough also pays for trials of both frames.
// Throws UserError where the model has no simulator, no network fits, or the checkpoint is missing or another model's.
// An interrupted run returns what it has, calibrated. The checkpoint stays: its owner removes it when the sampler file
// is safely written.
TrainedSampler train_sampler(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options,
                             const SamplerTrainingEvents& events = {});

} // namespace sibyl
